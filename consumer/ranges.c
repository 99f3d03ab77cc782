#include "consumer/ranges.h"

#include <string.h>

/* The first interval that the new one could touch: all before it end too early. */
static uint32_t find_first(const struct ranges *r, int64_t start_ms, int64_t within_ms)
{
    uint32_t i = r->count; /* players mostly go on at the end */
    while (i > 0 && r->at[i - 1].end_ms + within_ms >= start_ms) {
        i--;
    }
    return i;
}

static void join_nearest(struct ranges *r)
{
    uint32_t nearest = 0;
    int64_t least_ms = INT64_MAX;
    for (uint32_t i = 0; i + 1 < r->count; i++) {
        int64_t hole_ms = r->at[i + 1].start_ms - r->at[i].end_ms;
        if (hole_ms < least_ms) {
            least_ms = hole_ms;
            nearest = i;
        }
    }
    r->at[nearest].end_ms = r->at[nearest + 1].end_ms;
    memmove(&r->at[nearest + 1], &r->at[nearest + 2], (r->count - nearest - 2) * sizeof r->at[0]);
    r->count--;
}

int64_t ranges_add(struct ranges *r, struct range new_range, int64_t within_ms, unsigned *joined)
{
    uint32_t first = find_first(r, new_range.start_ms, within_ms), after = first;
    int64_t covered_ms = 0;
    for (; after < r->count && r->at[after].start_ms <= new_range.end_ms + within_ms; after++) {
        struct range old = r->at[after];
        covered_ms += old.end_ms - old.start_ms;
        new_range.start_ms = old.start_ms < new_range.start_ms ? old.start_ms : new_range.start_ms;
        new_range.end_ms = old.end_ms > new_range.end_ms ? old.end_ms : new_range.end_ms;
    }
    /* those from first to after become one */
    memmove(&r->at[first + 1], &r->at[after], (r->count - after) * sizeof r->at[0]);
    r->at[first] = new_range;
    r->count = r->count - (after - first) + 1;
    if (r->count > RANGES_MAX) {
        join_nearest(r);
        (*joined)++;
    }
    return new_range.end_ms - new_range.start_ms - covered_ms;
}

int64_t ranges_covered(const struct ranges *r, int64_t until_ms)
{
    int64_t covered_ms = 0;
    for (uint32_t i = 0; i < r->count && r->at[i].start_ms < until_ms; i++) {
        int64_t end_ms = r->at[i].end_ms < until_ms ? r->at[i].end_ms : until_ms;
        covered_ms += end_ms - r->at[i].start_ms;
    }
    return covered_ms;
}

int64_t ranges_end(const struct ranges *r)
{
    return r->count == 0 ? 0 : r->at[r->count - 1].end_ms;
}

/* The bits first to last, both below 64. */
static uint64_t bits(int first, int last)
{
    return first > last ? 0 : (UINT64_MAX >> (63 - last)) & (UINT64_MAX << first);
}

struct ranges_points ranges_points(const struct ranges *r, int64_t total_ms)
{
    struct ranges_points points = {{1, 0}};
    for (uint32_t i = 0; i < r->count && r->at[i].start_ms <= total_ms; i++) {
        int first = (int)((r->at[i].start_ms * 100 + total_ms - 1) / total_ms);
        int64_t end_ms = r->at[i].end_ms < total_ms ? r->at[i].end_ms : total_ms;
        int last = (int)(end_ms * 100 / total_ms);
        points.word[0] |= bits(first, last < 63 ? last : 63);
        points.word[1] |= last < 64 ? 0 : bits(first < 64 ? 0 : first - 64, last - 64);
    }
    return points;
}
