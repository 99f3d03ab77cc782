/* What the files of the publisher share; nobody else includes it. */
#ifndef INGEST_PUBLISHER_INTERNAL_H
#define INGEST_PUBLISHER_INTERNAL_H

#include "ingest/publisher.h"
#include "ingest/publisher_counts.h"
#include "ingest/publisher_health.h"
#include "ingest/publisher_lanes.h"
#include "ingest/publisher_letters.h"
#include "ingest/publisher_sender.h"
#include "ingest/publisher_topic.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PUBLISHER_PAUSE_MS = 250 }; /* before a new producer, doubling */

struct publisher {
    struct journal *journal;
    char *topic_name, *dead_topic_name;
    struct sender *sender;
    struct letters *letters;
    struct lanes lanes;
    struct topic_watch topic;
    struct health health;
    bool has_health;
    struct counts counts;
    _Atomic uint64_t in_flight;
    _Atomic int replication, min_insync;
    atomic_bool has_ended;
    int wake_fd;
    pthread_t thread;
    _Atomic bool is_stopping;
    _Atomic uint64_t stop_at_ms; /* set before is_stopping */
    /* The thread's own. */
    bool is_dirty;   /* settled since the last checkpoint */
    bool is_careful; /* the producer sends each record in a batch of its own */
    bool is_drained;
    bool has_refused; /* refused is what a producer fell over, or a lane is held for */
    struct sender_failure refused;
    uint64_t refused_at_delivered;
    size_t turn;
    uint64_t pause_ms, open_at_ms, checkpoint_at_ms, disk_failed_ms;
    uint64_t left; /* written before the thread ends */
};

/* publisher_thread.c: the thread; arg is the publisher. */
void *publisher_run(void *arg);

#endif
