#include "consumer/vitals.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct vitals {
    pthread_mutex_t lock; /* of all below: a plain one, never held twice, so locking cannot fail */
    uint64_t flush_us[VITALS_FLUSHES];
    uint64_t flush_count; /* in all; the next goes to the place of the oldest */
    struct vitals_view told;
};

struct vitals *vitals_new(void)
{
    struct vitals *v = calloc(1, sizeof *v);
    if (v != NULL) {
        (void)pthread_mutex_init(&v->lock, NULL);
    }
    return v;
}

void vitals_flushed(struct vitals *v, uint64_t us)
{
    (void)pthread_mutex_lock(&v->lock);
    v->flush_us[v->flush_count % VITALS_FLUSHES] = us;
    v->flush_count++;
    (void)pthread_mutex_unlock(&v->lock);
}

void vitals_dead(struct vitals *v, const char *reason)
{
    struct vitals_view *t = &v->told;
    size_t i = 0;
    (void)pthread_mutex_lock(&v->lock);
    while (i < t->dead_count && strcmp(t->dead[i].reason, reason) != 0) {
        i++;
    }
    if (i == VITALS_REASONS) {
        i--;
    } else if (i == t->dead_count) {
        t->dead[i].reason = reason;
        t->dead_count++;
    }
    t->dead[i].count++;
    (void)pthread_mutex_unlock(&v->lock);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t percentile(const uint64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return count == 0 ? 0 : sorted[rank == 0 ? 0 : rank - 1];
}

void vitals_read(struct vitals *v, struct vitals_view *out)
{
    uint64_t sorted[VITALS_FLUSHES];
    (void)pthread_mutex_lock(&v->lock);
    *out = v->told;
    out->flushes = v->flush_count < VITALS_FLUSHES ? (size_t)v->flush_count : VITALS_FLUSHES;
    memcpy(sorted, v->flush_us, out->flushes * sizeof sorted[0]);
    (void)pthread_mutex_unlock(&v->lock);
    qsort(sorted, out->flushes, sizeof sorted[0], by_size);
    out->flush_p50_us = percentile(sorted, out->flushes, 50);
    out->flush_p99_us = percentile(sorted, out->flushes, 99);
}

void vitals_free(struct vitals *v)
{
    if (v != NULL) {
        (void)pthread_mutex_destroy(&v->lock); /* nobody is left who could hold it */
        free(v);
    }
}
