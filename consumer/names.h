/*
 * Which names have a place under the limits of a day, as far as it was asked for, and the uses that
 * a flush is to add. What changed stays until the flush is committed or everything is forgotten.
 * Pure; one thread.
 */
#ifndef CONSUMER_NAMES_H
#define CONSUMER_NAMES_H

#include "consumer/store.h"

struct names;

struct names *names_new(void);
void names_free(struct names *n);

/* Counts one more use of a name that was used since the last commit; false if it was not. */
bool names_again(struct names *n, const struct store_name_day *day, uint64_t name);

/* Adds uses of a name, which has its place from then on. 0 = the place is kept for it. Returns 0 or
 * -ENOMEM. */
int names_add(struct names *n, const struct store_name_day *day, uint64_t name, int64_t uses);

/* What is known of a day: 0 at first, the caller's to change. */
struct names_day {
    int64_t is_open;
    int64_t free; /* places that nobody has */
};

/* These two live until the next call; NULL when memory runs out. */
struct names_day *names_day(struct names *n, const struct store_name_day *day);

/* What is known of a name on that day: the store was not asked yet at first. */
enum names_state { NAMES_NOT_ASKED, NAMES_ABSENT, NAMES_IN };
int64_t *names_state(struct names *n, const struct store_name_day *day, uint64_t name);

/* Calls fn for each name of the day that a flush is to write, with the uses to add. Returns 0 or
 * -ENOMEM. */
int names_pending(struct names *n, const struct store_name_day *day, store_name_fn *fn, void *arg);

/* What a flush by size goes by. */
size_t names_size(const struct names *n);

/* Fills in names of the batch, sorted by key. They live until n changes. Returns 0 or -ENOMEM; may
 * be called again with the same outcome. */
int names_rows(struct names *n, struct store_batch *batch);

/* The flush that took them was committed. Past a bound, what is known is forgotten too. */
void names_commit(struct names *n);

/* Forgets everything: the store's word counts. */
void names_reset(struct names *n);

#endif
