#include "tests/load/latency.h"

/* Below 64 a bucket is one value; from there each power of two has 64 buckets. */
static unsigned bucket_of(uint64_t us)
{
    if (us < LATENCY_STEPS) {
        return (unsigned)us;
    }
    unsigned shift = 57 - (unsigned)__builtin_clzll(us);
    return shift * LATENCY_STEPS + (unsigned)(us >> shift);
}

/* The highest value of a bucket. */
static uint64_t ceiling_of(unsigned bucket)
{
    if (bucket < 2 * LATENCY_STEPS) {
        return bucket;
    }
    unsigned shift = bucket / LATENCY_STEPS - 1;
    return (((uint64_t)bucket - shift * LATENCY_STEPS + 1) << shift) - 1;
}

void latency_add(struct latency *l, uint64_t us)
{
    l->counts[bucket_of(us)]++;
    l->count++;
    l->max_us = us > l->max_us ? us : l->max_us;
}

uint64_t latency_at(const struct latency *l, double share)
{
    uint64_t wanted = (uint64_t)((double)l->count * share), seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += l->counts[i];
        if (seen > wanted || (seen == l->count && seen > 0)) {
            uint64_t ceiling = ceiling_of(i);
            return ceiling < l->max_us ? ceiling : l->max_us;
        }
    }
    return 0;
}
