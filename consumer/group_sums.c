#include "consumer/group_sums.h"

#include "common/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { GROUPS_FIRST = 64, SLOTS_A_GROUP = 2 }; /* a slot at most half full is found in two looks */

struct group_sums {
    size_t keys, width;
    size_t count, capacity, count_max; /* groups */
    int64_t *rows;
    uint32_t *slots; /* index + 1 of the group, 0 = free; capacity * SLOTS_A_GROUP of them */
    uint64_t seed;
};

struct group_sums *group_sums_new(size_t keys, size_t sums, size_t bytes_max)
{
    struct group_sums *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->keys = keys;
    g->width = keys + sums;
    g->seed = hash_seed(g);
    size_t group_bytes = g->width * sizeof g->rows[0] + SLOTS_A_GROUP * sizeof g->slots[0];
    g->count_max = 1;
    while (2 * g->count_max * group_bytes <= bytes_max && g->count_max < UINT32_MAX / 4) {
        g->count_max *= 2;
    }
    return g;
}

void group_sums_free(struct group_sums *g)
{
    if (g != NULL) {
        free(g->rows);
        free(g->slots);
        free(g);
    }
}

/* Where the group of the row is, or the free slot for it. */
static uint32_t *slot_of(const struct group_sums *g, const int64_t *row)
{
    uint64_t hash = g->seed;
    for (size_t i = 0; i < g->keys; i++) {
        hash = hash_mix(hash, (uint64_t)row[i]);
    }
    size_t mask = g->capacity * SLOTS_A_GROUP - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t group = g->slots[at];
        if (group == 0 ||
            memcmp(&g->rows[(group - 1) * g->width], row, g->keys * sizeof row[0]) == 0) {
            return &g->slots[at];
        }
    }
}

static bool grow(struct group_sums *g)
{
    size_t capacity = g->capacity == 0 ? GROUPS_FIRST : g->capacity * 2;
    capacity = capacity > g->count_max ? g->count_max : capacity;
    int64_t *rows = realloc(g->rows, capacity * g->width * sizeof rows[0]);
    if (rows == NULL) {
        return false;
    }
    g->rows = rows;
    uint32_t *slots = calloc(capacity * SLOTS_A_GROUP, sizeof slots[0]);
    if (slots == NULL) {
        return false;
    }
    free(g->slots);
    g->slots = slots;
    g->capacity = capacity;
    for (size_t i = 0; i < g->count; i++) {
        *slot_of(g, &rows[i * g->width]) = (uint32_t)i + 1;
    }
    return true;
}

static int add_sums(const struct group_sums *g, int64_t *group, const int64_t *row)
{
    for (size_t i = g->keys; i < g->width; i++) {
        if (__builtin_add_overflow(group[i], row[i], &group[i])) {
            return -EOVERFLOW;
        }
    }
    return 0;
}

int group_sums_add(struct group_sums *g, const int64_t *row)
{
    uint32_t *slot = g->capacity == 0 ? NULL : slot_of(g, row);
    if (slot != NULL && *slot != 0) {
        return add_sums(g, &g->rows[(*slot - 1) * g->width], row);
    }
    if (g->count == g->count_max) {
        return -ENOSPC;
    }
    if (g->count == g->capacity) {
        if (!grow(g)) {
            return -ENOMEM;
        }
        slot = slot_of(g, row);
    }
    memcpy(&g->rows[g->count * g->width], row, g->width * sizeof row[0]);
    *slot = (uint32_t)++g->count;
    return 0;
}

size_t group_sums_count(const struct group_sums *g)
{
    return g->count;
}

const int64_t *group_sums_row(const struct group_sums *g, size_t index)
{
    return &g->rows[index * g->width];
}

void group_sums_clear(struct group_sums *g)
{
    g->count = 0;
    if (g->slots != NULL) {
        memset(g->slots, 0, g->capacity * SLOTS_A_GROUP * sizeof g->slots[0]);
    }
}
