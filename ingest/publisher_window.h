/*
 * What is in flight to Kafka: the records of each lane in read order, under one bound for all
 * lanes. Pure bookkeeping without I/O; one thread.
 *
 * A record is added when it is handed to Kafka and reported once: delivered or failed. Reports come
 * in any order; a lane is settled up to the last of its records that have all been delivered, from
 * its first on.
 */
#ifndef INGEST_PUBLISHER_WINDOW_H
#define INGEST_PUBLISHER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window;
struct window_slot;

/* A lane's part of it. Lives in the caller's storage and stays where it is while it has records. */
struct window_lane {
    uint64_t lane;
    uint64_t settled; /* every record up to this sequence is delivered */
    /* The lowest and the highest sequence that Kafka refused; 0 = none. The owner takes them. */
    uint64_t refused_first, refused_last;
    struct window_slot *first, *last;
};

/* What a slot was added for. */
struct window_record {
    struct window_lane *lane;
    uint64_t sequence;
    uint32_t size_bytes;
};

/* Makes a window of at most record_max records and byte_max bytes not yet reported. 0 or -ENOMEM.
 */
int window_new(struct window **out, size_t record_max, size_t byte_max);
void window_free(struct window *w);

/* settled: the sequence before the lane's lowest unsettled one. */
void window_lane_init(struct window_lane *l, uint64_t lane, uint64_t settled);
bool window_lane_is_empty(const struct window_lane *l);

/*
 * Adds a record behind the lane's others: sequences rise. Returns NULL when the window is full; a
 * record larger than byte_max fits when nothing else is unreported.
 */
struct window_slot *window_add(struct window *w, struct window_lane *l, uint64_t sequence,
                               uint32_t size_bytes);

/* Takes back the lane's last slot, which was added but not handed on after all. */
void window_cancel(struct window *w, struct window_slot *s);

struct window_record window_record_of(const struct window_slot *s);

/* The record is in Kafka: the slot is gone, and the lane's `settled` may have moved. */
void window_deliver(struct window *w, struct window_slot *s);

/* The record is not, or nobody knows: it holds its lane's `settled` until window_clear(). */
void window_fail(struct window *w, struct window_slot *s);

/* As window_fail(), of a record that Kafka says it will not store. */
void window_refuse(struct window *w, struct window_slot *s);

/* The record behind all that was added was disposed of elsewhere; the lane is empty. */
void window_skip(struct window_lane *l, uint64_t sequence);

/* Forgets all slots, reported or not; what is settled stays. For sending again. */
void window_clear(struct window *w);

/* Records that were added and not reported yet. */
size_t window_in_flight(const struct window *w);

#endif
