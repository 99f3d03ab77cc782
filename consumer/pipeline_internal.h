/* What the files of the pipeline share; nobody else includes it. */
#ifndef CONSUMER_PIPELINE_INTERNAL_H
#define CONSUMER_PIPELINE_INTERNAL_H

#include "common/metrics.h"
#include "consumer/counter_source.h"
#include "consumer/deadletter.h"
#include "consumer/pipeline.h"
#include "consumer/poll.h"
#include "consumer/positions.h"
#include "consumer/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    PIPELINE_BATCH = 4096,         /* records taken between two looks at the clock */
    PIPELINE_KEYS_MAX = 50000,     /* a flush by size: changed rows held in memory */
    PIPELINE_IDLE_MS = 250,        /* the longest wait for records: a stop is seen within it */
    PIPELINE_PAUSE_MS = 200,       /* before the second try of what did not go through; doubled */
    PIPELINE_PAUSE_MAX_MS = 5000,  /* up to this */
    PIPELINE_DEADLETTER_MS = 5000, /* waited for dead letters in one flush */
    PIPELINE_TOPIC_TRY_MS = 5000,  /* waited for an answer about the topic at start */
    PIPELINE_ASK_MS = 1000,        /* the same in the course of counting */
    PIPELINE_VIEWING_GAP_MS = 6 * 3600000, /* these three: see struct viewing_rules */
    PIPELINE_VIEWING_KEEP_MS = 48 * 3600000,
    PIPELINE_FINISH_AT = 95,
    PIPELINE_DEAD_TELL_MS = 60000 /* a line about dead letters in this time at most */
};

/* What goes in the course of time: enum store_old, and this. */
enum { PIPELINE_DROPPED_MARKS = STORE_OLD_COUNT, PIPELINE_DROPPED_COUNT };

struct figures {
    struct metric *records, *repeats, *reported, *dead, *flushes, *retries, *conflicts,
        *out_of_range, *jumped, *joined, *future;
    struct metric *dropped[PIPELINE_DROPPED_COUNT];
};

/* Of topics that are made, and how long marks are kept beyond it. */
static const int64_t PIPELINE_DAY_MS = 86400000;
static const int64_t PIPELINE_RETENTION_MS = INT64_C(7) * 86400000;

/* What does not go through is tried again after a pause that doubles, and told of once. */
struct pause {
    unsigned wait_ms; /* 0 = nothing failed since the last success */
    uint64_t again_at_ms;
};

struct pipeline {
    struct pipeline_options o;
    char dead_topic[PIPELINE_TOPIC_SIZE];
    char subject[PIPELINE_TOPIC_SIZE]; /* the topic as the store names it: with its epoch */
    struct store *store;
    struct poll *poll;
    struct deadletter *deadletter;
    struct counter *counter; /* events to changes */
    struct counter_source source;
    struct site_zones_slot zones;
    struct positions *positions; /* how far each partition is */
    struct figures figures;
    struct vitals *vitals;
    struct poll_record records[PIPELINE_BATCH];

    uint64_t topic_partitions; /* when the group was joined; more may have come since */
    uint64_t rebalances;
    int64_t store_bytes;
    uint64_t changed_at_ms; /* when the oldest change held was made; 0 = none held */
    uint64_t marks_swept_at_ms, swept_at_ms[STORE_OLD_COUNT];
    int sweep_first; /* enum store_old whose turn it is */
    uint64_t told_dead_at_ms;
    bool must_load; /* what is held is worth nothing: load anew before taking another record */
    bool frozen;    /* a flush is to be tried again: nothing is fetched until it went through */
    struct pause store_pause;  /* of flushes and loads */
    struct pause mend_pause;   /* of looking after partitions that do not run */
    uint64_t failing_since_ms; /* store trouble that was told of; 0 = none */
    char failing[PIPELINE_REASON_SIZE];
    char stopped[PIPELINE_REASON_SIZE]; /* of the partition that was stopped last */

    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t status_lock;
    struct pipeline_status status;
};

/* ---- pipeline_flush.c: what is held goes to the store, or falls. ---- */

/* Writes what is held, in one transaction. Returns whether nothing is left to write. */
bool pipeline_flush(struct pipeline *p);

/* What the store does not answer is told of once; what is held must be thrown away then. */
void pipeline_store_failed(struct pipeline *p);

/* Loads what the store says of the assigned partitions. Returns 0 or -errno. */
int pipeline_load(struct pipeline *p);

/* Throws away what is held; pipeline_load_again() must follow before records are taken. */
void pipeline_discard(struct pipeline *p);

/* After pipeline_discard(): loads, and starts the running partitions where the store says. */
void pipeline_load_again(struct pipeline *p);

/* Forgets the partitions and all that goes with them. */
void pipeline_forget(struct pipeline *p);

/* When there is nothing left that could fail. */
void pipeline_calm(struct pipeline *p);

bool pipeline_pause_is_over(const struct pause *pause);
void pipeline_pause_longer(struct pause *pause);

/* ---- pipeline_sweep.c: what is no longer kept goes. ---- */

/* One step, if one is due. */
void pipeline_sweep(struct pipeline *p);

/* ---- pipeline_take.c: records to changes. ---- */

void pipeline_take(struct pipeline *p, size_t count);

/* ---- pipeline_topics.c: what is not as it should be in Kafka. ---- */

/* Waits until the topic is there, making it if it may. Returns false when told to stop. */
bool pipeline_await_topic(struct pipeline *p);

/* Makes the topic of the dead letters unless it is there; one try. */
void pipeline_ensure_dead_topic(struct pipeline *p, int timeout_ms);

/* Looks after the partitions that do not run: starts again those that can go on. */
void pipeline_mend(struct pipeline *p);

#endif
