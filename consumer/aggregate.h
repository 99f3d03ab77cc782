/*
 * The changes that the events of one flush make, in memory: one hash lookup an event, sorted rows
 * at the end. Pure: time zones and interned ids are given. One thread.
 */
#ifndef CONSUMER_AGGREGATE_H
#define CONSUMER_AGGREGATE_H

#include "consumer/store.h"

struct aggregate;

/* The row of totals that something counts for, in each grain. */
struct aggregate_place {
    uint64_t photo_id;
    uint32_t site, source;
    int32_t quarter; /* quarter hours since 1970 UTC */
    uint8_t traffic; /* enum store_traffic */
};

/* The day (since 1970-01-01, in the site's zone) of a quarter hour of that site. */
typedef int32_t aggregate_day_fn(uint32_t site, int32_t quarter, void *arg);

struct aggregate *aggregate_new(void);
void aggregate_free(struct aggregate *a);

/* Counts one report of kind event, in all that there is of it. Returns 0 or -ENOMEM. */
int aggregate_event(struct aggregate *a, const struct aggregate_place *place, uint32_t event);

/*
 * The STORE_MEASURE_COUNT measures of place, to be added to: for all but events. Valid until the
 * next call. NULL when memory runs out.
 */
int64_t *aggregate_measures(struct aggregate *a, const struct aggregate_place *place);

/* Different keys held: what a flush by size goes by. */
size_t aggregate_size(const struct aggregate *a);

/*
 * Makes the rows of all grains, sorted by key, into batch's totals and events (the rest of batch is
 * left alone). load_event is the interned id of "load", 0 if none. The rows live until the next
 * aggregate_rows() or aggregate_free(). Returns 0 or -ENOMEM. May be called again with the same
 * outcome.
 */
int aggregate_rows(struct aggregate *a, uint32_t load_event, aggregate_day_fn *day, void *arg,
                   struct store_batch *batch);

/* Forgets all changes, keeps the memory. */
void aggregate_reset(struct aggregate *a);

#endif
