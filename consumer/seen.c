#include "consumer/seen.h"

#include "common/hash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

enum {
    SEEN_PER_VIEWER = 64,
    SEEN_FIRST_ROOM = 4,         /* reports of a group; grows to SEEN_PER_VIEWER */
    SEEN_FIRST_SLOTS = 1024,     /* a power of two */
    SEEN_GROUPS_KEPT = 32 * 1024 /* of a read cache: past it all are dropped after a commit */
};

static const int64_t WINDOW_MS = 86400000;

/* One report, as it stands in the store too: big-endian, oldest first. */
struct report {
    uint64_t hash;
    int64_t ts_ms;
};
enum { REPORT_SIZE = 16 };

struct group {
    struct store_seen_key key;
    struct report *reports; /* a ring would save moves, but nearly all have a few */
    uint8_t count, room;
    bool changed;
};

/* Groups stand in the order they came; the slots hold index + 1, 0 is free. */
struct seen {
    struct group *groups;
    size_t count, capacity;
    uint32_t *slots;
    size_t slot_count; /* a power of two, at least twice the groups */
    uint64_t seed;
    size_t changed_count;
    struct store_seen *rows; /* both: as last made */
    char *bytes;
};

struct seen *seen_new(void)
{
    struct seen *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->seed = hash_seed(s);
    s->slots = calloc(SEEN_FIRST_SLOTS, sizeof *s->slots);
    if (s->slots == NULL) {
        free(s);
        return NULL;
    }
    s->slot_count = SEEN_FIRST_SLOTS;
    return s;
}

static void free_rows(struct seen *s)
{
    free(s->rows);
    free(s->bytes);
    s->rows = NULL;
    s->bytes = NULL;
}

void seen_free(struct seen *s)
{
    if (s == NULL) {
        return;
    }
    seen_reset(s);
    free(s->groups);
    free(s->slots);
    free(s);
}

/* What the store holds must mean the same to every program and machine: a hash without a seed. */
struct store_seen_key seen_key(uint32_t site, uint64_t photo_id, struct slice uuid)
{
    uint64_t viewer = uuid.len == 0 ? 0 : hash_stable(HASH_STABLE_START, uuid.data, uuid.len);
    return (struct store_seen_key){site, photo_id, viewer};
}

static bool same(const struct store_seen_key *a, const struct store_seen_key *b)
{
    return a->site == b->site && a->photo_id == b->photo_id && a->viewer == b->viewer;
}

static size_t find_slot(const struct seen *s, const struct store_seen_key *key)
{
    uint64_t hash = hash_mix(hash_mix(hash_mix(s->seed, key->photo_id), key->viewer), key->site);
    size_t at = (size_t)hash & (s->slot_count - 1);
    while (s->slots[at] != 0 && !same(&s->groups[s->slots[at] - 1].key, key)) {
        at = (at + 1) & (s->slot_count - 1);
    }
    return at;
}

static bool grow(struct seen *s)
{
    size_t capacity = s->capacity == 0 ? SEEN_FIRST_SLOTS / 2 : s->capacity * 2;
    struct group *groups = reallocarray(s->groups, capacity, sizeof *groups);
    if (groups == NULL) {
        return false;
    }
    s->groups = groups;
    uint32_t *slots = calloc(capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(s->slots);
    s->slots = slots;
    s->slot_count = capacity * 2;
    s->capacity = capacity;
    for (size_t i = 0; i < s->count; i++) {
        s->slots[find_slot(s, &s->groups[i].key)] = (uint32_t)(i + 1);
    }
    return true;
}

int seen_load(struct seen *s, const struct store_seen_key *key, struct slice data)
{
    size_t count = data.len / REPORT_SIZE;
    count = count < SEEN_PER_VIEWER ? count : SEEN_PER_VIEWER;
    size_t room = count < SEEN_FIRST_ROOM ? SEEN_FIRST_ROOM : SEEN_PER_VIEWER;
    struct report *reports = malloc(room * sizeof *reports);
    if (reports == NULL || (s->count == s->capacity && !grow(s))) {
        free(reports);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t words[2];
        memcpy(words, data.data + i * REPORT_SIZE, sizeof words);
        reports[i] = (struct report){be64toh(words[0]), (int64_t)be64toh(words[1])};
    }
    s->groups[s->count] = (struct group){
        .key = *key, .reports = reports, .count = (uint8_t)count, .room = (uint8_t)room};
    s->slots[find_slot(s, key)] = (uint32_t)++s->count;
    return 0;
}

static bool holds(const struct group *g, uint64_t hash, int64_t ts_ms)
{
    for (size_t i = 0; i < g->count; i++) {
        int64_t apart_ms = ts_ms - g->reports[i].ts_ms;
        if (g->reports[i].hash == hash && apart_ms < WINDOW_MS && apart_ms > -WINDOW_MS) {
            return true;
        }
    }
    return false;
}

/* Makes room for one more: the oldest goes when there are as many as are kept. */
static bool make_room(struct group *g)
{
    if (g->count < g->room) {
        return true;
    }
    if (g->room == SEEN_PER_VIEWER) {
        memmove(g->reports, g->reports + 1, (SEEN_PER_VIEWER - 1) * sizeof *g->reports);
        g->count--;
        return true;
    }
    size_t room = (size_t)g->room * 4;
    struct report *grown = reallocarray(g->reports, room, sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    g->reports = grown;
    g->room = (uint8_t)room;
    return true;
}

enum seen_result seen_add(struct seen *s, const struct store_seen_key *key, struct slice report_id,
                          int64_t ts_ms)
{
    uint32_t found = s->slots[find_slot(s, key)];
    if (found == 0) {
        return SEEN_ABSENT;
    }
    struct group *g = &s->groups[found - 1];
    uint64_t hash = hash_stable(HASH_STABLE_START, report_id.data, report_id.len);
    if (holds(g, hash, ts_ms)) {
        return SEEN_REPEAT;
    }
    if (!make_room(g)) {
        return SEEN_NO_MEMORY;
    }
    g->reports[g->count++] = (struct report){hash, ts_ms};
    s->changed_count += !g->changed;
    g->changed = true;
    return SEEN_NEW;
}

size_t seen_changed_count(const struct seen *s)
{
    return s->changed_count;
}

static int by_key(const void *left, const void *right)
{
    const struct store_seen_key *a = &((const struct store_seen *)left)->key;
    const struct store_seen_key *b = &((const struct store_seen *)right)->key;
    if (a->site != b->site) {
        return a->site < b->site ? -1 : 1;
    }
    if (a->photo_id != b->photo_id) {
        return a->photo_id < b->photo_id ? -1 : 1;
    }
    return a->viewer == b->viewer ? 0 : a->viewer < b->viewer ? -1 : 1;
}

/* Writes the reports of g to at. Returns its row. */
static struct store_seen row_of(const struct group *g, int32_t today, char *at)
{
    int64_t newest_ms = 0;
    for (size_t i = 0; i < g->count; i++) {
        const uint64_t words[2] = {htobe64(g->reports[i].hash),
                                   htobe64((uint64_t)g->reports[i].ts_ms)};
        memcpy(at + i * REPORT_SIZE, words, sizeof words);
        newest_ms = g->reports[i].ts_ms > newest_ms ? g->reports[i].ts_ms : newest_ms;
    }
    int32_t day = (int32_t)(newest_ms / WINDOW_MS);
    return (struct store_seen){.key = g->key,
                               .day = day > today ? day : today,
                               .data = slice_make(at, (size_t)g->count * REPORT_SIZE)};
}

int seen_changed(struct seen *s, int32_t today, const struct store_seen **rows, size_t *count)
{
    size_t size = 1;
    free_rows(s);
    for (size_t i = 0; i < s->count; i++) {
        size += s->groups[i].changed ? (size_t)s->groups[i].count * REPORT_SIZE : 0;
    }
    s->rows = calloc(s->changed_count + 1, sizeof *s->rows);
    s->bytes = malloc(size);
    if (s->rows == NULL || s->bytes == NULL) {
        free_rows(s);
        return -ENOMEM;
    }
    size_t n = 0;
    char *at = s->bytes;
    for (size_t i = 0; i < s->count; i++) {
        if (s->groups[i].changed) {
            s->rows[n] = row_of(&s->groups[i], today, at);
            at += s->rows[n++].data.len;
        }
    }
    qsort(s->rows, n, sizeof *s->rows, by_key);
    *rows = s->rows;
    *count = n;
    return 0;
}

void seen_commit(struct seen *s)
{
    free_rows(s);
    if (s->count > SEEN_GROUPS_KEPT) {
        seen_reset(s);
        return;
    }
    for (size_t i = 0; i < s->count && s->changed_count > 0; i++) {
        s->changed_count -= s->groups[i].changed;
        s->groups[i].changed = false;
    }
}

void seen_reset(struct seen *s)
{
    free_rows(s);
    for (size_t i = 0; i < s->count; i++) {
        free(s->groups[i].reports);
    }
    memset(s->slots, 0, s->slot_count * sizeof *s->slots);
    s->count = 0;
    s->changed_count = 0;
}
