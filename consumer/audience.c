#include "consumer/audience.h"

#include "consumer/sums.h"

#include <errno.h>
#include <stdlib.h>

/* Keys in the order of the store's: day; photo_id; source and site; traffic and point. */
enum { KEY_WORDS = 4, RECORD_WORDS = KEY_WORDS + 1, FIRST_SEEN = 1024 };

/* Who was seen in a place. */
struct seen {
    uint64_t key[KEY_WORDS];
    uint64_t hash;
};

struct audience {
    struct sums *points; /* differences */
    struct seen *seen;
    size_t count, capacity;
    struct store_playthrough *playthrough; /* these: as last made */
    struct store_viewers *viewers;
    uint64_t *hashes;
};

struct audience *audience_new(void)
{
    struct audience *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->points = sums_new(KEY_WORDS, 1);
    if (a->points == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

static void free_rows(struct audience *a)
{
    free(a->playthrough);
    free(a->viewers);
    free(a->hashes);
    a->playthrough = NULL;
    a->viewers = NULL;
    a->hashes = NULL;
}

void audience_free(struct audience *a)
{
    if (a == NULL) {
        return;
    }
    free_rows(a);
    sums_free(a->points);
    free(a->seen);
    free(a);
}

static void make_key(const struct audience_place *p, uint64_t point, uint64_t key[KEY_WORDS])
{
    key[0] = sums_order(p->day);
    key[1] = p->photo_id;
    key[2] = (uint64_t)p->source << 32 | p->site;
    key[3] = (uint64_t)p->traffic << 32 | point;
}

/* Adds change where a run of points begins, and takes it back behind its end. */
static bool add_edges(struct audience *a, const struct audience_place *place,
                      struct ranges_points points, int64_t change)
{
    bool before = false;
    if ((points.word[0] | points.word[1]) == 0) {
        return true;
    }
    for (int i = 0; i <= RANGES_PERCENTS; i++) {
        bool now = i < RANGES_PERCENTS && ranges_has_point(points, i);
        if (now != before) {
            uint64_t key[KEY_WORDS];
            make_key(place, (uint64_t)i, key);
            int64_t *sum = sums_at(a->points, key);
            if (sum == NULL) {
                return false;
            }
            *sum += now ? change : -change;
        }
        before = now;
    }
    return true;
}

int audience_points(struct audience *a, const struct audience_place *place,
                    struct ranges_points gained, struct ranges_points lost)
{
    return add_edges(a, place, gained, 1) && add_edges(a, place, lost, -1) ? 0 : -ENOMEM;
}

static void add_seen(struct audience *a, const struct audience_place *place, uint64_t hash)
{
    struct seen *s = &a->seen[a->count++];
    make_key(place, 0, s->key);
    s->hash = hash;
}

int audience_viewer(struct audience *a, const struct audience_place *place, uint64_t hash)
{
    struct audience_place wider = *place;
    if (a->capacity - a->count < 3) {
        size_t capacity = a->capacity == 0 ? FIRST_SEEN : a->capacity * 2;
        struct seen *seen = reallocarray(a->seen, capacity, sizeof *seen);
        if (seen == NULL) {
            return -ENOMEM;
        }
        a->seen = seen;
        a->capacity = capacity;
    }
    add_seen(a, &wider, hash);
    wider.source = 0;
    add_seen(a, &wider, hash);
    wider.photo_id = STORE_ALL_PHOTOS;
    add_seen(a, &wider, hash);
    return 0;
}

size_t audience_size(const struct audience *a)
{
    return sums_count(a->points) + a->count / 3;
}

static size_t make_playthrough(struct store_playthrough *rows, const uint64_t *records,
                               size_t count)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t *r = records + i * RECORD_WORDS;
        if (r[KEY_WORDS] != 0) {
            rows[made++] = (struct store_playthrough){.day = sums_unorder(r[0]),
                                                      .photo_id = r[1],
                                                      .source = (uint32_t)(r[2] >> 32),
                                                      .site = (uint32_t)r[2],
                                                      .traffic = (uint8_t)(r[3] >> 32),
                                                      .point = (uint8_t)r[3],
                                                      .change = (int64_t)r[KEY_WORDS]};
        }
    }
    return made;
}

static int compare_seen(const void *left, const void *right)
{
    const uint64_t *x = ((const struct seen *)left)->key;
    const uint64_t *y = ((const struct seen *)right)->key;
    for (int i = 0; i < KEY_WORDS; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

/* seen is sorted. Returns how many rows there are. */
static size_t make_viewers(struct audience *a)
{
    size_t made = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct seen *s = &a->seen[i];
        a->hashes[i] = s->hash;
        if (i == 0 || compare_seen(&a->seen[i - 1], s) != 0) {
            a->viewers[made++] = (struct store_viewers){.day = sums_unorder(s->key[0]),
                                                        .photo_id = s->key[1],
                                                        .source = (uint32_t)(s->key[2] >> 32),
                                                        .site = (uint32_t)s->key[2],
                                                        .traffic = (uint8_t)(s->key[3] >> 32),
                                                        .hashes = &a->hashes[i]};
        }
        a->viewers[made - 1].count++;
    }
    return made;
}

int audience_rows(struct audience *a, struct store_batch *batch)
{
    const uint64_t *records = sums_sorted(a->points);
    free_rows(a);
    a->playthrough = calloc(sums_count(a->points) + 1, sizeof *a->playthrough);
    a->viewers = calloc(a->count + 1, sizeof *a->viewers);
    a->hashes = calloc(a->count + 1, sizeof *a->hashes);
    if (records == NULL || a->playthrough == NULL || a->viewers == NULL || a->hashes == NULL) {
        free_rows(a);
        return -ENOMEM;
    }
    if (a->count > 0) {
        qsort(a->seen, a->count, sizeof *a->seen, compare_seen);
    }
    batch->playthrough_count = make_playthrough(a->playthrough, records, sums_count(a->points));
    batch->playthrough = a->playthrough;
    batch->viewers_count = make_viewers(a);
    batch->viewers = a->viewers;
    return 0;
}

void audience_reset(struct audience *a)
{
    free_rows(a);
    sums_reset(a->points);
    a->count = 0;
}
