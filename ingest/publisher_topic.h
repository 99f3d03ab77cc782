/* The topic as the publisher watches it: asked for until it is there, then every 30 s. The
 * publisher's thread. */
#ifndef INGEST_PUBLISHER_TOPIC_H
#define INGEST_PUBLISHER_TOPIC_H

#include "common/kafka_topic.h"

#include <stdbool.h>
#include <stdint.h>

struct health;

enum { TOPIC_ASK_MS = 30000, TOPIC_PAUSE_MS = 250, TOPIC_PAUSE_MAX_MS = 5000 };

struct topic_watch {
    struct kafka_topic_wish wish; /* its name outlives the watch */
    bool may_create;
    struct health *health;
    int partitions;                   /* 0 = not known yet */
    struct kafka_topic_traits traits; /* as they were when it was last asked for */
    uint64_t ask_at_ms;
    uint64_t pause_ms; /* after the next failure */
    bool has_warned;   /* of the topic's settings */
};

void topic_watch_init(struct topic_watch *t, const struct kafka_topic_wish *wish, bool may_create,
                      struct health *health);

/* Asks now if it is time to: waits up to timeout_ms for each answer. Failures go to health. */
void topic_watch_ask(struct topic_watch *t, struct rd_kafka_s *rk, int timeout_ms);

/*
 * Asks once: makes the topic if it is missing and that is allowed. Waits up to timeout_ms for each
 * answer.
 */
enum kafka_topic_result topic_find_or_create(const struct kafka_topic_wish *wish, bool may_create,
                                             struct rd_kafka_s *rk, int timeout_ms, int *partitions,
                                             struct error *err);

/* Asks at the next call: there is a new producer, and asking makes it connect. */
void topic_watch_hurry(struct topic_watch *t);

#endif
