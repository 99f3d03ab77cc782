#include "consumer/embeds.h"

#include "consumer/sums.h"

#include <errno.h>
#include <stdlib.h>

/* Keys in the order of the store's: day; photo_id; domain and url; site and traffic; of events the
 * event too. */
enum { KEY_WORDS = 4, EVENT_WORDS = KEY_WORDS + 1 };

struct embeds {
    struct sums *measures, *events;
    struct store_embed *rows; /* both: as last made */
    struct store_embed_event *event_rows;
};

struct embeds *embeds_new(void)
{
    struct embeds *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->measures = sums_new(KEY_WORDS, STORE_MEASURE_COUNT);
    e->events = sums_new(EVENT_WORDS, 1);
    if (e->measures == NULL || e->events == NULL) {
        embeds_free(e);
        return NULL;
    }
    return e;
}

static void free_rows(struct embeds *e)
{
    free(e->rows);
    free(e->event_rows);
    e->rows = NULL;
    e->event_rows = NULL;
}

void embeds_free(struct embeds *e)
{
    if (e != NULL) {
        free_rows(e);
        sums_free(e->measures);
        sums_free(e->events);
        free(e);
    }
}

static void make_key(const struct embeds_place *p, uint32_t event, uint64_t key[EVENT_WORDS])
{
    key[0] = sums_order(p->day);
    key[1] = p->photo_id;
    key[2] = (uint64_t)p->domain << 32 | p->url;
    key[3] = (uint64_t)p->site << 32 | p->traffic;
    key[4] = event;
}

int embeds_measure(struct embeds *e, const struct embeds_place *place, enum store_measure measure,
                   int64_t change)
{
    uint64_t key[EVENT_WORDS];
    make_key(place, 0, key);
    int64_t *sums = sums_at(e->measures, key);
    if (sums == NULL) {
        return -ENOMEM;
    }
    sums[measure] += change;
    return 0;
}

int embeds_event(struct embeds *e, const struct embeds_place *place, uint32_t event, bool is_load)
{
    uint64_t key[EVENT_WORDS];
    make_key(place, event, key);
    int64_t *sums = sums_at(e->measures, key), *count = sums_at(e->events, key);
    if (sums == NULL || count == NULL) {
        return -ENOMEM;
    }
    sums[STORE_REPORTS]++;
    sums[STORE_EVENTS]++;
    sums[STORE_LOADS] += is_load;
    ++*count;
    return 0;
}

size_t embeds_size(const struct embeds *e)
{
    return sums_count(e->measures) + sums_count(e->events);
}

static struct store_embed row_of(const uint64_t *key)
{
    struct store_embed row = {.day = sums_unorder(key[0]),
                              .photo_id = key[1],
                              .domain = (uint32_t)(key[2] >> 32),
                              .url = (uint32_t)key[2],
                              .site = (uint32_t)(key[3] >> 32),
                              .traffic = (uint8_t)key[3]};
    memcpy(row.measures, key + KEY_WORDS, sizeof row.measures);
    return row;
}

static struct store_embed_event event_row_of(const uint64_t *key)
{
    return (struct store_embed_event){.day = sums_unorder(key[0]),
                                      .photo_id = key[1],
                                      .domain = (uint32_t)(key[2] >> 32),
                                      .url = (uint32_t)key[2],
                                      .site = (uint32_t)(key[3] >> 32),
                                      .traffic = (uint8_t)key[3],
                                      .event = (uint32_t)key[4],
                                      .count = (int64_t)key[EVENT_WORDS]};
}

int embeds_rows(struct embeds *e, struct store_batch *batch)
{
    size_t count = sums_count(e->measures), event_count = sums_count(e->events);
    const uint64_t *measures = sums_sorted(e->measures), *events = sums_sorted(e->events);
    free_rows(e);
    e->rows = calloc(count + 1, sizeof *e->rows);
    e->event_rows = calloc(event_count + 1, sizeof *e->event_rows);
    if (measures == NULL || events == NULL || e->rows == NULL || e->event_rows == NULL) {
        free_rows(e);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        e->rows[i] = row_of(measures + i * (KEY_WORDS + STORE_MEASURE_COUNT));
    }
    for (size_t i = 0; i < event_count; i++) {
        e->event_rows[i] = event_row_of(events + i * (EVENT_WORDS + 1));
    }
    batch->embeds = e->rows;
    batch->embed_count = count;
    batch->embed_events = e->event_rows;
    batch->embed_event_count = event_count;
    return 0;
}

void embeds_reset(struct embeds *e)
{
    free_rows(e);
    sums_reset(e->measures);
    sums_reset(e->events);
}
