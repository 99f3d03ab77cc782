/*
 * Records set aside: produced to the dead-letter topic with their original key and bytes, and
 * headers that say why and whence (dlq.reason, dlq.topic, dlq.partition, dlq.offset,
 * dlq.timestamp). At least once: named by their origin. The pipeline's thread.
 */
#ifndef CONSUMER_DEADLETTER_H
#define CONSUMER_DEADLETTER_H

#include "common/error.h"
#include "consumer/poll.h"

struct config;
struct deadletter;

/* Makes the producer. topic is the dead-letter topic. Returns 0 or -errno with a sentence. */
int deadletter_open(struct deadletter **out, const struct config *config, const char *topic,
                    const char *origin_topic, struct error *err);
void deadletter_close(struct deadletter *d);

/* Sends a copy of r on its way. Returns 0, or -EAGAIN when the producer's queue is full (flush,
 * again). */
int deadletter_send(struct deadletter *d, const struct poll_record *r, const char *reason);

/*
 * Waits up to timeout_ms for every letter sent. Returns 0 when all are delivered, -EAGAIN when some
 * are still on their way, -EIO when one was refused: then the flush it belongs to must be thrown
 * away and made again.
 */
int deadletter_flush(struct deadletter *d, int timeout_ms);

#endif
