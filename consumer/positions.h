/*
 * How far each assigned partition is: which record comes next, and what the store was last told.
 * Pure; one thread.
 */
#ifndef CONSUMER_POSITIONS_H
#define CONSUMER_POSITIONS_H

#include "consumer/poll.h"
#include "consumer/store.h"

struct positions;

struct positions *positions_new(void);
void positions_free(struct positions *p);

/* Takes these partitions and none other, with no position yet. Returns 0 or -ENOMEM. */
int positions_assign(struct positions *p, const struct poll_offset *offsets, size_t count);

/* The store's word on a partition; one that is not assigned is passed over. */
void positions_load(struct positions *p, int32_t partition, int64_t next);

/* Forgets all partitions. */
void positions_reset(struct positions *p);

size_t positions_count(const struct positions *p);

struct positions_view {
    int32_t partition;
    int64_t next;         /* -1 = none yet */
    int64_t timestamp_ms; /* of the last record taken; 0 = none */
};
struct positions_view positions_at(const struct positions *p, size_t i);

/* Where each of the partitions goes on; offsets has room for max. Returns how many. */
size_t positions_offsets(const struct positions *p, struct poll_offset *offsets, size_t max);

enum positions_result {
    POSITIONS_TAKE,
    POSITIONS_DROP, /* before the position, or of a partition not assigned */
    POSITIONS_GAP   /* past it: told once; the same offset again is a real gap and is taken */
};
enum positions_result positions_accept(struct positions *p, int32_t partition, int64_t offset);

/* The record before next was taken. */
void positions_move(struct positions *p, int32_t partition, int64_t next, int64_t timestamp_ms);

/* Rows for the store: partitions that moved since the last commit. They live until p changes. */
int positions_changed(struct positions *p, const struct store_position **rows, size_t *count);

/* The store has them. Gives those that moved, for Kafka; offsets has room for max. */
size_t positions_commit(struct positions *p, struct poll_offset *offsets, size_t max);

#endif
