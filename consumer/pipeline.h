/*
 * poll -> decode -> aggregate -> store: one flush is one transaction with the marks and the offsets
 * that go with it. Runs in a thread of its own.
 */
#ifndef CONSUMER_PIPELINE_H
#define CONSUMER_PIPELINE_H

#include "common/error.h"
#include "common/sites.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct metrics;
struct pipeline;

struct pipeline_options {
    const struct config *config;
    const struct sites *sites;
    const char *store; /* url */
    const char *group;
    const char *topic;
    bool topic_create;
    int topic_partitions;
    int topic_replication; /* -1 = the cluster's */
    unsigned flush_ms;
    struct metrics *metrics;
};

/* Opens the store and starts the thread; Kafka need not be there. Returns 0 or -errno with a
 * sentence. */
int pipeline_start(struct pipeline **out, const struct pipeline_options *options,
                   struct error *err);

/* Writes what is held, leaves the group, ends the thread, frees p. */
void pipeline_stop(struct pipeline *p);

struct pipeline_status {
    bool ready;                  /* partitions are assigned and flushes go through */
    const char *reason;          /* why not; a literal */
    int64_t complete_through_ms; /* every report received up to then is counted; 0 = not known */
    int64_t lag_records;         /* of the partitions assigned; -1 = not known */
    uint64_t partitions;
};

/* Any thread. */
void pipeline_status(struct pipeline *p, struct pipeline_status *out);

#endif
