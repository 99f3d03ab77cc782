#include "consumer/aggregate.h"

#include "common/hash.h"
#include "consumer/timezone.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 4096 };

/* A key and how many reports it counts. */
struct entry {
    struct aggregate_key key;
    int64_t count;
};

/* Entries stand in the order they came: the slots, small and dense, hold index + 1, 0 is free. */
struct aggregate {
    struct entry *entries;
    size_t count, capacity;
    uint32_t *slots;
    size_t slot_count; /* a power of two, twice the capacity */
    uint64_t seed;
    struct entry *sorted; /* all below: the rows last made */
    struct store_total *totals[STORE_GRAIN_COUNT];
    struct store_event_count *events[STORE_GRAIN_COUNT];
};

struct aggregate *aggregate_new(void)
{
    struct aggregate *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    a->seed = hash_seed(a);
    a->slots = calloc(FIRST_SLOTS, sizeof(*a->slots));
    a->entries = calloc(FIRST_SLOTS / 2, sizeof(*a->entries));
    if (a->slots == NULL || a->entries == NULL) {
        aggregate_free(a);
        return NULL;
    }
    a->slot_count = FIRST_SLOTS;
    a->capacity = FIRST_SLOTS / 2;
    return a;
}

static void free_rows(struct aggregate *a)
{
    free(a->sorted);
    a->sorted = NULL;
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        free(a->totals[grain]);
        a->totals[grain] = NULL;
        free(a->events[grain]);
        a->events[grain] = NULL;
    }
}

void aggregate_free(struct aggregate *a)
{
    if (a == NULL) {
        return;
    }
    free_rows(a);
    free(a->entries);
    free(a->slots);
    free(a);
}

static uint64_t hash_key(uint64_t seed, const struct aggregate_key *key)
{
    uint64_t hash = hash_mix(seed, key->photo_id);
    hash = hash_mix(hash, (uint64_t)key->site << 32 | key->source);
    return hash_mix(hash, (uint64_t)key->event << 40 ^ (uint64_t)(uint32_t)key->quarter << 8 ^
                              key->traffic);
}

static bool same_key(const struct aggregate_key *x, const struct aggregate_key *y)
{
    return x->photo_id == y->photo_id && x->site == y->site && x->source == y->source &&
           x->event == y->event && x->quarter == y->quarter && x->traffic == y->traffic;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find_slot(const struct aggregate *a, const struct aggregate_key *key)
{
    size_t mask = a->slot_count - 1;
    size_t at = (size_t)hash_key(a->seed, key) & mask;
    while (a->slots[at] != 0 && !same_key(&a->entries[a->slots[at] - 1].key, key)) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow(struct aggregate *a)
{
    struct entry *entries = reallocarray(a->entries, a->capacity * 2, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    a->entries = entries;
    uint32_t *slots = calloc(a->slot_count * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(a->slots);
    a->slots = slots;
    a->slot_count *= 2;
    a->capacity *= 2;
    for (size_t i = 0; i < a->count; i++) {
        a->slots[find_slot(a, &a->entries[i].key)] = (uint32_t)(i + 1);
    }
    return true;
}

int aggregate_add(struct aggregate *a, const struct aggregate_key *key)
{
    size_t at = find_slot(a, key);
    if (a->slots[at] != 0) {
        a->entries[a->slots[at] - 1].count++;
        return 0;
    }
    if (a->count == a->capacity) {
        if (!grow(a)) {
            return -ENOMEM;
        }
        at = find_slot(a, key);
    }
    a->entries[a->count] = (struct entry){.key = *key, .count = 1};
    a->slots[at] = (uint32_t)++a->count;
    return 0;
}

size_t aggregate_size(const struct aggregate *a)
{
    return a->count;
}

#define COMPARE(x, y, field)                                                                       \
    if ((x)->field != (y)->field) {                                                                \
        return (x)->field < (y)->field ? -1 : 1;                                                   \
    }

/* In the order of the store's keys, so that a flush walks its trees from left to right. */
static int compare_totals(const void *left, const void *right)
{
    const struct store_total *x = left, *y = right;
    COMPARE(x, y, bucket)
    COMPARE(x, y, photo_id)
    COMPARE(x, y, source)
    COMPARE(x, y, site)
    COMPARE(x, y, traffic)
    return 0;
}

static int compare_events(const void *left, const void *right)
{
    const struct store_event_count *x = left, *y = right;
    COMPARE(x, y, bucket)
    COMPARE(x, y, photo_id)
    COMPARE(x, y, source)
    COMPARE(x, y, event)
    COMPARE(x, y, site)
    COMPARE(x, y, traffic)
    return 0;
}

static int compare_entries(const void *left, const void *right)
{
    const struct aggregate_key *x = &((const struct entry *)left)->key;
    const struct aggregate_key *y = &((const struct entry *)right)->key;
    COMPARE(x, y, quarter)
    COMPARE(x, y, photo_id)
    COMPARE(x, y, source)
    COMPARE(x, y, event)
    COMPARE(x, y, site)
    COMPARE(x, y, traffic)
    return 0;
}

static bool allocate_rows(struct aggregate *a)
{
    size_t room = a->count == 0 ? 1 : a->count;
    a->sorted = calloc(room, sizeof(*a->sorted));
    bool whole = a->sorted != NULL;
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        a->totals[grain] = calloc(room, sizeof(*a->totals[grain]));
        a->events[grain] = calloc(room, sizeof(*a->events[grain]));
        whole = whole && a->totals[grain] != NULL && a->events[grain] != NULL;
    }
    return whole;
}

/* Sorts the rows, unless they are, and adds up those of one key. Returns how many are left. */
static size_t merge_totals(struct store_total *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_totals(&rows[i - 1], &rows[i]) > 0) {
            qsort(rows, count, sizeof(*rows), compare_totals);
            break;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_totals(&rows[kept - 1], &rows[i]) == 0) {
            rows[kept - 1].reports += rows[i].reports;
            rows[kept - 1].events += rows[i].events;
            rows[kept - 1].loads += rows[i].loads;
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static size_t merge_events(struct store_event_count *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_events(&rows[i - 1], &rows[i]) > 0) {
            qsort(rows, count, sizeof(*rows), compare_events);
            break;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_events(&rows[kept - 1], &rows[i]) == 0) {
            rows[kept - 1].count += rows[i].count;
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static struct store_total total_of(const struct entry *e, int32_t bucket, uint32_t load_event)
{
    bool is_event = e->key.event != 0;
    bool is_load = is_event && e->key.event == load_event;
    return (struct store_total){.site = e->key.site,
                                .source = e->key.source,
                                .photo_id = e->key.photo_id,
                                .bucket = bucket,
                                .traffic = e->key.traffic,
                                .reports = e->count,
                                .events = is_event ? e->count : 0,
                                .loads = is_load ? e->count : 0};
}

static struct store_event_count event_of(const struct entry *e, int32_t bucket)
{
    return (struct store_event_count){.site = e->key.site,
                                      .source = e->key.source,
                                      .event = e->key.event,
                                      .photo_id = e->key.photo_id,
                                      .bucket = bucket,
                                      .traffic = e->key.traffic,
                                      .count = e->count};
}

int aggregate_rows(struct aggregate *a, uint32_t load_event, aggregate_day_fn *day, void *arg,
                   struct store_batch *batch)
{
    free_rows(a);
    if (!allocate_rows(a)) {
        free_rows(a);
        return -ENOMEM;
    }
    /* sorted apart: the slots go on pointing at the entries */
    memcpy(a->sorted, a->entries, a->count * sizeof(*a->sorted));
    qsort(a->sorted, a->count, sizeof(*a->sorted), compare_entries);
    size_t event_count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *e = &a->sorted[i];
        int32_t bucket[STORE_GRAIN_COUNT] = {e->key.quarter, timezone_hour(e->key.quarter),
                                             day(e->key.site, e->key.quarter, arg)};
        for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
            a->totals[grain][i] = total_of(e, bucket[grain], load_event);
            if (e->key.event != 0) {
                a->events[grain][event_count] = event_of(e, bucket[grain]);
            }
        }
        event_count += e->key.event != 0;
    }
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        batch->totals[grain] = a->totals[grain];
        batch->total_count[grain] = merge_totals(a->totals[grain], a->count);
        batch->events[grain] = a->events[grain];
        batch->event_count[grain] = merge_events(a->events[grain], event_count);
    }
    return 0;
}

void aggregate_reset(struct aggregate *a)
{
    free_rows(a);
    memset(a->slots, 0, a->slot_count * sizeof(*a->slots));
    a->count = 0;
}
