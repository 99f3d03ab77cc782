/*
 * The turns of a worker whose replies are held until the journal confirms their records, oldest
 * first. Pure bookkeeping; one thread. A turn is 40 bytes, and no turn is without a held reply, so
 * what the HTTP server may hold bounds them.
 */
#ifndef INGEST_ACKS_H
#define INGEST_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acks;

/* The outcome of a turn whose time was up: kept, but not confirmed. Failures are negative. */
enum { ACKS_UNCONFIRMED = 1 };

struct acks_turn {
    uint64_t ticket;
    uint64_t last_sequence; /* of its records */
    uint64_t begun_us;      /* clock_mono_us() */
    uint32_t count;         /* of held replies */
    int outcome;            /* 0 = waits to be confirmed; else known already: the commit failed */
};

/* timeout_us = how long a turn may wait; 0 = for ever. Returns 0 or -ENOMEM. */
int acks_new(struct acks **out, uint64_t timeout_us);
void acks_free(struct acks *a);

/*
 * Adds a turn, later than all there are. When memory runs out it joins the newest that waits, and
 * has one outcome with it: a failure of either is a failure of both.
 */
void acks_add(struct acks *a, const struct acks_turn *turn);

/* Everything after the last call's sequence up to through has this outcome: 0 or -errno. */
void acks_confirm(struct acks *a, uint64_t through, int outcome);

/* All that wait have this outcome now; for the end. */
void acks_give_up(struct acks *a, int outcome);

/*
 * Takes the oldest turn off if its outcome is known or its time is up at now_us. *out's outcome is
 * then 0 (confirmed), ACKS_UNCONFIRMED or -errno. Call until false.
 */
bool acks_take(struct acks *a, uint64_t now_us, struct acks_turn *out);

/* When the oldest turn's time is up, in us of the same clock; 0 = there is nothing to wait for. */
uint64_t acks_deadline_us(const struct acks *a);

/* Replies that are held. Any thread. */
uint64_t acks_held(const struct acks *a);

#endif
