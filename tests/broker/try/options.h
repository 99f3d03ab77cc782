/* What the command line of the try-out broker asks for. */
#ifndef BROKER_TRY_OPTIONS_H
#define BROKER_TRY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTIONS_TOPICS_MAX = 64,
    OPTIONS_BROKERS_MAX = 9,
};

struct options {
    const char *listen_file; /* NULL: none is written */
    uint16_t port;           /* of the first broker; 0: any */
    int broker_count;
    bool exit_on_eof;
    const char *topics[OPTIONS_TOPICS_MAX]; /* name:partitions */
    size_t topic_count;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP, /* asked for and printed: exit with 0 */
    OPTIONS_BAD,  /* said so on stderr: exit with 2 */
};

/* Reads the arguments into *out, which borrows them; without --topic these are PlayReport's two. */
enum options_result options_parse(struct options *out, int argc, char **argv);

#endif
