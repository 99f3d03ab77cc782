/*
 * A Kafka producer that can be thrown away and made anew: hands records on, takes their delivery
 * reports into the window, says when it has to go. The publisher's thread alone.
 */
#ifndef INGEST_PUBLISHER_SENDER_H
#define INGEST_PUBLISHER_SENDER_H

#include "common/error.h"
#include "ingest/journal_record.h"
#include "ingest/publisher_window.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct health;
struct metric;
struct rd_kafka_s; /* librdkafka's rd_kafka_t */
struct sender;

struct sender_options {
    const struct config *config; /* not used after sender_new() */
    const char *topic;           /* outlives the sender, as all that follows */
    int linger_ms;
    bool cloudevents;
    int wake_fd; /* written 8 bytes when there is something to serve */
    struct health *health;
    struct metric *delivered, *failed;
};

/* How a producer sends. */
struct sender_mode {
    bool one_by_one;     /* each record is a batch of its own: a refusal is its own */
    int batch_max_bytes; /* what the topic takes; 0 = not known */
};

/* Why the producer has to go. */
struct sender_failure {
    bool has_record; /* the first that Kafka refused */
    uint64_t lane, sequence;
    uint32_t size_bytes;
    char reason[160];
};

enum sender_result {
    SENDER_TAKEN,
    SENDER_FULL,      /* the window or librdkafka's queue: send this very record again later */
    SENDER_HELD,      /* so too, when the first record of its partition is reported */
    SENDER_TOO_LARGE, /* for any topic, by our own settings; err says so */
    SENDER_REFUSED,   /* this record cannot be sent now; err says why */
    SENDER_BROKEN     /* sender_failure() is set */
};

/*
 * Makes the settings, and the first producer to see that they serve. Kafka need not be there.
 * Returns 0 or -errno with a sentence.
 */
int sender_new(struct sender **out, const struct sender_options *options, struct error *err);

/* Closes and frees. NULL is a no-op. */
void sender_free(struct sender *s);

/* Makes a producer; there is none. Returns 0 or -errno with a sentence. */
int sender_open(struct sender *s, const struct sender_mode *mode, struct error *err);

/* The partition of a key among partition_count, as Kafka's Java clients compute it. Any thread. */
int sender_partition(struct slice key, int partition_count);

/*
 * Purges what is in flight, takes every report that comes within 5 s, destroys the producer and
 * clears the window. What was not delivered may still have been stored: it is sent again.
 */
void sender_close(struct sender *s);
bool sender_is_open(const struct sender *s);

/* For kafka_topic.h, while open. */
struct rd_kafka_s *sender_handle(struct sender *s);

/*
 * Hands a record of lane l on, to the partition that its key gives among partition_count. In each
 * partition the first record of a producer goes alone, see publisher_gate.h.
 */
enum sender_result sender_send(struct sender *s, struct window_lane *l,
                               const struct journal_record *record, int partition_count,
                               struct error *err);

/* Takes the reports there are; does not wait. */
void sender_serve(struct sender *s);

/* Sends without lingering and takes reports, for timeout_ms at most. */
void sender_flush(struct sender *s, int timeout_ms);

/* NULL while all is well. Stands until sender_open(). */
const struct sender_failure *sender_failure(const struct sender *s);

/* Records handed on and not reported. */
size_t sender_in_flight(const struct sender *s);

#endif
