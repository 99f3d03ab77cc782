#include "consumer/sums.h"

#include "common/hash.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

/* Records stand in the order they came: the slots, small and dense, hold index + 1, 0 is free. */
struct sums {
    size_t key_words, record_words;
    uint64_t *records;
    size_t count, capacity;
    uint32_t *slots;
    size_t slot_count; /* a power of two, twice the capacity */
    uint64_t seed;
    uint64_t *sorted; /* as last made */
};

static bool set_size(struct sums *s, size_t slot_count)
{
    uint64_t *records =
        reallocarray(s->records, slot_count / 2, s->record_words * sizeof(*records));
    if (records == NULL) {
        return false;
    }
    s->records = records;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(s->slots);
    s->slots = slots;
    s->slot_count = slot_count;
    s->capacity = slot_count / 2;
    return true;
}

struct sums *sums_new(size_t key_words, size_t sum_count)
{
    struct sums *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->seed = hash_seed(s);
    s->key_words = key_words;
    s->record_words = key_words + sum_count;
    if (!set_size(s, FIRST_SLOTS)) {
        sums_free(s);
        return NULL;
    }
    return s;
}

void sums_free(struct sums *s)
{
    if (s == NULL) {
        return;
    }
    free(s->records);
    free(s->slots);
    free(s->sorted);
    free(s);
}

static uint64_t *record_at(const struct sums *s, size_t i)
{
    return s->records + i * s->record_words;
}

static bool same_key(const struct sums *s, const uint64_t *x, const uint64_t *y)
{
    for (size_t i = 0; i < s->key_words; i++) {
        if (x[i] != y[i]) {
            return false;
        }
    }
    return true;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find_slot(const struct sums *s, const uint64_t *key)
{
    uint64_t hash = s->seed;
    for (size_t i = 0; i < s->key_words; i++) {
        hash = hash_mix(hash, key[i]);
    }
    size_t at = (size_t)hash & (s->slot_count - 1);
    while (s->slots[at] != 0 && !same_key(s, record_at(s, s->slots[at] - 1), key)) {
        at = (at + 1) & (s->slot_count - 1);
    }
    return at;
}

static bool grow(struct sums *s)
{
    if (!set_size(s, s->slot_count * 2)) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        s->slots[find_slot(s, record_at(s, i))] = (uint32_t)(i + 1);
    }
    return true;
}

int64_t *sums_at(struct sums *s, const uint64_t *key)
{
    size_t at = find_slot(s, key);
    if (s->slots[at] == 0) {
        if (s->count == s->capacity) {
            if (!grow(s)) {
                return NULL;
            }
            at = find_slot(s, key);
        }
        uint64_t *record = record_at(s, s->count);
        memset(record, 0, s->record_words * sizeof(*record));
        memcpy(record, key, s->key_words * sizeof(*record));
        s->slots[at] = (uint32_t)++s->count;
    }
    return (int64_t *)(record_at(s, s->slots[at] - 1) + s->key_words);
}

int64_t *sums_find(struct sums *s, const uint64_t *key)
{
    uint32_t found = s->slots[find_slot(s, key)];
    return found == 0 ? NULL : (int64_t *)(record_at(s, found - 1) + s->key_words);
}

size_t sums_count(const struct sums *s)
{
    return s->count;
}

static int compare(const void *left, const void *right, void *arg)
{
    const uint64_t *x = left, *y = right;
    const struct sums *s = arg;
    for (size_t i = 0; i < s->key_words; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

const uint64_t *sums_sorted(struct sums *s)
{
    size_t size = s->record_words * sizeof(*s->sorted);
    free(s->sorted);
    s->sorted = reallocarray(NULL, s->count + 1, size); /* never of no bytes */
    if (s->sorted != NULL && s->count > 0) {
        memcpy(s->sorted, s->records, s->count * size);
        qsort_r(s->sorted, s->count, size, compare, s);
    }
    return s->sorted;
}

void sums_reset(struct sums *s)
{
    free(s->sorted);
    s->sorted = NULL;
    memset(s->slots, 0, s->slot_count * sizeof(*s->slots));
    s->count = 0;
}
