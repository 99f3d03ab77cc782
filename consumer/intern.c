#include "consumer/intern.h"

#include "common/hash.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024, FIRST_STRINGS = 512, CHUNK_SIZE = 64 * 1024 };

/* Text lives in chunks, so that slices into it stay where they are. */
struct chunk {
    struct chunk *older;
    size_t used, size;
    char data[];
};

/* Strings in the order they came; the pending ones are the last. Slots hold index + 1, 0 is free.
 */
struct intern {
    struct store_string *strings;
    uint64_t *hashes;
    size_t count, capacity;
    size_t committed; /* strings before this one are the store's */
    uint32_t next_id, committed_next_id;
    uint32_t *slots;
    size_t slot_count; /* a power of two, at least twice the strings */
    uint64_t seed;
    struct chunk *newest;
};

struct intern *intern_new(void)
{
    struct intern *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->next_id = 1;
    n->committed_next_id = 1;
    n->seed = hash_seed(n);
    n->slots = calloc(FIRST_SLOTS, sizeof(*n->slots));
    if (n->slots == NULL) {
        intern_free(n);
        return NULL;
    }
    n->slot_count = FIRST_SLOTS;
    return n;
}

static void free_chunks(struct intern *n)
{
    while (n->newest != NULL) {
        struct chunk *older = n->newest->older;
        free(n->newest);
        n->newest = older;
    }
}

void intern_free(struct intern *n)
{
    if (n == NULL) {
        return;
    }
    free_chunks(n);
    free(n->strings);
    free(n->hashes);
    free(n->slots);
    free(n);
}

static bool grow_strings(struct intern *n)
{
    size_t capacity = n->capacity == 0 ? FIRST_STRINGS : n->capacity * 2;
    struct store_string *strings = reallocarray(n->strings, capacity, sizeof(*strings));
    if (strings == NULL) {
        return false;
    }
    n->strings = strings;
    uint64_t *hashes = reallocarray(n->hashes, capacity, sizeof(*hashes));
    if (hashes == NULL) {
        return false;
    }
    n->hashes = hashes;
    n->capacity = capacity;
    return true;
}

/* The slot that holds text, or the free one where it belongs. */
static size_t find_slot(const struct intern *n, struct slice text, uint64_t hash)
{
    size_t mask = n->slot_count - 1;
    size_t at = (size_t)hash & mask;
    while (n->slots[at] != 0) {
        size_t i = n->slots[at] - 1;
        if (n->hashes[i] == hash && slice_equal(n->strings[i].text, text)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

static void fill_slots(struct intern *n)
{
    memset(n->slots, 0, n->slot_count * sizeof(*n->slots));
    for (size_t i = 0; i < n->count; i++) {
        n->slots[find_slot(n, n->strings[i].text, n->hashes[i])] = (uint32_t)(i + 1);
    }
}

static bool grow_slots(struct intern *n)
{
    uint32_t *slots = calloc(n->slot_count * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(n->slots);
    n->slots = slots;
    n->slot_count *= 2;
    fill_slots(n);
    return true;
}

static bool keep_text(struct intern *n, struct slice *text)
{
    if (n->newest == NULL || n->newest->size - n->newest->used < text->len) {
        size_t size = text->len > CHUNK_SIZE ? text->len : CHUNK_SIZE;
        struct chunk *c = malloc(sizeof(*c) + size);
        if (c == NULL) {
            return false;
        }
        *c = (struct chunk){.older = n->newest, .size = size};
        n->newest = c;
    }
    char *kept = n->newest->data + n->newest->used;
    if (text->len > 0) {
        memcpy(kept, text->data, text->len);
    }
    n->newest->used += text->len;
    text->data = kept;
    return true;
}

static bool put(struct intern *n, uint32_t id, struct slice text, uint64_t hash)
{
    if (n->count == n->capacity && !grow_strings(n)) {
        return false;
    }
    if ((n->count + 1) * 2 > n->slot_count && !grow_slots(n)) {
        return false;
    }
    if (!keep_text(n, &text)) {
        return false;
    }
    n->slots[find_slot(n, text, hash)] = (uint32_t)(n->count + 1);
    n->strings[n->count] = (struct store_string){.id = id, .text = text};
    n->hashes[n->count] = hash;
    n->count++;
    return true;
}

int intern_load(struct intern *n, uint32_t id, struct slice text)
{
    if (!put(n, id, text, hash_bytes(n->seed, text.data, text.len))) {
        return -ENOMEM;
    }
    if (id >= n->next_id) {
        n->next_id = id + 1;
    }
    intern_commit(n);
    return 0;
}

uint32_t intern_id(struct intern *n, struct slice text)
{
    uint64_t hash = hash_bytes(n->seed, text.data, text.len);
    uint32_t at = n->slots[find_slot(n, text, hash)];
    if (at != 0) {
        return n->strings[at - 1].id;
    }
    /* next_id is 0 once all ids are given out: no string can be added then either */
    if (n->next_id == 0 || !put(n, n->next_id, text, hash)) {
        return 0;
    }
    return n->next_id++;
}

uint32_t intern_find(const struct intern *n, struct slice text)
{
    uint64_t hash = hash_bytes(n->seed, text.data, text.len);
    uint32_t at = n->slots[find_slot(n, text, hash)];
    return at == 0 ? 0 : n->strings[at - 1].id;
}

const struct store_string *intern_pending(const struct intern *n, size_t *count)
{
    *count = n->count - n->committed;
    return *count == 0 ? NULL : n->strings + n->committed;
}

void intern_commit(struct intern *n)
{
    n->committed = n->count;
    n->committed_next_id = n->next_id;
}

/* Gives back the text of the pending strings: it was the last that was kept. */
static void drop_pending_text(struct intern *n)
{
    for (size_t i = n->count; i > n->committed; i--) {
        size_t len = n->strings[i - 1].text.len;
        while (n->newest->used < len || (n->newest->used == 0 && n->newest->older != NULL)) {
            struct chunk *older = n->newest->older;
            free(n->newest);
            n->newest = older;
        }
        n->newest->used -= len;
    }
}

void intern_rollback(struct intern *n)
{
    drop_pending_text(n);
    n->count = n->committed;
    n->next_id = n->committed_next_id;
    fill_slots(n);
}

void intern_reset(struct intern *n)
{
    free_chunks(n);
    n->count = 0;
    n->next_id = 1;
    intern_commit(n);
    fill_slots(n);
}

/* Ids rise in the order strings come: the store gives its own by id, new ones get the next. */
struct slice intern_text(const struct intern *n, uint32_t id)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (n->strings[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_there = low < n->count && n->strings[low].id == id;
    return is_there ? n->strings[low].text : slice_of(NULL);
}
