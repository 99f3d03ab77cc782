/*
 * The reports in work: those whose replies are held until disk or Kafka confirms them, of all
 * workers together, and how many there may be. Any thread.
 */
#ifndef INGEST_IN_WORK_H
#define INGEST_IN_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed but for max. NULL is taken below as one that is never full. */
struct in_work {
    _Atomic uint64_t count; /* of held replies: a batch has one */
    uint64_t max;
};

static inline uint64_t in_work_count(const struct in_work *w)
{
    return atomic_load_explicit(&w->count, memory_order_relaxed);
}

/* Between this and in_work_add() others may add too: max may be passed by one a worker. */
static inline bool in_work_is_full(const struct in_work *w)
{
    return w != NULL && in_work_count(w) >= w->max;
}

static inline void in_work_add(struct in_work *w)
{
    if (w != NULL) {
        atomic_fetch_add_explicit(&w->count, 1, memory_order_relaxed);
    }
}

static inline void in_work_remove(struct in_work *w, uint64_t count)
{
    if (w != NULL) {
        atomic_fetch_sub_explicit(&w->count, count, memory_order_relaxed);
    }
}

#endif
