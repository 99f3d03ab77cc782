#include "consumer/query_range.h"

#include "common/buffer.h"
#include "consumer/query_fault.h"
#include "consumer/query_time.h"
#include "consumer/timezone.h"

static const int kept_days[STORE_GRAIN_COUNT] = {
    [STORE_GRAIN_QUARTER] = STORE_QUARTERS_KEPT_DAYS,
    [STORE_GRAIN_HOUR] = STORE_HOURS_KEPT_DAYS,
    [STORE_GRAIN_DAY] = 0, /* for ever */
};

static int64_t kept_from_ms(enum store_grain grain, int64_t now_ms)
{
    return now_ms - (int64_t)kept_days[grain] * QUERY_TIME_DAY_MS;
}

static bool is_kept(const struct query *q, enum store_grain grain, int64_t now_ms)
{
    return grain == STORE_GRAIN_DAY || q->from.kind == QUERY_EDGE_OPEN ||
           q->from.ms >= kept_from_ms(grain, now_ms);
}

/* Whether whole days can stand for this end of the range. */
static bool is_of_days(const struct query_edge *edge, int64_t now_ms)
{
    return edge->kind != QUERY_EDGE_TIME || edge->ms >= now_ms;
}

/* The finest that is still kept, when the rows are not by time; days where they say the same. */
static enum store_grain finest_grain(const struct query *q, int64_t now_ms)
{
    bool has_days = is_of_days(&q->from, now_ms) && is_of_days(&q->to, now_ms);
    if (has_days || q->from.kind == QUERY_EDGE_OPEN) {
        return STORE_GRAIN_DAY;
    }
    for (enum store_grain g = STORE_GRAIN_QUARTER; g < STORE_GRAIN_DAY; g++) {
        if (is_kept(q, g, now_ms)) {
            return g;
        }
    }
    return STORE_GRAIN_DAY;
}

/* They are kept by days only. */
static bool has_viewers(const struct query *q)
{
    for (size_t i = q->dimension_count; i < q->column_count; i++) {
        if (q->columns[i] == QUERY_VIEWERS) {
            return true;
        }
    }
    return false;
}

/* A total between two moments is the same in all zones. */
static bool needs_zone(const struct query *q)
{
    return q->tz[0] != '\0' && (q->span != QUERY_SITE || q->from.kind == QUERY_EDGE_DATE ||
                                q->to.kind == QUERY_EDGE_DATE);
}

static enum store_grain grain_of(const struct query *q, int64_t now_ms)
{
    if (q->is_in_zone || q->span == QUERY_QUARTER) {
        return STORE_GRAIN_QUARTER; /* a quarter of an hour serves every zone */
    }
    if (q->span == QUERY_HOUR) {
        return STORE_GRAIN_HOUR;
    }
    return q->span == QUERY_DAY || has_viewers(q) ? STORE_GRAIN_DAY : finest_grain(q, now_ms);
}

static bool fault_not_kept(const struct query *q, int64_t now_ms, struct query_error *err)
{
    struct buffer since;
    buffer_init(&since);
    query_time_write(&since, kept_from_ms(q->grain, now_ms));
    const char *what = q->is_in_zone && q->span != QUERY_QUARTER
                           ? "with tz all is added up from quarter hours, and these"
                       : q->grain == STORE_GRAIN_QUARTER ? "quarter hours"
                                                         : "hours";
    (void)query_fault(err, "range_not_kept", "from",
                      "%s are kept for %d days: from may not be before %.*s. Hours are kept for "
                      "%d days, days for ever",
                      what, kept_days[q->grain], (int)since.len, buffer_slice(&since).data,
                      STORE_HOURS_KEPT_DAYS);
    buffer_fini(&since);
    return false;
}

static void set_spans_of_utc(struct query *q)
{
    struct query_spans *s = &q->spans;
    query_buckets(q, q->grain, &s->first, &s->end);
    s->has_first = q->from.kind != QUERY_EDGE_OPEN;
    s->has_end = q->to.kind != QUERY_EDGE_OPEN;
}

static void set_spans_of_dates(struct query *q)
{
    struct query_spans *s = &q->spans;
    s->has_first = q->from.kind == QUERY_EDGE_DATE;
    s->first = q->from.date;
    s->has_end = q->to.kind == QUERY_EDGE_DATE;
    s->end = q->to.date;
}

/* With videos there may be millions of rows without end; those that were named are few. */
static bool are_few(const struct query *q)
{
    bool by_photo = false, are_named = false;
    for (size_t i = 0; i < q->dimension_count; i++) {
        by_photo = by_photo || q->columns[i] == QUERY_PHOTO_ID;
    }
    for (size_t i = 0; i < q->filter_count; i++) {
        const struct query_filter *f = &q->filters[i];
        are_named = are_named || (f->field == QUERY_PHOTO_ID && !f->negated && !f->is_prefix);
    }
    return !by_photo || are_named;
}

bool query_range_choose(struct query *q, int64_t now_ms, struct query_error *err)
{
    q->is_in_zone = needs_zone(q);
    q->grain = grain_of(q, now_ms);
    q->is_filled = q->span != QUERY_SITE && are_few(q);
    if (!is_kept(q, q->grain, now_ms)) {
        return fault_not_kept(q, now_ms, err);
    }
    if (q->grain == STORE_GRAIN_DAY) {
        set_spans_of_dates(q);
    } else {
        set_spans_of_utc(q);
    }
    return true;
}
