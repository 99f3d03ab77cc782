/* The publisher's counters. Its thread adds, any thread reads. */
#ifndef INGEST_PUBLISHER_COUNTS_H
#define INGEST_PUBLISHER_COUNTS_H

#include "common/metrics.h"

enum count_name {
    COUNT_DELIVERED,
    COUNT_RESENT,
    COUNT_FAILED,
    COUNT_DEAD,
    COUNT_REBUILDS,
    COUNT_COUNT
};

/* Stays where it is: at may point into it. */
struct counts {
    struct metric *at[COUNT_COUNT];
    struct metric own[COUNT_COUNT]; /* in their place without metrics */
};

/* m may be NULL, else it outlives the counts. Returns 0 or -ENOMEM. */
int counts_init(struct counts *c, struct metrics *m);

static inline void counts_add(struct counts *c, enum count_name name)
{
    metric_add(c->at[name], 1);
}

static inline uint64_t counts_read(const struct counts *c, enum count_name name)
{
    return metric_read(c->at[name]);
}

#endif
