/*
 * Journal to Kafka: one thread that reads the journal's lanes into a bounded window, produces, and
 * moves the journal's checkpoint when delivery reports come. Memory does not depend on how long
 * Kafka is away.
 *
 * Whatever fails (a refused delivery, a producer that gives up) is answered alike: the producer is
 * thrown away, a new one made after a pause of 250 ms doubling to 10 s, and every lane sent again
 * from its lowest unsettled record, in order, under the same names.
 *
 * A record that Kafka will not store (too large for the topic, an invalid record or timestamp)
 * fails its whole batch. Then the next producer sends each record in a batch of its own, until
 * those of the failed batch are through; one that is refused so is dead: it goes to the topic
 * <topic>.dlq, and is settled once the letter is delivered. Nothing else is settled early and no
 * record gets another name, so a process that dies meanwhile costs nothing: the next one meets the
 * same refusal. While the letter can not be delivered its lane waits, and publisher_status() says
 * so. A record that an earlier producer may have stored already can become a letter too, if the
 * topic's limit was lowered in between; its `id` tells.
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
    struct journal *journal;     /* outlives the publisher */
    const struct config *config; /* for its kafka.*; not used after publisher_start() */
    const char *topic;           /* copied */
    bool topic_create;
    int topic_partitions;
    int topic_replication; /* -1 = the cluster's */
    int64_t topic_retention_ms;
    int linger_ms;    /* outranks kafka.linger.ms */
    bool cloudevents; /* adds the headers of ingest/cloudevents.h to each record */
    struct metrics
        *metrics; /* may be NULL; not rendered after publisher_stop() or a failed start */
};

/* Starts the thread. Kafka need not be there. Returns 0 or -errno with a sentence (bad kafka.*
 * settings). */
int publisher_start(struct publisher **out, const struct publisher_options *options,
                    struct error *err);

/*
 * Goes on until everything journalled is settled or drain_ms have passed, writes the checkpoint,
 * ends the thread and frees p. What was not delivered stays in the journal. Returns the records
 * left waiting.
 */
uint64_t publisher_stop(struct publisher *p, int64_t drain_ms);

/*
 * Begins that and returns at once; nothing is journalled any more. publisher_is_drained() is true
 * when the thread has ended; publisher_stop() may cut it short.
 */
void publisher_drain(struct publisher *p, int64_t drain_ms);
bool publisher_is_drained(const struct publisher *p);

struct publisher_status {
    bool connected;   /* the last metadata or delivery was good and nothing has failed since */
    char reason[256]; /* why not, in words; empty when connected */
    uint64_t delivered, in_flight;
    uint64_t dead; /* delivered to the dead-letter topic */
    /* Handed on again since this start, or perhaps handed on by an earlier one: all that is sent of
     * a lane that an earlier start left and had begun to send. */
    uint64_t resent;
    int replication, min_insync; /* of the topic; 0 = not known */
};

/* Any thread. */
void publisher_status(struct publisher *p, struct publisher_status *out);

#endif
