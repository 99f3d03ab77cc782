#include "consumer/ask.h"

#include "common/clock.h"
#include "common/log.h"
#include "consumer/api_report.h"
#include "consumer/query_fault.h"
#include "consumer/timezone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 5000 };

struct answer {
    struct api_report report;
    struct site_zones *zones;
    struct ask_answer *out;
};

/* ---- Zones. ---- */

static bool open_zone(struct ask *a, const char *name, struct query_error *err)
{
    struct zone *zone = NULL;
    if (strcmp(a->zone_name, name) == 0) {
        return true;
    }
    if (timezone_open(&zone, name) != 0) {
        return query_fault(err, "invalid_parameter", "tz",
                           "there is no time zone '%.*s': take one like Europe/Copenhagen or UTC",
                           query_fault_len(slice_of(name)), name);
    }
    timezone_close(a->zone);
    a->zone = zone;
    (void)snprintf(a->zone_name, sizeof a->zone_name, "%s", name); /* of the same size */
    return true;
}

/* In a zone that was asked for a date is a stretch of time like any other. */
static void set_edge(struct query_edge *edge, struct zone *zone)
{
    if (edge->kind == QUERY_EDGE_DATE) {
        *edge = (struct query_edge){.kind = QUERY_EDGE_TIME,
                                    .ms = timezone_day_start_ms(zone, edge->date)};
    }
}

static void set_spans_in_zone(struct query *q, struct zone *zone)
{
    struct query_spans *s = &q->spans;
    set_edge(&q->from, zone);
    set_edge(&q->to, zone);
    query_buckets(q, STORE_GRAIN_QUARTER, &s->first, &s->end);
    if (q->span == QUERY_DAY) {
        s->first = s->has_first ? timezone_day(zone, s->first) : 0;
        s->end = s->has_end ? timezone_day(zone, s->end - 1) + 1 : 0;
    }
}

/* A time of day falls on days that the zones of the sites tell. */
static void set_spans_of_sites(struct query *q, struct site_zones *zones)
{
    struct query_spans *s = &q->spans;
    int32_t first, end, other;
    query_buckets(q, STORE_GRAIN_QUARTER, &first, &end);
    if (q->from.kind == QUERY_EDGE_TIME) {
        site_zones_days(zones, first, &s->first, &other);
        s->has_first = true;
    }
    if (q->to.kind == QUERY_EDGE_TIME) {
        site_zones_days(zones, end - 1, &other, &s->end);
        s->end++;
        s->has_end = true;
    }
}

bool ask_prepare(struct ask *a, struct query *q, struct query_error *err)
{
    if (q->tz[0] != '\0' && !open_zone(a, q->tz, err)) {
        return false;
    }
    if (q->is_in_zone) {
        set_spans_in_zone(q, a->zone);
    } else if (q->span == QUERY_DAY) {
        set_spans_of_sites(q, a->zones);
    }
    return true;
}

/* The stretch of time that is not over, or not counted whole: those from it on are unfinished. */
static int32_t first_unfinished(const struct ask *a, const struct query *q)
{
    int64_t now_ms = (int64_t)clock_wall_ms();
    bool is_behind = a->complete_through_ms != 0 && a->complete_through_ms < now_ms;
    int32_t quarter = timezone_quarter(is_behind ? a->complete_through_ms : now_ms), first, last;
    bool in_zone = q->is_in_zone;
    if (q->span == QUERY_DAY) {
        site_zones_days(a->zones, quarter, &first, &last);
        return in_zone ? timezone_day(a->zone, quarter) : first;
    }
    if (q->span == QUERY_HOUR) {
        return in_zone ? timezone_hour_start(a->zone, quarter) : timezone_hour(quarter);
    }
    return quarter;
}

/* ---- The answer. ---- */

static bool on_row(const struct query_cell *cells, size_t count, void *arg)
{
    (void)count;
    struct answer *a = arg;
    api_report_row(&a->report, cells);
    return spool_settle(&a->out->body) == 0;
}

static int32_t day(struct slice site, int32_t quarter, void *arg)
{
    struct answer *a = arg;
    return timezone_day(site_zones_of(a->zones, site), quarter);
}

enum store_read_result ask_report(const struct ask *a, const struct query *q,
                                  struct ask_answer *out)
{
    struct answer answer = {.zones = a->zones, .out = out};
    struct zone *zone = q->is_in_zone ? a->zone : NULL;
    const struct store_reader_call call = {on_row, day, &answer, zone, ASK_TIMEOUT_MS};
    const struct api_report_time time = {zone, first_unfinished(a, q), a->complete_through_ms};
    uint64_t began_ms = clock_mono_ms();
    api_report_begin(&answer.report, q, &time, &out->body.bytes, &out->cursor);
    enum store_read_result result = store_reader_run(a->reader, q, &call);
    api_report_end(&answer.report, clock_mono_ms() - began_ms);
    int failed = buffer_failed(&out->cursor) ? -ENOMEM : spool_finish(&out->body);
    if (failed == 0) {
        return result;
    }
    LOG_ERROR("answer_failed", log_text("err", strerror(-failed)),
              log_text("action", "look at the space in TMPDIR, or /var/tmp without it"));
    return STORE_READ_FAILED;
}

enum store_read_result ask_playthrough(const struct ask *a, const struct query *q,
                                       int64_t changes[STORE_POINTS])
{
    struct answer answer = {.zones = a->zones};
    const struct store_reader_call call = {on_row, day, &answer, NULL, ASK_TIMEOUT_MS};
    return store_reader_playthrough(a->reader, q, &call, changes);
}

void ask_fini(struct ask *a)
{
    store_reader_close(a->reader);
    site_zones_free(a->zones);
    timezone_close(a->zone);
    *a = (struct ask){.reader = NULL};
}

void ask_answer_init(struct ask_answer *answer)
{
    spool_init(&answer->body);
    buffer_init(&answer->cursor);
}

void ask_answer_reset(struct ask_answer *answer)
{
    spool_reset(&answer->body);
    buffer_reset(&answer->cursor);
}

void ask_answer_fini(struct ask_answer *answer)
{
    spool_fini(&answer->body);
    buffer_fini(&answer->cursor);
}
