/*
 * How far each assigned partition is: which record comes next, what the store was last told, and
 * whether the partition may go on. Pure; one thread.
 */
#ifndef CONSUMER_POSITIONS_H
#define CONSUMER_POSITIONS_H

#include "consumer/poll.h"
#include "consumer/store.h"

struct positions;

struct positions *positions_new(void);
void positions_free(struct positions *p);

/* Takes these partitions and none other, all running, with no position yet. 0 or -ENOMEM. */
int positions_assign(struct positions *p, const struct poll_offset *offsets, size_t count);

/* Forgets how far they are, for loading anew; which there are, and whether they run, stays. */
void positions_unload(struct positions *p);

/* The store's word on a partition; one that is not assigned is passed over. */
void positions_load(struct positions *p, int32_t partition, int64_t next);

/* Forgets all partitions. */
void positions_reset(struct positions *p);

/* Whether a partition goes on. The records of one that does not are dropped: it is read again. */
enum positions_state {
    POSITIONS_RUNNING,
    POSITIONS_HELD,   /* a dead letter of it is on its way */
    POSITIONS_LOST,   /* the topic does not have its position: to be looked into */
    POSITIONS_STOPPED /* it does not, and stands still until someone acts */
};
void positions_set_state(struct positions *p, int32_t partition, enum positions_state state);

struct positions_view {
    int32_t partition;
    enum positions_state state;
    int64_t next;         /* -1 = none yet */
    int64_t timestamp_ms; /* of the last record taken; 0 = none */
};
size_t positions_count(const struct positions *p);
struct positions_view positions_at(const struct positions *p, size_t i);
size_t positions_in_state(const struct positions *p, enum positions_state state);

/* Where each running partition goes on; lives until the next call. Returns how many. */
size_t positions_offsets(struct positions *p, const struct poll_offset **offsets);

enum positions_result {
    POSITIONS_TAKE,
    POSITIONS_DROP, /* before the position, or of a partition not assigned or not running */
    POSITIONS_GAP   /* past it: told once; the same offset again is a real gap and is taken */
};
enum positions_result positions_accept(struct positions *p, int32_t partition, int64_t offset);

/* The record before next was taken. */
void positions_move(struct positions *p, int32_t partition, int64_t next, int64_t timestamp_ms);

/* Another position, not reached by records; it goes to the store with the next flush. */
void positions_jump(struct positions *p, int32_t partition, int64_t next);

/* Rows for the store: partitions that moved since the last commit. They live until p changes. */
size_t positions_changed(struct positions *p, const struct store_position **rows);

/* The store has them. Gives those that moved, for Kafka; lives until the next call. */
size_t positions_commit(struct positions *p, const struct poll_offset **moved);

#endif
