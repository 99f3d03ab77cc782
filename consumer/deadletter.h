/*
 * Records set aside: produced to the dead-letter topic with their original key, bytes and headers,
 * and headers that say why and whence: dlq.reason, dlq.topic, dlq.partition, dlq.offset,
 * dlq.timestamp, and dlq.epoch where topic_epoch is set. At least once: named by their origin. The
 * letters of one partition stand in one partition, in order: that is what lets replay drop repeats
 * by marks. The pipeline's thread.
 */
#ifndef CONSUMER_DEADLETTER_H
#define CONSUMER_DEADLETTER_H

#include "common/error.h"
#include "consumer/poll.h"

struct config;
struct deadletter;

struct deadletter_options {
    const struct config *config;
    const char *topic;        /* of the letters */
    const char *origin_topic; /* of the records */
    int64_t origin_epoch;     /* 0 = not told */
};

/* Makes the producer. Returns 0 or -errno with a sentence. */
int deadletter_open(struct deadletter **out, const struct deadletter_options *options,
                    struct error *err);
void deadletter_close(struct deadletter *d);

/* Sends a copy of r on its way. Returns 0, -EAGAIN when the producer's queue is full, -ENOMEM. */
int deadletter_send(struct deadletter *d, const struct poll_record *r, const char *reason);

/* Whether so many letters wait that it is time for a flush: then the queue does not fill up. */
bool deadletter_is_due(const struct deadletter *d);

/*
 * Waits up to timeout_ms for every letter sent and not given up. Returns 0 when all are delivered,
 * -EAGAIN when some are still on their way, -EIO when one was refused.
 */
int deadletter_flush(struct deadletter *d, int timeout_ms);

/*
 * No longer waits for the letters of a partition. Returns whether there were any that are not
 * delivered: what was to be written with them must be made again.
 */
bool deadletter_give_up(struct deadletter *d, int32_t partition);

/*
 * Whether no letter of a partition is on its way any more, given up or not. Makes a new producer
 * when the old one is beyond use, as after a refusal: then what waits is refused.
 */
bool deadletter_is_idle(struct deadletter *d, int32_t partition);

/* Why a letter was refused last, in words; "" when none was. Lives until the next call. */
const char *deadletter_fault(const struct deadletter *d);

/* The producer's handle, for kafka_topic.h. Until the next call. */
struct rd_kafka_s *deadletter_handle(struct deadletter *d);

#endif
