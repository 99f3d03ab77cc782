/* The option table of playreport-ingest, and the values it fills. */
#ifndef INGEST_OPTIONS_H
#define INGEST_OPTIONS_H

#include "common/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ingest_options {
    const char *listen, *admin_listen;
    int64_t workers; /* 0 = one per processor */
    const char *journal;
    int64_t journal_max_bytes;
    int64_t ack; /* enum ack_level */
    int64_t ack_timeout_ms;
    int64_t requests_max; /* replies that are held at once */
    const char *topic;
    bool topic_create;
    int64_t topic_partitions, topic_replication;
    int64_t linger_ms;
    bool cloudevents;
    const char *sites;
    const char *trusted_proxies, *download_from, *internal; /* lists of networks */
    const char *bots, *catalogue;                           /* files, or "" */
    const char *cors_origins;                               /* "*", or a list of origins */
    int64_t client_ip;                                      /* enum client_ip */
    int64_t user_agent;                                     /* enum client_agent */
    int64_t privacy_signals;                                /* enum privacy_signals */
    int64_t rate_limit, rate_burst; /* reports a second of an address, 0 = off; and at once */
    int64_t error_status;           /* index of the choices: 0 = 200, 1 = 400 */
    int64_t log_level;              /* enum log_level */
    int64_t drain_delay_ms, drain_timeout_ms;
};

/* The table alone, for commands that read the daemon's settings and options of their own. */
const struct config_option *ingest_options_table(size_t *count);

/* The versions of the libraries, for --version. Returns out. */
enum { OPTIONS_VERSIONS_SIZE = 256 };
const char *ingest_options_versions(char out[OPTIONS_VERSIONS_SIZE]);

/* Reads them; see config_read(). values must stay where it is until config_free(). */
enum config_result ingest_options_read(struct config **out, struct ingest_options *values, int argc,
                                       char **argv, char **envp);

/*
 * Reads them once more; see config_reread(). values must not outlive *out. A daemon that runs takes
 * some of them; ingest_options_fixed() appends, parted by commas, those of the others that differ.
 */
int ingest_options_reread(struct config **out, struct ingest_options *values, int argc, char **argv,
                          char **envp, struct error *err);
void ingest_options_fixed(struct config_side running, struct config_side read,
                          struct buffer *names);

#endif
