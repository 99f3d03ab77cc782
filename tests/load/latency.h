/* Durations, kept as counts in buckets of at most 1/64 of their value each. */
#ifndef LOAD_LATENCY_H
#define LOAD_LATENCY_H

#include <stdint.h>

enum { LATENCY_STEPS = 64, LATENCY_BUCKETS = 59 * LATENCY_STEPS };

/* Lives in the caller's storage; zeroed is empty. */
struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t count, max_us;
};

void latency_add(struct latency *l, uint64_t us);

/* The duration that the given share (0 to 1) of all stay within; 0 when there are none. */
uint64_t latency_at(const struct latency *l, double share);

#endif
