/* The option table of playreport-consumer, and the values it fills. */
#ifndef CONSUMER_OPTIONS_H
#define CONSUMER_OPTIONS_H

#include "common/config.h"
#include "consumer/query.h"

#include <stdbool.h>
#include <stdint.h>

enum consumer_command {
    CONSUMER_RUN,
    CONSUMER_REPORT,
    CONSUMER_REPLAY,
    CONSUMER_TAIL,
    CONSUMER_BACKUP,
    CONSUMER_FORGET,
    CONSUMER_CHECK
};

/* The parameters of a query as flags of the report command, named alike. */
enum { CONSUMER_QUERY_FLAGS = 12 };

/* Flags of the tail command; lists are parted by commas, "" = any. */
struct consumer_tail_flags {
    const char *from, *site, *photo_id, *source, *kind, *event;
    int64_t partition; /* -1 = all */
    bool follow;
};

struct consumer_options {
    const char *store;
    const char *sites;
    int64_t log_level; /* enum log_level */
    const char *listen, *admin_listen;
    const char *group, *topic;
    int64_t topic_epoch;
    bool accept_offset_jump;
    bool topic_create;
    int64_t topic_partitions, topic_replication;
    int64_t flush_ms, viewing_cache;
    const char *known_sources; /* comma list; "" = none */
    int64_t photo_limit;
    const char *read_tokens; /* comma list; "" = none */
    const char *oauth_keys;  /* as consumer/oauth.h takes them */
    const char *query[CONSUMER_QUERY_FLAGS];
    int64_t watch_s;            /* report; 0 = once */
    bool dry_run, skip_refused; /* replay */
    int64_t patience_ms;        /* replay, tail */
    struct consumer_tail_flags tail;
    const char *operand; /* backup: the file; forget: the uuid */
};

/*
 * Reads them for the command that argv[1] names (none = run); see config_read(). values must stay
 * where it is until config_free().
 */
enum config_result consumer_options_read(struct config **out, struct consumer_options *values,
                                         enum consumer_command *command, int argc, char **argv,
                                         char **envp);

/* What the run command was started with. */
struct consumer_start {
    int argc;
    char **argv, **envp;
    const struct consumer_options *options;
    const struct config *config;
};

/*
 * Reads the options of run once more; see config_reread(). values must not outlive *out. A daemon
 * that runs takes some of them; consumer_options_fixed() appends, parted by commas, those of the
 * others that differ. Tokens may not go while it listens beyond loopback.
 */
int consumer_options_reread(struct config **out, struct consumer_options *values,
                            const struct consumer_start *start, struct error *err);
void consumer_options_fixed(struct config_side running, struct config_side read,
                            struct buffer *names);

/* The flags of the report command that were given, as parameters. Returns how many. */
size_t consumer_options_query(const struct consumer_options *o,
                              struct query_param out[CONSUMER_QUERY_FLAGS]);

#endif
