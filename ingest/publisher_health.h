/*
 * What stands between the journal and Kafka, in words: told in the log when it changes and to
 * whoever asks. One thread reports, any thread reads.
 */
#ifndef INGEST_PUBLISHER_HEALTH_H
#define INGEST_PUBLISHER_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HEALTH_TEXT_SIZE = 256,
    HEALTH_CHANGE_MS = 10000, /* another reason of the same fault is logged this often at most */
    HEALTH_REPEAT_MS = 60000  /* the same reason is logged this often */
};

/* In the order in which they are told. */
enum health_fault {
    HEALTH_LETTER,     /* a record cannot be set aside */
    HEALTH_REFUSED,    /* Kafka does not take a record */
    HEALTH_JOURNAL,    /* the disk */
    HEALTH_TOPIC,      /* it is not there */
    HEALTH_CONNECTION, /* no answer */
    HEALTH_FAULT_COUNT
};

struct health {
    pthread_mutex_t lock;
    char text[HEALTH_FAULT_COUNT][HEALTH_TEXT_SIZE]; /* empty = no such fault; under the lock */
    bool is_set[HEALTH_FAULT_COUNT];                 /* the reporter's own copy of that */
    uint64_t logged_ms[HEALTH_FAULT_COUNT];
};

/* Starts with a connection that was not made yet. Returns 0 or -errno. */
int health_init(struct health *h);
void health_fini(struct health *h);

/* Sets a fault; logs it when it is new, says something else, or a minute has gone by. */
void health_fail(struct health *h, enum health_fault fault, const char *text, uint64_t now_ms);

/* Takes it away, and logs that. Costs nothing when there is none. */
void health_clear(struct health *h, enum health_fault fault);
bool health_has(const struct health *h, enum health_fault fault);

/* Any thread. Copies the first fault in words; returns false, and "", when there is none. */
bool health_read(struct health *h, char out[HEALTH_TEXT_SIZE]);

#endif
