#include "consumer/viewings.h"

#include "common/hash.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_ENTRIES = 512, BYTES_ROOM = 64 };

struct entry {
    struct store_viewing_key key;
    int64_t clock_ms;
    char *bytes; /* NULL: moved to the younger ones */
    uint32_t len, room;
    bool changed;
};

/* Entries stand in the order they came; the slots hold index + 1, 0 is free. */
struct generation {
    struct entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* twice the capacity, a power of two */
};

/*
 * Two generations: what is asked for moves to the young one; once that has half of what is kept, it
 * becomes the old one, and what was not asked for since is dropped. All that changed is young.
 */
struct viewings {
    struct generation young, old;
    size_t keep; /* of each generation */
    uint64_t seed;
    size_t changed_count;
    struct store_viewing *rows; /* as last made */
};

static void drop(struct generation *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free(g->entries[i].bytes);
    }
    free(g->entries);
    free(g->slots);
    *g = (struct generation){0};
}

struct viewings *viewings_new(size_t entries)
{
    struct viewings *v = calloc(1, sizeof *v);
    if (v != NULL) {
        v->seed = hash_seed(v);
        v->keep = entries / 2;
    }
    return v;
}

void viewings_free(struct viewings *v)
{
    if (v != NULL) {
        viewings_reset(v);
        free(v);
    }
}

static uint64_t hash_of(const struct viewings *v, const struct store_viewing_key *key)
{
    uint64_t words[2];
    memcpy(words, key->viewer, sizeof words);
    uint64_t hash = hash_mix(hash_mix(v->seed, words[0]), words[1]);
    return hash_mix(hash_mix(hash, key->photo_id), key->site);
}

static bool same(const struct store_viewing_key *x, const struct store_viewing_key *y)
{
    return x->photo_id == y->photo_id && x->site == y->site &&
           memcmp(x->viewer, y->viewer, sizeof x->viewer) == 0;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find_slot(const struct generation *g, const struct store_viewing_key *key,
                        uint64_t hash)
{
    size_t mask = g->capacity * 2 - 1;
    size_t at = (size_t)hash & mask;
    while (g->slots[at] != 0 && !same(&g->entries[g->slots[at] - 1].key, key)) {
        at = (at + 1) & mask;
    }
    return at;
}

static struct entry *find(const struct generation *g, const struct store_viewing_key *key,
                          uint64_t hash)
{
    uint32_t found = g->count == 0 ? 0 : g->slots[find_slot(g, key, hash)];
    return found == 0 ? NULL : &g->entries[found - 1];
}

static bool grow(const struct viewings *v, struct generation *g)
{
    size_t capacity = g->capacity == 0 ? FIRST_ENTRIES : g->capacity * 2;
    struct entry *entries = reallocarray(g->entries, capacity, sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    g->entries = entries;
    uint32_t *slots = calloc(capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(g->slots);
    g->slots = slots;
    g->capacity = capacity;
    for (size_t i = 0; i < g->count; i++) {
        const struct store_viewing_key *key = &g->entries[i].key;
        g->slots[find_slot(g, key, hash_of(v, key))] = (uint32_t)(i + 1);
    }
    return true;
}

/* A new young entry, which has its key alone. */
static struct entry *add(struct viewings *v, const struct store_viewing_key *key, uint64_t hash)
{
    struct generation *g = &v->young;
    if (g->count == g->capacity && !grow(v, g)) {
        return NULL;
    }
    g->slots[find_slot(g, key, hash)] = (uint32_t)(g->count + 1);
    g->entries[g->count] = (struct entry){.key = *key};
    return &g->entries[g->count++];
}

/* The entry of key among the young ones, NULL if there is none. */
static struct entry *rejuvenate(struct viewings *v, const struct store_viewing_key *key,
                                uint64_t hash)
{
    struct entry *e = find(&v->young, key, hash);
    struct entry *old = e == NULL ? find(&v->old, key, hash) : NULL;
    if (old == NULL || old->bytes == NULL) {
        return e;
    }
    e = add(v, key, hash);
    if (e != NULL) {
        *e = *old;
        old->bytes = NULL;
    }
    return e;
}

bool viewings_find(struct viewings *v, const struct store_viewing_key *key, struct slice *state)
{
    struct entry *e = rejuvenate(v, key, hash_of(v, key));
    if (e == NULL || e->bytes == NULL) { /* NULL: there was no memory for its state */
        return false;
    }
    *state = slice_make(e->bytes, e->len);
    return true;
}

static bool set_bytes(struct entry *e, struct slice state)
{
    if (state.len > e->room || e->bytes == NULL) {
        size_t room = state.len < BYTES_ROOM ? BYTES_ROOM : state.len + state.len / 2;
        char *bytes = malloc(room);
        if (bytes == NULL) {
            return false;
        }
        free(e->bytes);
        e->bytes = bytes;
        e->room = (uint32_t)room;
    }
    memcpy(e->bytes, state.data, state.len);
    e->len = (uint32_t)state.len;
    return true;
}

int viewings_put(struct viewings *v, const struct store_viewing_key *key, struct slice state,
                 int64_t clock_ms)
{
    uint64_t hash = hash_of(v, key);
    struct entry *e = rejuvenate(v, key, hash);
    if (e == NULL) {
        e = add(v, key, hash);
    }
    if (e == NULL || !set_bytes(e, state)) {
        return -ENOMEM;
    }
    e->clock_ms = clock_ms;
    v->changed_count += !e->changed;
    e->changed = true;
    return 0;
}

size_t viewings_changed_count(const struct viewings *v)
{
    return v->changed_count;
}

static int by_key(const void *left, const void *right)
{
    const struct store_viewing_key *x = &((const struct store_viewing *)left)->key;
    const struct store_viewing_key *y = &((const struct store_viewing *)right)->key;
    if (x->site != y->site) {
        return x->site < y->site ? -1 : 1;
    }
    if (x->photo_id != y->photo_id) {
        return x->photo_id < y->photo_id ? -1 : 1;
    }
    return memcmp(x->viewer, y->viewer, sizeof x->viewer);
}

int viewings_changed(struct viewings *v, const struct store_viewing **rows, size_t *count)
{
    free(v->rows);
    v->rows = calloc(v->changed_count + 1, sizeof *v->rows);
    if (v->rows == NULL) {
        return -ENOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < v->young.count && n < v->changed_count; i++) {
        const struct entry *e = &v->young.entries[i];
        if (e->changed) {
            v->rows[n++] =
                (struct store_viewing){e->key, e->clock_ms, slice_make(e->bytes, e->len)};
        }
    }
    qsort(v->rows, n, sizeof *v->rows, by_key);
    *rows = v->rows;
    *count = n;
    return 0;
}

void viewings_commit(struct viewings *v)
{
    free(v->rows);
    v->rows = NULL;
    for (size_t i = 0; i < v->young.count && v->changed_count > 0; i++) {
        v->changed_count -= v->young.entries[i].changed;
        v->young.entries[i].changed = false;
    }
    if (v->young.count > v->keep) {
        drop(&v->old);
        v->old = v->young;
        v->young = (struct generation){0};
    }
}

void viewings_reset(struct viewings *v)
{
    free(v->rows);
    v->rows = NULL;
    drop(&v->young);
    drop(&v->old);
    v->changed_count = 0;
}
