/*
 * poll -> decode -> aggregate -> store: one flush is one transaction with the marks and the offsets
 * that go with it. Runs in a thread of its own.
 */
#ifndef CONSUMER_PIPELINE_H
#define CONSUMER_PIPELINE_H

#include "common/error.h"
#include "consumer/site_zones.h"
#include "consumer/vitals.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct metrics;
struct pipeline;
struct store;

enum {
    PIPELINE_TOPIC_SIZE = 300, /* Kafka's names have 249 bytes at most; room for .dlq and epoch */
    PIPELINE_REASON_SIZE = 512
};

struct pipeline_options {
    const struct config *config;
    const struct sites *sites;
    struct store *store; /* used by the pipeline alone until it has stopped */
    const char *group;
    const char *topic;
    int64_t topic_epoch; /* raised when the topic was made anew: its offsets begin again */
    bool topic_create;
    bool accept_offset_jump; /* go on where the topic begins when it lost a position */
    int topic_partitions;
    int topic_replication; /* -1 = the cluster's */
    unsigned flush_ms;
    size_t viewing_cache;      /* viewings kept in memory */
    const char *known_sources; /* these two: see struct counter_options, limits */
    int64_t photo_limit;
    struct metrics *metrics;
};

/* Starts the thread; Kafka need not be there. Returns 0 or -errno with a sentence. */
int pipeline_start(struct pipeline **out, const struct pipeline_options *options,
                   struct error *err);

/* Counts by these zones from its next turn on. Takes them. Any thread. */
void pipeline_set_zones(struct pipeline *p, struct site_zones *z);

/* Writes what is held, leaves the group, ends the thread, frees p. */
void pipeline_stop(struct pipeline *p);

struct pipeline_status {
    bool ready;                        /* all partitions assigned go on, and flushes go through */
    char reason[PIPELINE_REASON_SIZE]; /* why not */
    int64_t complete_through_ms; /* every report received up to then is counted; 0 = not known */
    int64_t lag_records;         /* of the partitions assigned; -1 = not known */
    uint64_t partitions;
    uint64_t held, stopped;    /* of these: wait for their dead letters; stand still */
    uint64_t records, repeats; /* since the start: read; of these dropped, applied before */
    int64_t store_bytes;       /* on disk, after the last flush; 0 = not known */
};

/* Any thread. */
void pipeline_status(struct pipeline *p, struct pipeline_status *out);

/* How its flushes fare and what it has set aside. Any thread. */
void pipeline_vitals(struct pipeline *p, struct vitals_view *out);

#endif
