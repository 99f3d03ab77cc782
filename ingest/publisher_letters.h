/*
 * The dead-letter topic as the publisher writes it: records that Kafka refused even alone, one at a
 * time, through a producer of its own that is there only while it is needed. The publisher's
 * thread.
 *
 * A letter has the record's key and bytes, and the headers that common/contract/README.md names;
 * dlq.offset is -1, since the record was never in the topic. Letters are at least once: a record
 * that is not settled when the process dies is refused, and set aside, again; its `id` is the same.
 */
#ifndef INGEST_PUBLISHER_LETTERS_H
#define INGEST_PUBLISHER_LETTERS_H

#include "common/error.h"
#include "common/kafka_topic.h"
#include "ingest/journal_record.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct health;
struct letters;

struct letters_options {
    const struct config *config;         /* not used after letters_new() */
    const char *origin;                  /* the topic that refused; outlives the letters */
    const struct kafka_topic_wish *wish; /* for the dead-letter topic; so does its name */
    bool may_create, cloudevents;
    int wake_fd; /* written 8 bytes when letters_send() has news */
    struct health *health;
};

struct letter {
    uint64_t lane;
    const struct journal_record *record;
    int partition; /* where it was to go */
    const char *reason;
};

/* Connects to nothing yet. Returns 0 or -errno with a sentence. */
int letters_new(struct letters **out, const struct letters_options *options, struct error *err);

/* Does not wait for what is on its way. NULL is a no-op. */
void letters_free(struct letters *l);

/*
 * Sends a letter and says whether it is delivered: called again with the same one until it is. Asks
 * for the topic now and then, for timeout_ms at most. What stands in the way goes to health.
 */
bool letters_send(struct letters *l, const struct letter *letter, int timeout_ms);

/* There is none to send: ends the producer. */
void letters_rest(struct letters *l);

#endif
