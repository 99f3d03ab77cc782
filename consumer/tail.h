/*
 * The events of the topic as JSON lines, for people and for tools that read lines: what
 * `playreport-consumer tail` does. It reads beside all others, in no group, and moves no position.
 */
#ifndef CONSUMER_TAIL_H
#define CONSUMER_TAIL_H

#include "common/config.h"
#include "consumer/tail_filter.h"

#include <stdio.h>

/* Where each partition is read from. */
struct tail_from {
    enum { TAIL_OLDEST, TAIL_NEWEST, TAIL_TIME, TAIL_OFFSET } kind;
    int64_t number; /* ms since 1970 of the first record, or its offset */
};

struct tail_options {
    const struct config *config; /* of Kafka */
    const char *topic;
    int64_t partition; /* -1 = all */
    struct tail_from from;
    const struct tail_filter *filter;
    bool follow;         /* else it ends with what is there at the start */
    int64_t patience_ms; /* to wait for Kafka without an answer; with follow at the start only */
    FILE *out, *notes;   /* the lines; what cannot be shown as one */
    bool (*is_ended)(void *arg); /* asked some times a second */
    void *arg;
};

/*
 * Reads text as an end of a range (consumer/query_time.h) or offset:N; "" is the newest when it
 * follows, else the oldest. Returns false for anything else.
 */
bool tail_from_read(struct slice text, bool follow, int64_t now_ms, struct tail_from *out);

/*
 * Shows them until the end, until is_ended() or until nobody reads `out` any more (EPIPE). Records
 * that do not decode are told in notes by topic, partition, offset and reason, and passed over.
 * Blocks; one thread. Returns 0, or -errno with a sentence.
 */
int tail_run(const struct tail_options *options, struct error *err);

#endif
