#include "consumer/query.h"

#include "common/hash.h"
#include "common/text.h"
#include "consumer/query_cursor.h"
#include "consumer/query_fault.h"
#include "consumer/query_range.h"
#include "consumer/query_time.h"
#include "consumer/query_where.h"
#include "consumer/timezone.h"

#include <stdio.h>

static const char invalid[] = "invalid_parameter";

/* The parameters there are, in the order they are read. */
enum parameter {
    DIMENSIONS,
    METRICS,
    WHERE,
    FROM,
    TO,
    TZ,
    SORT,
    LIMIT,
    CURSOR,
    BOTS,
    INTERNAL,
    FORMAT,
    PARAMETER_COUNT
};
static const char *const parameter_names[PARAMETER_COUNT] = {
    "dimensions", "metrics", "where",  "from", "to",       "tz",
    "sort",       "limit",   "cursor", "bots", "internal", "format"};

struct slice query_value_text(const struct query *q, const struct query_value *value)
{
    return slice_make(q->text + value->start, value->len);
}

/* Takes the next word of a comma list. Returns false when none is left. */
static bool next_word(struct slice *list, struct slice *word)
{
    if (list->data == NULL || list->len == 0) {
        return false;
    }
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
    *word = slice_make(list->data, len);
    size_t used = comma == NULL ? len : len + 1;
    *list = slice_make(list->data + used, list->len - used);
    return true;
}

/* The field of that name from first to last. */
static bool find_field(struct slice word, enum query_field first, enum query_field last,
                       enum query_field *out)
{
    for (enum query_field f = first; f <= last; f++) {
        if (slice_is(word, query_field_name(f))) {
            *out = f;
            return true;
        }
    }
    return false;
}

static bool has_column(const struct query *q, enum query_field field)
{
    for (size_t i = 0; i < q->column_count; i++) {
        if (q->columns[i] == field) {
            return true;
        }
    }
    return false;
}

static bool add_columns(struct query *q, struct slice list, enum parameter parameter,
                        struct query_error *err)
{
    bool metrics = parameter == METRICS;
    enum query_field first = metrics ? QUERY_REPORTS : QUERY_SITE;
    enum query_field last = metrics ? QUERY_CLICK_RATE : QUERY_QUARTER, field;
    struct slice word;
    while (next_word(&list, &word)) {
        if (!find_field(word, first, last, &field)) {
            return query_fault(err, invalid, parameter_names[parameter],
                               "there is no '%.*s'; take any of %s", query_fault_len(word),
                               word.data, query_field_list(metrics));
        }
        if (has_column(q, field)) {
            return query_fault(err, invalid, parameter_names[parameter], "%s is asked for twice",
                               query_field_name(field));
        }
        q->columns[q->column_count++] = field;
    }
    return true;
}

static bool read_dimensions(struct query *q, struct slice list, struct query_error *err)
{
    if (!add_columns(q, list, DIMENSIONS, err)) {
        return false;
    }
    q->dimension_count = q->column_count;
    q->span = QUERY_SITE;
    for (enum query_field f = QUERY_DAY; f <= QUERY_QUARTER; f++) {
        if (has_column(q, f) && q->span != QUERY_SITE) {
            return query_fault(err, "invalid_combination", "dimensions",
                               "%s and %s cannot be asked for together", query_field_name(q->span),
                               query_field_name(f));
        }
        q->span = has_column(q, f) ? f : q->span;
    }
    q->by_event = has_column(q, QUERY_EVENT);
    return true;
}

/* ---- What does not go together. ---- */

static bool fault_combination(struct query_error *err, enum query_field field, const char *why)
{
    return query_fault(err, "invalid_combination", "metrics", "%s %s", query_field_name(field),
                       why);
}

/* Viewers are kept as sketches of days, and of what they can be asked by. */
static bool check_viewers(const struct query *q, struct query_error *err)
{
    bool is_of_days = q->grain == STORE_GRAIN_DAY && q->tz[0] == '\0';
    if (has_column(q, QUERY_VIEWERS) && (q->by_event || !is_of_days)) {
        return fault_combination(err, QUERY_VIEWERS,
                                 "are kept by day of the site's time zone, for site, photo_id and "
                                 "source: ask by these, without tz, event, hour and quarter");
    }
    return true;
}

static bool check_metrics(const struct query *q, struct query_error *err)
{
    for (size_t i = q->dimension_count; i < q->column_count; i++) {
        if (q->by_event && !query_field_has_event(q->columns[i])) {
            return fault_combination(err, q->columns[i],
                                     "has no event; with event as a dimension or filter ask for "
                                     "events, loads or click_rate");
        }
        if (!q->by_event && q->columns[i] == QUERY_CLICK_RATE) {
            return fault_combination(err, QUERY_CLICK_RATE,
                                     "is of an event: ask for the dimension event, or for one "
                                     "event with where");
        }
    }
    return check_viewers(q, err);
}

static bool read_metrics(struct query *q, struct slice list, struct query_error *err)
{
    if (list.len == 0) {
        list = slice_of(q->by_event ? "events" : "reports,events,loads");
    }
    if (!add_columns(q, list, METRICS, err)) {
        return false;
    }
    return true;
}

static bool read_where(struct query *q, struct slice where, struct query_error *err)
{
    if (!query_where_parse(where, q, err)) {
        return false;
    }
    for (size_t i = 0; i < q->filter_count; i++) {
        q->by_event = q->by_event || q->filters[i].field == QUERY_EVENT;
    }
    return true;
}

static bool read_edge(struct query_edge *edge, struct slice text, enum parameter parameter,
                      int64_t now_ms, struct query_error *err)
{
    if (text.len == 0) {
        text = slice_of(parameter == FROM ? "all" : "now");
    }
    if (query_time_read(text, now_ms, edge)) {
        return true;
    }
    return query_fault(err, invalid, parameter_names[parameter],
                       "'%.*s' is no time: take 2024-05-31, 2024-05-31T12:00:00Z, ms since 1970, "
                       "-7d, -24h, -15m, now or all",
                       query_fault_len(text), text.data);
}

static bool check_range(const struct query *q, struct query_error *err)
{
    if (q->from.kind != QUERY_EDGE_OPEN && q->to.kind != QUERY_EDGE_OPEN &&
        q->from.ms >= q->to.ms) {
        return query_fault(err, "invalid_range", "from",
                           "from must be before to, which is not part of the range");
    }
    return true;
}

static bool is_ordered(const struct query *q, enum query_field field)
{
    for (size_t i = 0; i < q->order_count; i++) {
        if (q->orders[i].field == field) {
            return true;
        }
    }
    return false;
}

static bool read_sort(struct query *q, struct slice list, struct query_error *err)
{
    struct slice word;
    while (next_word(&list, &word)) {
        struct query_order order = {.descending = word.len > 0 && word.data[0] == '-'};
        if (order.descending) {
            word = slice_make(word.data + 1, word.len - 1);
        }
        if (!find_field(word, QUERY_SITE, QUERY_CLICK_RATE, &order.field) ||
            !has_column(q, order.field) || is_ordered(q, order.field)) {
            return query_fault(err, invalid, "sort",
                               "'%.*s' is not one of the dimensions and metrics asked for, "
                               "or stands there twice",
                               query_fault_len(word), word.data);
        }
        q->orders[q->order_count++] = order;
    }
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (!is_ordered(q, q->columns[i])) {
            q->orders[q->order_count++] = (struct query_order){.field = q->columns[i]};
        }
    }
    return true;
}

static bool read_zone(struct query *q, struct slice name, struct query_error *err)
{
    if (name.len >= QUERY_ZONE_MAX || (name.len > 0 && memchr(name.data, '\0', name.len) != NULL)) {
        return query_fault(err, invalid, "tz",
                           "'%.*s' is no time zone: take one like "
                           "Europe/Copenhagen or UTC",
                           query_fault_len(name), name.data);
    }
    memcpy(q->tz, name.len == 0 ? "" : name.data, name.len);
    return true;
}

/* A page goes on only in the same question: all but limit, format and the cursor itself. */
static bool read_cursor(struct query *q, const struct slice values[PARAMETER_COUNT],
                        struct query_error *err)
{
    static const enum parameter asked[] = {DIMENSIONS, METRICS, WHERE, FROM,    TO,
                                           TZ,         SORT,    BOTS,  INTERNAL};
    q->question = HASH_STABLE_START;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct slice value = values[asked[i]];
        q->question = hash_stable(q->question, value.data, value.len);
        q->question = hash_stable(q->question, "", 1);
    }
    return values[CURSOR].len == 0 || query_cursor_read(q, values[CURSOR], err);
}

static bool read_limit(struct query *q, struct slice text, struct query_error *err)
{
    uint64_t limit = QUERY_LIMIT_DEFAULT;
    if (text.len > 0 && (!text_parse_uint(text, QUERY_LIMIT_MAX, &limit) || limit == 0)) {
        return query_fault(err, invalid, "limit", "limit is a number from 1 to %d",
                           QUERY_LIMIT_MAX);
    }
    q->limit = (int64_t)limit;
    return true;
}

static bool read_include(bool *out, struct slice text, enum parameter parameter,
                         struct query_error *err)
{
    *out = slice_is(text, "include");
    if (text.len == 0 || *out || slice_is(text, "exclude")) {
        return true;
    }
    return query_fault(err, invalid, parameter_names[parameter], "%s is include or exclude",
                       parameter_names[parameter]);
}

static bool read_format(struct query *q, struct slice text, struct query_error *err)
{
    static const char *const names[] = {"json", "csv", "ndjson", "table"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is(text, names[i])) {
            q->format = (enum query_format)i;
            return true;
        }
    }
    q->format = QUERY_JSON;
    return text.len == 0 ||
           query_fault(err, invalid, "format", "format is json, csv, ndjson or table");
}

static bool sort_params(const struct query_param *params, size_t count,
                        struct slice values[PARAMETER_COUNT], struct query_error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        while (p < PARAMETER_COUNT && !slice_is(params[i].name, parameter_names[p])) {
            p++;
        }
        char shown[sizeof(err->parameter)];
        snprintf(shown, sizeof(shown), "%.*s", query_fault_len(params[i].name),
                 params[i].name.data == NULL ? "" : params[i].name.data);
        if (p == PARAMETER_COUNT) {
            return query_fault(err, "unknown_parameter", shown,
                               "there is no parameter '%s'; there are dimensions, metrics, where, "
                               "from, to, tz, sort, limit, cursor, bots, internal, format",
                               shown);
        }
        if (values[p].data != NULL) {
            return query_fault(err, "repeated_parameter", shown, "%s is given twice", shown);
        }
        values[p] = params[i].value.data == NULL ? slice_of("") : params[i].value;
    }
    return true;
}

bool query_parse(const struct query_param *params, size_t count, int64_t now_ms, struct query *out,
                 struct query_error *err)
{
    struct slice values[PARAMETER_COUNT] = {{NULL, 0}};
    *out = (struct query){0};
    return sort_params(params, count, values, err) &&
           read_dimensions(out, values[DIMENSIONS], err) && read_where(out, values[WHERE], err) &&
           read_metrics(out, values[METRICS], err) &&
           read_edge(&out->from, values[FROM], FROM, now_ms, err) &&
           read_edge(&out->to, values[TO], TO, now_ms, err) && read_zone(out, values[TZ], err) &&
           read_sort(out, values[SORT], err) && read_cursor(out, values, err) &&
           check_range(out, err) && query_range_choose(out, now_ms, err) &&
           check_metrics(out, err) && read_limit(out, values[LIMIT], err) &&
           read_include(&out->bots, values[BOTS], BOTS, err) &&
           read_include(&out->internal, values[INTERNAL], INTERNAL, err) &&
           read_format(out, values[FORMAT], err);
}

void query_buckets(const struct query *q, enum store_grain grain, int32_t *first, int32_t *end)
{
    int32_t from = timezone_quarter(q->from.ms), to = timezone_quarter(q->to.ms - 1);
    if (grain == STORE_GRAIN_HOUR) {
        from = timezone_hour(from);
        to = timezone_hour(to);
    }
    *first = q->from.kind == QUERY_EDGE_OPEN ? INT32_MIN : from;
    *end = q->to.kind == QUERY_EDGE_OPEN ? INT32_MAX : to + 1;
}
