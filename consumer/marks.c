#include "consumer/marks.h"

#include <errno.h>
#include <stdlib.h>

enum { MARKS_FIRST_CAPACITY = 256 };

struct slot {
    struct store_mark mark;
    bool used;
    bool changed;
};

struct marks {
    struct slot *slots; /* open addressing; capacity is a power of two, at most half full */
    size_t capacity;
    size_t count;
    struct store_mark *rows;
    size_t row_capacity;
    size_t changed_count;
};

struct marks *marks_new(void)
{
    struct marks *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->slots = calloc(MARKS_FIRST_CAPACITY, sizeof *m->slots);
    if (m->slots == NULL) {
        free(m);
        return NULL;
    }
    m->capacity = MARKS_FIRST_CAPACITY;
    return m;
}

void marks_free(struct marks *m)
{
    if (m == NULL) {
        return;
    }
    free(m->slots);
    free(m->rows);
    free(m);
}

/* Lanes are random already; the partition is spread with an odd constant (2^64 over the golden
 * ratio). */
static size_t hash(int32_t partition, uint64_t lane)
{
    uint64_t h = lane ^ ((uint64_t)(uint32_t)partition * 0x9e3779b97f4a7c15U);
    return (size_t)(h ^ (h >> 32));
}

static struct slot *find(struct slot *slots, size_t capacity, int32_t partition, uint64_t lane)
{
    size_t at = hash(partition, lane) & (capacity - 1);
    while (slots[at].used &&
           (slots[at].mark.partition != partition || slots[at].mark.lane != lane)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static int grow(struct marks *m)
{
    size_t capacity = m->capacity * 2;
    struct slot *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < m->capacity; i++) {
        const struct slot *old = &m->slots[i];
        if (old->used) {
            *find(slots, capacity, old->mark.partition, old->mark.lane) = *old;
        }
    }
    free(m->slots);
    m->slots = slots;
    m->capacity = capacity;
    return 0;
}

/* The slot of the key, a fresh one (sequence 0) if there was none; NULL when memory runs out. */
static struct slot *place(struct marks *m, int32_t partition, uint64_t lane)
{
    struct slot *s = find(m->slots, m->capacity, partition, lane);
    if (s->used) {
        return s;
    }
    if (m->count >= m->capacity / 2) {
        if (grow(m) != 0) {
            return NULL;
        }
        s = find(m->slots, m->capacity, partition, lane);
    }
    *s = (struct slot){.mark = {.partition = partition, .lane = lane}, .used = true};
    m->count++;
    return s;
}

int marks_load(struct marks *m, const struct store_mark *mark)
{
    struct slot *s = place(m, mark->partition, mark->lane);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->mark = *mark;
    return 0;
}

enum marks_result marks_apply(struct marks *m, int32_t partition, uint64_t lane, uint64_t sequence,
                              int64_t seen_ms)
{
    struct slot *s = place(m, partition, lane);
    if (s == NULL) {
        return MARKS_NO_MEMORY;
    }
    if (sequence <= s->mark.sequence) {
        return MARKS_REPEAT;
    }
    if (!s->changed) {
        s->changed = true;
        m->changed_count++;
    }
    s->mark.sequence = sequence;
    s->mark.seen_ms = seen_ms;
    return MARKS_NEW;
}

static int by_key(const void *left, const void *right)
{
    const struct store_mark *a = left;
    const struct store_mark *b = right;
    if (a->partition != b->partition) {
        return a->partition < b->partition ? -1 : 1;
    }
    return a->lane == b->lane ? 0 : a->lane < b->lane ? -1 : 1;
}

int marks_changed(struct marks *m, const struct store_mark **rows, size_t *count)
{
    if (m->changed_count > m->row_capacity) {
        struct store_mark *grown = realloc(m->rows, m->changed_count * 2 * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        m->rows = grown;
        m->row_capacity = m->changed_count * 2;
    }
    size_t n = 0;
    for (size_t i = 0; i < m->capacity && n < m->changed_count; i++) {
        if (m->slots[i].used && m->slots[i].changed) {
            m->rows[n++] = m->slots[i].mark;
        }
    }
    if (n > 0) {
        qsort(m->rows, n, sizeof *m->rows, by_key);
    }
    *rows = m->rows;
    *count = n;
    return 0;
}

void marks_commit(struct marks *m)
{
    for (size_t i = 0; i < m->capacity && m->changed_count > 0; i++) {
        if (m->slots[i].changed) {
            m->slots[i].changed = false;
            m->changed_count--;
        }
    }
}

void marks_reset(struct marks *m)
{
    for (size_t i = 0; i < m->capacity; i++) {
        m->slots[i] = (struct slot){0};
    }
    m->count = 0;
    m->changed_count = 0;
}

size_t marks_size(const struct marks *m)
{
    return m->count;
}
