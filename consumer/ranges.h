/*
 * The union of intervals of ms: what a viewing has covered (analytics, "viewing"). Intervals are
 * closed: [0, 20] and [20, 40] are one. Values that own nothing; pure, any thread.
 */
#ifndef CONSUMER_RANGES_H
#define CONSUMER_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RANGES_MAX = 64,      /* past it the nearest two are joined */
    RANGES_PERCENTS = 101 /* points 0 % to 100 % */
};

struct range {
    int64_t start_ms, end_ms;
};

/* Sorted, with holes between them. Empty when count is 0: nothing else needs to be set. */
struct ranges {
    uint32_t count;
    struct range at[RANGES_MAX + 1]; /* one place more, for working */
};

/*
 * Adds an interval, start <= end. A hole of up to within_ms beside it is covered with it. Returns
 * the ms newly covered. When that makes too many, the nearest two (the first of equals) are joined:
 * *joined goes up by one, and the hole counts as covered without ever having added a ms.
 */
int64_t ranges_add(struct ranges *r, struct range new_range, int64_t within_ms, unsigned *joined);

/* The ms covered in [0, until_ms]. */
int64_t ranges_covered(const struct ranges *r, int64_t until_ms);

/* Where the last interval ends, 0 if there is none. */
int64_t ranges_end(const struct ranges *r);

/* A bit for each percent; bit i % 64 of word[i / 64]. */
struct ranges_points {
    uint64_t word[2];
};

/* The points i % of total_ms (> 0) that are covered; point 0 always is. */
struct ranges_points ranges_points(const struct ranges *r, int64_t total_ms);

static inline bool ranges_has_point(struct ranges_points points, int i)
{
    return (points.word[i / 64] >> (i % 64) & 1) != 0;
}

#endif
