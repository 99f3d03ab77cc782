#include "consumer/aggregate.h"

#include "consumer/sums.h"
#include "consumer/timezone.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Keys as sums wants them, so that a row of totals is a stretch of those of events: quarter;
 * photo_id; source and site; traffic and event, which is 0 in totals.
 */
enum { KEY_WORDS = 4 };

/* Rows as they were last made. */
struct rows {
    struct store_total *totals[STORE_GRAIN_COUNT];
    struct store_event_count *events[STORE_GRAIN_COUNT];
    size_t total_room, event_room; /* of each grain */
};

struct aggregate {
    struct sums *events;   /* how many */
    struct sums *measures; /* of all that is no event */
    struct rows rows;
};

struct aggregate *aggregate_new(void)
{
    struct aggregate *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    a->events = sums_new(KEY_WORDS, 1);
    a->measures = sums_new(KEY_WORDS, STORE_MEASURE_COUNT);
    if (a->events == NULL || a->measures == NULL) {
        aggregate_free(a);
        return NULL;
    }
    return a;
}

static void free_rows(struct rows *r)
{
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        free(r->totals[grain]);
        free(r->events[grain]);
    }
    *r = (struct rows){0};
}

void aggregate_free(struct aggregate *a)
{
    if (a == NULL) {
        return;
    }
    free_rows(&a->rows);
    sums_free(a->events);
    sums_free(a->measures);
    free(a);
}

static void make_key(const struct aggregate_place *p, uint32_t event, uint64_t key[KEY_WORDS])
{
    key[0] = sums_order(p->quarter);
    key[1] = p->photo_id;
    key[2] = (uint64_t)p->source << 32 | p->site;
    key[3] = (uint64_t)p->traffic << 32 | event;
}

int aggregate_event(struct aggregate *a, const struct aggregate_place *place, uint32_t event)
{
    uint64_t key[KEY_WORDS];
    make_key(place, event, key);
    int64_t *count = sums_at(a->events, key);
    if (count == NULL) {
        return -ENOMEM;
    }
    ++*count;
    return 0;
}

int64_t *aggregate_measures(struct aggregate *a, const struct aggregate_place *place)
{
    uint64_t key[KEY_WORDS];
    make_key(place, 0, key);
    return sums_at(a->measures, key);
}

size_t aggregate_size(const struct aggregate *a)
{
    return sums_count(a->events) + sums_count(a->measures);
}

/* ---- Rows of quarters: the sums, which are sorted. ---- */

struct cursor {
    const uint64_t *at, *end;
    size_t words; /* of a record */
};

static struct cursor cursor_of(struct sums *s, size_t words)
{
    const uint64_t *at = sums_sorted(s);
    return (struct cursor){at, at == NULL ? NULL : at + sums_count(s) * words, words};
}

/* Which row of totals comes first, or whether it is the same. */
static int compare_keys(const uint64_t *x, const uint64_t *y)
{
    for (int i = 0; i < KEY_WORDS - 1; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    uint64_t a = x[KEY_WORDS - 1] >> 32, b = y[KEY_WORDS - 1] >> 32; /* event is no part of it */
    return a == b ? 0 : a < b ? -1 : 1;
}

/* The first key of both. */
static const uint64_t *first_key(const struct cursor *x, const struct cursor *y)
{
    if (x->at == x->end || y->at == y->end) {
        return x->at == x->end ? y->at : x->at;
    }
    return compare_keys(y->at, x->at) < 0 ? y->at : x->at;
}

static bool is_at(const struct cursor *c, const uint64_t *key)
{
    return c->at != c->end && compare_keys(c->at, key) == 0;
}

static struct store_total start_total(const uint64_t *key)
{
    return (struct store_total){.site = (uint32_t)key[2],
                                .source = (uint32_t)(key[2] >> 32),
                                .photo_id = key[1],
                                .bucket = sums_unorder(key[0]),
                                .traffic = (uint8_t)(key[3] >> 32)};
}

static struct store_event_count event_of(const uint64_t *record)
{
    return (struct store_event_count){.site = (uint32_t)record[2],
                                      .source = (uint32_t)(record[2] >> 32),
                                      .event = (uint32_t)record[3],
                                      .photo_id = record[1],
                                      .bucket = sums_unorder(record[0]),
                                      .traffic = (uint8_t)(record[3] >> 32),
                                      .count = (int64_t)record[KEY_WORDS]};
}

static void add_event(struct store_total *t, const struct store_event_count *e, uint32_t load_event)
{
    t->measures[STORE_REPORTS] += e->count;
    t->measures[STORE_EVENTS] += e->count;
    t->measures[STORE_LOADS] += e->event == load_event ? e->count : 0;
}

static void add_measures(struct store_total *t, const int64_t *measures)
{
    for (int i = 0; i < STORE_MEASURE_COUNT; i++) {
        t->measures[i] += measures[i];
    }
}

/* Returns how many rows of totals there are. */
static size_t make_quarters(struct rows *r, struct cursor events, struct cursor measures,
                            uint32_t load_event)
{
    struct store_total *t = r->totals[STORE_GRAIN_QUARTER];
    struct store_event_count *e = r->events[STORE_GRAIN_QUARTER];
    for (; events.at != events.end || measures.at != measures.end; t++) {
        const uint64_t *key = first_key(&events, &measures);
        *t = start_total(key);
        for (; is_at(&events, key); events.at += events.words) {
            *e = event_of(events.at);
            add_event(t, e++, load_event);
        }
        for (; is_at(&measures, key); measures.at += measures.words) {
            add_measures(t, (const int64_t *)measures.at + KEY_WORDS);
        }
    }
    return (size_t)(t - r->totals[STORE_GRAIN_QUARTER]);
}

/* ---- Rows of hours and days: those of quarters, moved and added up. ---- */

#define COMPARE(x, y, field)                                                                       \
    if ((x)->field != (y)->field) {                                                                \
        return (x)->field < (y)->field ? -1 : 1;                                                   \
    }

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
    COMPARE(x, y, site)
    COMPARE(x, y, traffic)
    COMPARE(x, y, event)
    return 0;
}

/* Sorts rows, unless they are. */
static void sort(void *rows, size_t count, size_t size,
                 int (*compare)(const void *left, const void *right))
{
    for (size_t i = 1; i < count; i++) {
        const char *row = (const char *)rows + i * size;
        if (compare(row - size, row) > 0) {
            qsort(rows, count, size, compare);
            return;
        }
    }
}

/* Adds up the rows of one key. Returns how many are left. */
static size_t merge_totals(struct store_total *rows, size_t count)
{
    size_t kept = 0;
    sort(rows, count, sizeof(*rows), compare_totals);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_totals(&rows[kept - 1], &rows[i]) == 0) {
            add_measures(&rows[kept - 1], rows[i].measures);
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static size_t merge_events(struct store_event_count *rows, size_t count)
{
    size_t kept = 0;
    sort(rows, count, sizeof(*rows), compare_events);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_events(&rows[kept - 1], &rows[i]) == 0) {
            rows[kept - 1].count += rows[i].count;
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

/* The bucket of a quarter in another grain. */
struct mover {
    enum store_grain grain;
    aggregate_day_fn *day;
    void *arg;
};

static int32_t move(const struct mover *m, uint32_t site, int32_t quarter)
{
    return m->grain == STORE_GRAIN_HOUR ? timezone_hour(quarter) : m->day(site, quarter, m->arg);
}

static void make_grain(struct rows *r, const struct mover *m, struct store_batch *batch)
{
    struct store_total *totals = r->totals[m->grain];
    struct store_event_count *events = r->events[m->grain];
    size_t total_count = batch->total_count[STORE_GRAIN_QUARTER];
    size_t event_count = batch->event_count[STORE_GRAIN_QUARTER];
    for (size_t i = 0; i < total_count; i++) {
        totals[i] = r->totals[STORE_GRAIN_QUARTER][i];
        totals[i].bucket = move(m, totals[i].site, totals[i].bucket);
    }
    for (size_t i = 0; i < event_count; i++) {
        events[i] = r->events[STORE_GRAIN_QUARTER][i];
        events[i].bucket = move(m, events[i].site, events[i].bucket);
    }
    batch->total_count[m->grain] = merge_totals(totals, total_count);
    batch->event_count[m->grain] = merge_events(events, event_count);
}

/* They stay from flush to flush, as large as the largest. */
static bool reserve_rows(struct rows *r, size_t total_count, size_t event_count)
{
    if (total_count <= r->total_room && event_count <= r->event_room) {
        return true;
    }
    free_rows(r);
    total_count += total_count / 2; /* so that it does not grow by little each time */
    event_count += event_count / 2;
    bool whole = true;
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        r->totals[grain] = calloc(total_count + 1, sizeof(*r->totals[grain]));
        r->events[grain] = calloc(event_count + 1, sizeof(*r->events[grain]));
        whole = whole && r->totals[grain] != NULL && r->events[grain] != NULL;
    }
    if (!whole) {
        free_rows(r);
        return false;
    }
    r->total_room = total_count;
    r->event_room = event_count;
    return true;
}

int aggregate_rows(struct aggregate *a, uint32_t load_event, aggregate_day_fn *day, void *arg,
                   struct store_batch *batch)
{
    struct cursor events = cursor_of(a->events, KEY_WORDS + 1);
    struct cursor measures = cursor_of(a->measures, KEY_WORDS + STORE_MEASURE_COUNT);
    if (events.at == NULL || measures.at == NULL ||
        !reserve_rows(&a->rows, aggregate_size(a), sums_count(a->events))) {
        return -ENOMEM;
    }
    batch->event_count[STORE_GRAIN_QUARTER] = sums_count(a->events);
    batch->total_count[STORE_GRAIN_QUARTER] = make_quarters(&a->rows, events, measures, load_event);
    make_grain(&a->rows, &(struct mover){STORE_GRAIN_HOUR, NULL, NULL}, batch);
    make_grain(&a->rows, &(struct mover){STORE_GRAIN_DAY, day, arg}, batch);
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        batch->totals[grain] = a->rows.totals[grain];
        batch->events[grain] = a->rows.events[grain];
    }
    return 0;
}

void aggregate_reset(struct aggregate *a)
{
    sums_reset(a->events);
    sums_reset(a->measures);
}
