/* Topics made and checked at start. Blocking calls of up to timeout_ms; never on an event loop. */
#ifndef COMMON_KAFKA_TOPIC_H
#define COMMON_KAFKA_TOPIC_H

#include "common/error.h"

#include <stdint.h>

struct rd_kafka_s; /* librdkafka's rd_kafka_t */

struct kafka_topic_wish {
    const char *name;
    int partitions;
    int replication;      /* -1 = the cluster's default */
    int64_t retention_ms; /* -1 = the cluster's default */
};

enum kafka_topic_result {
    KAFKA_TOPIC_THERE,   /* *partitions is set */
    KAFKA_TOPIC_MISSING, /* the cluster answered: there is none of that name */
    KAFKA_TOPIC_AWAY     /* no answer, or the cluster refused for now; try again later */
};

/* Asks how many partitions the topic has. */
enum kafka_topic_result kafka_topic_find(struct rd_kafka_s *rk, const char *name, int timeout_ms,
                                         int *partitions, struct error *err);

/* Makes the topic; one that is there already (made by another daemon at the same time) is success.
 */
enum kafka_topic_result kafka_topic_create(struct rd_kafka_s *rk,
                                           const struct kafka_topic_wish *wish, int timeout_ms,
                                           struct error *err);

/* Logs a warning for each setting of the topic that weakens a promise: max.message.bytes below 1
 * MiB, unclean.leader.election.enable=true. A broker that cannot describe its topics is let be. */
void kafka_topic_warn(struct rd_kafka_s *rk, const char *name, int timeout_ms);

/* How long the topic keeps records: INT64_MAX = for ever, -1 = the broker does not say. */
int64_t kafka_topic_retention_ms(struct rd_kafka_s *rk, const char *name, int timeout_ms);

/* What a sender needs to know of the topic; 0 = the broker does not say. */
struct kafka_topic_traits {
    int replication;       /* copies of a record, in the partition that has the fewest */
    int min_insync;        /* min.insync.replicas: how many of them acks=all waits for */
    int message_max_bytes; /* max.message.bytes: the largest batch it takes */
};
void kafka_topic_ask_traits(struct rd_kafka_s *rk, const char *name, int timeout_ms,
                            struct kafka_topic_traits *out);

#endif
