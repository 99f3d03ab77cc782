#include "ingest/rate_limit.h"

#include "common/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAYS = 8,
    SETS = RATE_LIMIT_BUCKETS / WAYS,
    LOCKS = 64,
    US_PER_S = 1000000,
    PREFIX_BITS = 64
};

/*
 * A bucket as the time at which it will be full again: empty by as many reports as fit between now
 * and then. That needs no filling, and a time that has passed is the same as no bucket.
 */
struct bucket {
    uint8_t address[16];
    uint64_t full_at_us;
};

struct rate_limit {
    uint64_t report_us; /* a report's worth of time */
    uint64_t depth_us;  /* a whole bucket's */
    uint64_t seed;      /* drawn, so that nobody can choose addresses of one set */
    pthread_mutex_t locks[LOCKS];
    struct bucket buckets[SETS][WAYS];
};

struct rate_limit *rate_limit_new(unsigned per_second, unsigned burst)
{
    struct rate_limit *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->report_us = per_second >= US_PER_S ? 1 : US_PER_S / per_second;
    l->depth_us = l->report_us * burst;
    l->seed = hash_seed(l);
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&l->locks[i], NULL); /* cannot fail without attributes */
    }
    return l;
}

void rate_limit_free(struct rate_limit *l)
{
    if (l == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_destroy(&l->locks[i]);
    }
    free(l);
}

/* The address's bucket, or the one that has been full for the longest, made its own. */
static struct bucket *find(struct bucket set[WAYS], const uint8_t address[16])
{
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(set[i].address, address, sizeof set[i].address) == 0) {
            return &set[i];
        }
        if (set[i].full_at_us < oldest->full_at_us) {
            oldest = &set[i];
        }
    }
    memcpy(oldest->address, address, sizeof oldest->address);
    oldest->full_at_us = 0;
    return oldest;
}

bool rate_limit_take(struct rate_limit *l, const struct client_address *a, unsigned count,
                     uint64_t mono_ms)
{
    if (!a->known) {
        return true;
    }
    struct client_address whose = *a;
    if (!address_is_ipv4(a)) {
        address_mask(&whose, PREFIX_BITS);
    }
    uint64_t at = hash_bytes(l->seed, (const char *)whose.bytes, sizeof whose.bytes) % SETS;
    uint64_t now_us = mono_ms * 1000;
    pthread_mutex_t *lock = &l->locks[at % LOCKS];
    (void)pthread_mutex_lock(lock); /* cannot fail: a plain mutex, never held twice */
    struct bucket *b = find(l->buckets[at], whose.bytes);
    uint64_t from_us = b->full_at_us > now_us ? b->full_at_us : now_us;
    bool taken = from_us + count * l->report_us <= now_us + l->depth_us;
    if (taken) {
        b->full_at_us = from_us + count * l->report_us;
    }
    (void)pthread_mutex_unlock(lock);
    return taken;
}
