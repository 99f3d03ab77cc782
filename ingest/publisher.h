/*
 * Journal to Kafka: one thread that reads the journal's lanes into a bounded window, produces, and moves
 * the journal's checkpoint when delivery reports come. Memory does not depend on how long Kafka is away.
 */
#ifndef INGEST_PUBLISHER_H
#define INGEST_PUBLISHER_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct journal;
struct metrics;
struct publisher;

struct publisher_options {
    struct journal *journal; /* outlives the publisher */
    const struct config *config;
    const char *topic;
    bool topic_create;
    int topic_partitions;
    int topic_replication; /* -1 = the cluster's */
    int64_t topic_retention_ms;
    int linger_ms;
    struct metrics *metrics; /* may be NULL */
};

/* Starts the thread. Kafka need not be there. Returns 0 or -errno with a sentence (bad kafka.* settings). */
int publisher_start(struct publisher **out, const struct publisher_options *options,
                    struct error *err);

/*
 * Goes on until everything journalled is settled or drain_ms have passed, writes the checkpoint, ends the
 * thread and frees p. What was not delivered stays in the journal. Returns the records left waiting.
 */
uint64_t publisher_stop(struct publisher *p, int64_t drain_ms);

struct publisher_status {
    bool connected;      /* the last metadata or delivery was good and nothing has failed since */
    char reason[256];    /* why not, in words; empty when connected */
    uint64_t delivered, in_flight, resent;
};

/* Any thread. */
void publisher_status(struct publisher *p, struct publisher_status *out);

#endif
