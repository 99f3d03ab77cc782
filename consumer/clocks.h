/*
 * The clock of each partition: the largest ts of what was read of it, so that what is forgotten
 * after a time is forgotten at the same places when the topic is read again. Pure; one thread.
 */
#ifndef CONSUMER_CLOCKS_H
#define CONSUMER_CLOCKS_H

#include "consumer/store.h"

enum { CLOCKS_FUTURE_MS = 5 * 60 * 1000 }; /* what is further ahead moves no clock */

struct clocks;

struct clocks *clocks_new(void);
void clocks_free(struct clocks *c);

/* Puts a clock as the store has it. Returns 0 or -ENOMEM. */
int clocks_load(struct clocks *c, const struct store_clock *clock);

/*
 * Moves the partition's clock to ts_ms if that is later, and stores it in *clock_ms. A ts too far
 * ahead of now_ms leaves it: a host with a wrong clock must not make all viewings look old. Returns
 * 0 or -ENOMEM.
 */
int clocks_move(struct clocks *c, int32_t partition, int64_t ts_ms, int64_t now_ms,
                int64_t *clock_ms);

/* The least of all clocks; INT64_MAX when there is none. */
int64_t clocks_least(const struct clocks *c);

/* Those that moved since the last commit, sorted; they live until c changes. 0 or -ENOMEM. */
int clocks_changed(struct clocks *c, const struct store_clock **rows, size_t *count);

void clocks_commit(struct clocks *c);

/* Forgets everything, for loading anew. */
void clocks_reset(struct clocks *c);

#endif
