/*
 * One option table per daemon, filled from defaults, --config FILE (JSON), environment
 * PLAYREPORT_<NAME> and flags --name=value or --name value, the later wins. Main thread.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/buffer.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_TEXT,   /* const char *, owned by the config */
    CONFIG_NUMBER, /* int64_t */
    CONFIG_SIZE,   /* int64_t bytes; takes 10GiB, 512KiB, 1MB, plain digits */
    CONFIG_TIME,   /* int64_t ms; takes 200ms, 30s, 5min, 7d, plain digits are ms */
    CONFIG_SWITCH, /* bool; on, off, true, false, yes, no, 1, 0; a flag without value is on */
    CONFIG_CHOICE  /* int64_t, the index in choices ("journal|disk|broker") */
};

/* A row of the table. The value is stored at offset in the daemon's options struct. */
struct config_option {
    const char *name; /* lower case with underscores; the flag is --name, dashes are taken too */
    enum config_type type;
    size_t offset;
    const char *fallback; /* the default, as a user would write it; "" = empty text */
    int64_t least, most;  /* range of numbers, sizes and times */
    const char *unit;     /* for --help: "ms", "bytes", "" */
    const char *choices;  /* CONFIG_CHOICE only */
    const char *help;     /* one line */
};

struct config_pair {
    const char *name; /* without "kafka." */
    const char *value;
};

struct config;

enum config_result {
    CONFIG_RUN,      /* go on */
    CONFIG_DONE,     /* --help, --version or a clean --check-config was printed: exit 0 */
    CONFIG_BAD_USAGE /* every fault was printed to standard error: exit 2 */
};

struct config_spec {
    const char *program;
    const char *summary; /* what stands above the table in --help: usage, a line or two, examples */
    const char *versions; /* of the libraries linked, a line each, for --version; may be NULL */
    const struct config_option *options;
    size_t option_count;
    void *values; /* the daemon's options struct */
    /* What flags of these names stand for without a value; ends with a NULL name. May be NULL. */
    const struct config_pair *bare;
    /* May be NULL. Checks what one row cannot: appends a line per fault, with its newline. */
    void (*check)(const void *values, struct buffer *faults);
};

/*
 * Fills spec->values. argv[0] is skipped. Text in values points into *out, which the caller frees
 * with config_free() last; *out is set on CONFIG_RUN only, and only then may values be used.
 * `kafka.` names pass through from any source. In the environment PLAYREPORT_CACHE and
 * PLAYREPORT_TEST_* are left to the test tools; any other unknown PLAYREPORT_* is a fault.
 */
enum config_result config_read(struct config **out, const struct config_spec *spec, int argc,
                               char **argv, char **envp);
void config_free(struct config *c);

/*
 * Reads the same sources once more, for a daemon that runs: prints nothing. Returns 0, or -errno
 * with the faults in a sentence that names option and file; spec->values must not be used then.
 */
int config_reread(struct config **out, const struct config_spec *spec, int argc, char **argv,
                  char **envp, struct error *err);

/*
 * Appends to names, parted by commas, the options whose values differ between two structs of the
 * table, and kafka.NAME where the two configurations differ. Options named in except (ends with
 * NULL) are passed over.
 */
struct config_side {
    const struct config *config;
    const void *values;
};
void config_changes(const struct config_spec *spec, struct config_side before,
                    struct config_side after, const char *const *except, struct buffer *names);

/* The version of jansson that runs, as it names itself. Any thread. */
const char *config_library(void);

/* The kafka.* pairs, name without the prefix. */
size_t config_kafka_count(const struct config *c);
struct config_pair config_kafka_at(const struct config *c, size_t i);

#endif
