/* Counters and gauges of a daemon, shown as Prometheus text. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/buffer.h"

#include <stdatomic.h>
#include <stdint.h>

struct metrics;

/* One counter of one thread. Only that thread adds to it; any thread may read. */
struct metric {
    _Atomic uint64_t value;
};

typedef double metrics_gauge_fn(void *arg);

/* Makes an empty set. Returns NULL when memory runs out. Freed after all that add to it. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/*
 * Registers a counter and returns its cell, owned by m; NULL when memory runs out. The same name
 * and labels may be registered by several threads: the page shows the sum. name ends in _total;
 * labels is what stands inside the braces (reason="x") or "". Strings must outlive m (literals).
 * Any thread.
 */
struct metric *metrics_counter(struct metrics *m, const char *name, const char *labels,
                               const char *help);

/* The same for time: the cell counts microseconds, the page shows seconds, as Prometheus wants base
 * units. name ends in _seconds_total. */
struct metric *metrics_time(struct metrics *m, const char *name, const char *labels,
                            const char *help);

/*
 * Registers a gauge that is asked when the page is made; fn may run in any thread. Of the same name
 * and labels the page shows the sum, as of counters. Returns 0 or -ENOMEM.
 */
int metrics_gauge(struct metrics *m, const char *name, const char *labels, const char *help,
                  metrics_gauge_fn *fn, void *arg);

/* Appends the page: Prometheus text format 0.0.4, families together. Any thread. */
void metrics_render(struct metrics *m, struct buffer *out);

/* Adds to a counter. A plain load and store: each cell has one writer. */
static inline void metric_add(struct metric *c, uint64_t n)
{
    uint64_t now = atomic_load_explicit(&c->value, memory_order_relaxed);
    atomic_store_explicit(&c->value, now + n, memory_order_relaxed);
}

static inline uint64_t metric_read(const struct metric *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

#endif
