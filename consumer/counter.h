/*
 * Events to changes: marks drop the repeats, strings become ids, the rest is added up. What is held
 * goes with one flush (counter_commit) or falls (counter_reset, then everything is loaded anew).
 * One thread.
 */
#ifndef CONSUMER_COUNTER_H
#define CONSUMER_COUNTER_H

#include "common/error.h"
#include "common/event.h"
#include "common/sites.h"
#include "consumer/site_zones.h"
#include "consumer/store.h"

struct counter;

/*
 * Asks the store for the report_ids of a viewer who is not in memory: calls counter_load_seen() if
 * it has some. Returns 0 or -errno.
 */
typedef int counter_find_seen_fn(const struct store_seen_key *key, void *arg);

/* Returns 0 or -errno with a sentence (a site's time zone that does not exist). */
int counter_new(struct counter **out, const struct sites *sites, counter_find_seen_fn *find_seen,
                void *arg, struct error *err);
void counter_free(struct counter *c);

/* Goes by the zones in the slot from now on, if there are some; what is held too. */
void counter_follow_zones(struct counter *c, struct site_zones_slot *slot);

/* What the store has. A failure (out of memory) is remembered for counter_failed(). */
void counter_load_mark(struct counter *c, const struct store_mark *mark);
void counter_load_string(struct counter *c, uint32_t id, struct slice text);
void counter_load_seen(struct counter *c, const struct store_seen_key *key, struct slice data);
bool counter_failed(const struct counter *c);

enum counter_result {
    COUNTER_COUNTED,
    COUNTER_REPEAT,    /* the record was applied before */
    COUNTER_REPORTED,  /* the report was: its sender gave it the same report_id */
    COUNTER_NO_MEMORY, /* these two: only counter_reset() may follow */
    COUNTER_STORE_FAILED
};

/*
 * Counts one event of a partition. seen_ms is the record's timestamp: that of an event sent again
 * later than its ts.
 */
enum counter_result counter_add(struct counter *c, int32_t partition, int64_t seen_ms,
                                const struct player_event *e);

/* Rows that a flush would change: what a flush by size goes by. */
size_t counter_size(const struct counter *c);

/*
 * Fills in strings, rows, marks and report_ids of the batch; they live until c changes. today: see
 * seen_changed(). Returns 0 or -ENOMEM.
 */
int counter_rows(struct counter *c, int32_t today, struct store_batch *batch);

void counter_commit(struct counter *c);
void counter_reset(struct counter *c);

#endif
