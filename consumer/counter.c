#include "consumer/counter_internal.h"

#include "consumer/timezone.h"

#include <errno.h>
#include <stdlib.h>

/* No video is larger than 1 TiB, so that no report adds more than that to a sum. */
static const uint64_t DOWNLOAD_BYTES_MAX = UINT64_C(1) << 40;

static bool make_parts(struct counter *c)
{
    c->aggregate = aggregate_new();
    c->audience = audience_new();
    c->clocks = clocks_new();
    c->embeds = embeds_new();
    c->intern = intern_new();
    c->marks = marks_new();
    c->names = names_new();
    c->seen = seen_new();
    c->viewings = viewings_new(c->o.viewing_cache);
    return c->aggregate != NULL && c->audience != NULL && c->clocks != NULL && c->embeds != NULL &&
           c->intern != NULL && c->marks != NULL && c->names != NULL && c->seen != NULL &&
           c->viewings != NULL;
}

int counter_new(struct counter **out, const struct counter_options *options, struct error *err)
{
    struct counter *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    c->o = *options;
    c->now_ms = INT64_MAX / 2; /* nothing is ahead of it */
    buffer_init(&c->url);
    int failed = make_parts(c) ? counter_names_init(c) : -ENOMEM;
    failed = failed == 0 ? site_zones_new(&c->zones, NULL, options->sites, err) : failed;
    c->o.sites = NULL; /* borrowed for this call only */
    if (failed != 0) {
        counter_free(c);
        return failed;
    }
    *out = c;
    return 0;
}

void counter_free(struct counter *c)
{
    if (c == NULL) {
        return;
    }
    aggregate_free(c->aggregate);
    audience_free(c->audience);
    clocks_free(c->clocks);
    embeds_free(c->embeds);
    counter_names_fini(c);
    buffer_fini(&c->url);
    intern_free(c->intern);
    marks_free(c->marks);
    names_free(c->names);
    seen_free(c->seen);
    viewer_hash_free(c->viewer_hash);
    viewings_free(c->viewings);
    site_zones_free(c->zones);
    free(c);
}

static void forget_kept(struct counter *c)
{
    for (size_t i = 0; i < COUNTER_SITES_KEPT; i++) {
        c->kept[i].id = 0;
    }
}

void counter_follow_zones(struct counter *c, struct site_zones_slot *slot)
{
    if (site_zones_take(slot, &c->zones)) {
        forget_kept(c);
    }
}

void counter_load_mark(struct counter *c, const struct store_mark *mark)
{
    c->failed = marks_load(c->marks, mark) != 0 || c->failed;
}

void counter_load_string(struct counter *c, uint32_t id, struct slice text)
{
    c->failed = intern_load(c->intern, id, text) != 0 || c->failed;
}

void counter_load_seen(struct counter *c, const struct store_seen_key *key, struct slice data)
{
    c->failed = seen_load(c->seen, key, data) != 0 || c->failed;
}

void counter_load_clock(struct counter *c, const struct store_clock *clock)
{
    c->failed = clocks_load(c->clocks, clock) != 0 || c->failed;
}

void counter_load_viewer_key(struct counter *c, const struct store_viewer_key *key)
{
    viewer_hash_free(c->viewer_hash);
    c->viewer_hash = viewer_hash_new(key);
    c->failed = c->viewer_hash == NULL || c->failed;
}

void counter_set_now(struct counter *c, int64_t now_ms)
{
    c->now_ms = now_ms;
}

bool counter_failed(const struct counter *c)
{
    return c->failed;
}

static uint8_t traffic_of(const struct player_event *e)
{
    unsigned traffic =
        (e->bot ? STORE_TRAFFIC_BOT : 0U) | (e->internal ? STORE_TRAFFIC_INTERNAL : 0U);
    return (uint8_t)traffic;
}

/* Whether the sender named this report as one that was counted (api contract, report_id). */
static enum counter_result look_up(struct counter *c, uint32_t site, const struct player_event *e)
{
    struct store_seen_key seen = seen_key(site, e->photo_id, e->uuid);
    enum seen_result result = seen_add(c->seen, &seen, e->report_id, (int64_t)e->ts_ms);
    if (result == SEEN_ABSENT) {
        if (c->o.find_seen(&seen, c->o.arg) != 0) {
            return COUNTER_STORE_FAILED;
        }
        result = seen_add(c->seen, &seen, e->report_id, (int64_t)e->ts_ms);
    }
    if (result == SEEN_ABSENT) { /* not in the store either */
        result = seen_load(c->seen, &seen, slice_make(NULL, 0)) == 0
                     ? seen_add(c->seen, &seen, e->report_id, (int64_t)e->ts_ms)
                     : SEEN_NO_MEMORY;
    }
    switch (result) {
    case SEEN_NEW:
        return COUNTER_COUNTED;
    case SEEN_REPEAT:
        return COUNTER_REPORTED;
    case SEEN_ABSENT:
    case SEEN_NO_MEMORY:
        break;
    }
    return COUNTER_NO_MEMORY;
}

/* The zone of a site is asked for again when rows are made. */
static void keep_zone(struct counter *c, uint32_t id, struct slice site)
{
    size_t at = id % COUNTER_SITES_KEPT;
    if (c->kept[at].id != id) {
        c->kept[at].id = id;
        c->kept[at].zone = site_zones_of(c->zones, site);
    }
}

/* Downloads come in parts: the first one makes a download, the bytes of all count. */
static bool count_download(struct counter *c, const struct counter_place *place,
                           const struct player_event *e)
{
    bool is_later_part = (e->present & EVENT_HAS_SKIP) != 0 && e->skip;
    bool has_bytes =
        (e->present & EVENT_HAS_BYTES_TOTAL) != 0 && e->bytes_total <= DOWNLOAD_BYTES_MAX;
    return counter_measure(c, place, STORE_REPORTS, 1) &&
           counter_measure(c, place, STORE_DOWNLOADS, !is_later_part) &&
           counter_measure(c, place, STORE_DOWNLOADED_BYTES,
                           has_bytes ? (int64_t)e->bytes_total : 0);
}

enum counter_result counter_result_of(int failed)
{
    return failed == 0         ? COUNTER_COUNTED
           : failed == -ENOMEM ? COUNTER_NO_MEMORY
                               : COUNTER_STORE_FAILED;
}

static enum counter_result count(struct counter *c, uint32_t site, const struct player_event *e,
                                 int64_t clock_ms)
{
    struct counter_place place = {.row = {.photo_id = e->photo_id,
                                          .site = site,
                                          .quarter = timezone_quarter((int64_t)e->ts_ms),
                                          .traffic = traffic_of(e)}};
    keep_zone(c, site, e->site);
    place.day = counter_day(site, place.row.quarter, c);
    if (e->kind == EVENT_KIND_PLAY) {
        return counter_play(c, &place, e, clock_ms);
    }
    int failed = counter_admit(c, &place, e);
    if (failed == 0 && e->kind == EVENT_KIND_EVENT) {
        failed = counter_event(c, &place, e->event);
    } else if (failed == 0) {
        failed = count_download(c, &place, e) ? 0 : -ENOMEM;
    }
    return counter_result_of(failed);
}

enum counter_result counter_add(struct counter *c, int32_t partition, int64_t seen_ms,
                                const struct player_event *e)
{
    switch (marks_apply(c->marks, partition, e->lane, e->sequence, seen_ms)) {
    case MARKS_NEW:
        break;
    case MARKS_REPEAT:
        return COUNTER_REPEAT;
    case MARKS_NO_MEMORY:
        return COUNTER_NO_MEMORY;
    }
    int64_t clock_ms = 0, ts_ms = (int64_t)e->ts_ms;
    if (clocks_move(c->clocks, partition, ts_ms, c->now_ms, &clock_ms) != 0) {
        return COUNTER_NO_MEMORY;
    }
    c->figures.future_events += ts_ms - c->now_ms > CLOCKS_FUTURE_MS;
    uint32_t site = intern_id(c->intern, e->site);
    if (site == 0) {
        return COUNTER_NO_MEMORY;
    }
    enum counter_result result = e->report_id.len == 0 ? COUNTER_COUNTED : look_up(c, site, e);
    return result == COUNTER_COUNTED ? count(c, site, e, clock_ms) : result;
}

int64_t counter_least_clock(const struct counter *c)
{
    return clocks_least(c->clocks);
}

size_t counter_size(const struct counter *c)
{
    size_t rows = aggregate_size(c->aggregate) + audience_size(c->audience) +
                  embeds_size(c->embeds) + names_size(c->names) / 8;
    size_t seen = seen_changed_count(c->seen) + viewings_changed_count(c->viewings);
    return rows > seen ? rows : seen;
}

int32_t counter_day(uint32_t site, int32_t quarter, void *arg)
{
    struct counter *c = arg;
    size_t at = site % COUNTER_SITES_KEPT;
    struct zone *zone = c->kept[at].id == site
                            ? c->kept[at].zone
                            : site_zones_of(c->zones, intern_text(c->intern, site));
    return timezone_day(zone, quarter);
}

int counter_rows(struct counter *c, int32_t today, struct store_batch *batch)
{
    uint32_t load = intern_id(c->intern, slice_of("load"));
    int failed = load == 0 ? -ENOMEM : aggregate_rows(c->aggregate, load, counter_day, c, batch);
    failed = failed == 0 ? audience_rows(c->audience, batch) : failed;
    failed = failed == 0 ? embeds_rows(c->embeds, batch) : failed;
    failed = failed == 0 ? names_rows(c->names, batch) : failed;
    if (failed == 0) {
        failed = viewings_changed(c->viewings, &batch->viewings, &batch->viewing_count);
    }
    if (failed == 0) {
        failed = marks_changed(c->marks, &batch->marks, &batch->mark_count);
    }
    if (failed == 0) {
        failed = clocks_changed(c->clocks, &batch->clocks, &batch->clock_count);
    }
    if (failed == 0) {
        failed = seen_changed(c->seen, today, &batch->seen, &batch->seen_count);
    }
    batch->strings = intern_pending(c->intern, &batch->string_count);
    return failed;
}

struct counter_figures counter_take_figures(struct counter *c)
{
    struct counter_figures figures = c->figures;
    c->figures = (struct counter_figures){0};
    return figures;
}

void counter_commit(struct counter *c)
{
    aggregate_reset(c->aggregate);
    audience_reset(c->audience);
    clocks_commit(c->clocks);
    embeds_reset(c->embeds);
    intern_commit(c->intern);
    marks_commit(c->marks);
    names_commit(c->names);
    seen_commit(c->seen);
    viewings_commit(c->viewings);
}

void counter_reset(struct counter *c)
{
    aggregate_reset(c->aggregate);
    audience_reset(c->audience);
    clocks_reset(c->clocks);
    embeds_reset(c->embeds);
    intern_reset(c->intern);
    marks_reset(c->marks);
    names_reset(c->names);
    seen_reset(c->seen);
    viewings_reset(c->viewings);
    c->failed = false;
    forget_kept(c);
}
