#include "consumer/clocks.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
    struct store_clock clock;
    bool changed;
};

/* Sorted by partition: there are some dozens. */
struct clocks {
    struct entry *entries;
    size_t count;
    struct store_clock *rows; /* as last made */
};

struct clocks *clocks_new(void)
{
    return calloc(1, sizeof(struct clocks));
}

void clocks_free(struct clocks *c)
{
    if (c != NULL) {
        clocks_reset(c);
        free(c->entries);
        free(c);
    }
}

/* The entry of partition, a new one that stands at 0 if there was none; NULL without memory. */
static struct entry *entry_of(struct clocks *c, int32_t partition)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c->entries[middle].clock.partition < partition) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < c->count && c->entries[low].clock.partition == partition) {
        return &c->entries[low];
    }
    struct entry *entries = reallocarray(c->entries, c->count + 1, sizeof *entries);
    if (entries == NULL) {
        return NULL;
    }
    c->entries = entries;
    memmove(entries + low + 1, entries + low, (c->count - low) * sizeof *entries);
    entries[low] = (struct entry){.clock = {.partition = partition}};
    c->count++;
    return &entries[low];
}

int clocks_load(struct clocks *c, const struct store_clock *clock)
{
    struct entry *e = entry_of(c, clock->partition);
    if (e == NULL) {
        return -ENOMEM;
    }
    e->clock = *clock;
    return 0;
}

int clocks_move(struct clocks *c, int32_t partition, int64_t ts_ms, int64_t now_ms,
                int64_t *clock_ms)
{
    struct entry *e = entry_of(c, partition);
    if (e == NULL) {
        return -ENOMEM;
    }
    if (ts_ms > e->clock.ms && ts_ms - now_ms <= CLOCKS_FUTURE_MS) {
        e->clock.ms = ts_ms;
        e->changed = true;
    }
    *clock_ms = e->clock.ms;
    return 0;
}

int64_t clocks_least(const struct clocks *c)
{
    int64_t least_ms = INT64_MAX;
    for (size_t i = 0; i < c->count; i++) {
        int64_t ms = c->entries[i].clock.ms;
        least_ms = ms < least_ms ? ms : least_ms;
    }
    return least_ms;
}

int clocks_changed(struct clocks *c, const struct store_clock **rows, size_t *count)
{
    size_t n = 0;
    free(c->rows);
    c->rows = calloc(c->count + 1, sizeof *c->rows);
    if (c->rows == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i].changed) {
            c->rows[n++] = c->entries[i].clock;
        }
    }
    *rows = c->rows;
    *count = n;
    return 0;
}

void clocks_commit(struct clocks *c)
{
    for (size_t i = 0; i < c->count; i++) {
        c->entries[i].changed = false;
    }
}

void clocks_reset(struct clocks *c)
{
    free(c->rows);
    c->rows = NULL;
    c->count = 0;
}
