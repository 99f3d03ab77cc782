/* What the command line asks for. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "common/error.h"
#include "tests/load/session.h"

struct load_options {
    const char *target; /* as given: what the Host line says */
    char host[256], port[8];
    uint64_t reports;
    uint64_t connections;
    uint64_t pipeline; /* requests on their way on one connection */
    double rate;       /* reports a second, 0 = as fast as possible */
    uint64_t seed;
    struct session_plan plan;
    const char *expect_path, *acks_path; /* NULL = none */
    bool reconnect, finish, latency;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

/* Fills *out; its texts point into argv. On OPTIONS_BAD err says what is wrong. */
enum options_result options_read(struct load_options *out, int argc, char **argv,
                                 struct error *err);

/* Prints the table of options to standard output. */
void options_print_help(void);

/* Prints the version of the program and of its libraries. */
void options_print_version(void);

#endif
