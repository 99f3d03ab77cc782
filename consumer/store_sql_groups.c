#include "consumer/store_sql_groups.h"

#include "consumer/query_time.h"

#include <errno.h>
#include <string.h>

#define BIT(measure) (1U << STORE_SQL_##measure)

/* How a metric is made of the sums of measures. Rates are rounded, halves up. */
static const struct {
    const char *sql;
    unsigned measures;
} metrics[QUERY_FIELD_COUNT] = {
    [QUERY_REPORTS] = {"coalesce(sum(reports), 0)", BIT(REPORTS)},
    [QUERY_EVENTS] = {"coalesce(sum(events), 0)", BIT(EVENTS)},
    [QUERY_LOADS] = {"coalesce(sum(loads), 0)", BIT(LOADS)},
    [QUERY_PLAYS] = {"coalesce(sum(plays), 0)", BIT(PLAYS)},
    [QUERY_PLAYS_DERIVED] = {"coalesce(sum(plays_derived), 0)", BIT(PLAYS_DERIVED)},
    [QUERY_ENGAGEMENT] = {"(coalesce(sum(engagement_ms), 0) + 500) / 1000", BIT(ENGAGEMENT_MS)},
    [QUERY_AVERAGE] = {"(2 * sum(share_ppm) + sum(known)) / (2 * nullif(sum(known), 0))",
                       BIT(SHARE_PPM) | BIT(KNOWN)},
    [QUERY_FINISHES] = {"coalesce(sum(finishes), 0)", BIT(FINISHES)},
    [QUERY_DOWNLOADS] = {"coalesce(sum(downloads), 0)", BIT(DOWNLOADS)},
    [QUERY_DOWNLOADED_BYTES] = {"coalesce(sum(downloaded_bytes), 0)", BIT(DOWNLOADED_BYTES)},
    [QUERY_UNCOUNTED] = {"coalesce(sum(uncounted_reports), 0)", BIT(UNCOUNTED_REPORTS)},
    [QUERY_PLAY_RATE] = {"(2000000 * sum(plays) + sum(loads)) / (2 * nullif(sum(loads), 0))",
                         BIT(PLAYS) | BIT(LOADS)},
};

static const char *const measure_names[STORE_SQL_MEASURE_COUNT] = {
    [STORE_SQL_REPORTS] = "reports",
    [STORE_SQL_EVENTS] = "events",
    [STORE_SQL_LOADS] = "loads",
    [STORE_SQL_PLAYS] = "plays",
    [STORE_SQL_PLAYS_DERIVED] = "plays_derived",
    [STORE_SQL_ENGAGEMENT_MS] = "engagement_ms",
    [STORE_SQL_SHARE_PPM] = "share_ppm",
    [STORE_SQL_KNOWN] = "known",
    [STORE_SQL_FINISHES] = "finishes",
    [STORE_SQL_DOWNLOADS] = "downloads",
    [STORE_SQL_DOWNLOADED_BYTES] = "downloaded_bytes",
    [STORE_SQL_UNCOUNTED_REPORTS] = "uncounted_reports",
};

/* Where they stand in the tables of events, which have these two. */
static const char *const event_measures[STORE_SQL_MEASURE_COUNT] = {
    [STORE_SQL_EVENTS] = "count",
    [STORE_SQL_LOADS] = "CASE WHEN event = (SELECT id FROM strings WHERE text = 'load')"
                        " THEN count ELSE 0 END",
};

const char *store_sql_part_name(size_t column)
{
    return column < QUERY_REPORTS ? query_field_name((enum query_field)column)
                                  : measure_names[column - QUERY_REPORTS];
}

void store_sql_value(struct store_sql *sql, struct slice text, int64_t number)
{
    sql->values[sql->value_count++] = (struct store_sql_value){text, number};
    buffer_append_char(&sql->text, '?');
    buffer_append_uint(&sql->text, sql->value_count);
}

void store_sql_number(struct store_sql *sql, const char *before, int64_t number)
{
    buffer_append_text(&sql->text, before);
    store_sql_value(sql, (struct slice){NULL, 0}, number);
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

static bool has_filter(const struct query *q, enum query_field field)
{
    for (size_t i = 0; i < q->filter_count; i++) {
        if (q->filters[i].field == field) {
            return true;
        }
    }
    return false;
}

/* ---- Which rows are meant. ---- */

/* Who is counted: enum store_traffic is made of two bits. */
static void add_traffic(struct store_sql *sql, const struct query *q)
{
    static const char *const kinds[2][2] = {{"0", "0, 2"}, {"0, 1", "0, 1, 2, 3"}};
    buffer_append_format(&sql->text, " WHERE traffic IN (%s)", kinds[q->bots][q->internal]);
}

static void add_buckets(struct store_sql *sql, const struct query *q)
{
    int32_t first, end;
    query_buckets(q, q->grain, &first, &end);
    if (q->from.kind != QUERY_EDGE_OPEN) {
        store_sql_number(sql, " AND bucket >= ", first);
    }
    if (q->to.kind != QUERY_EDGE_OPEN) {
        store_sql_number(sql, " AND bucket < ", end);
    }
}

/*
 * Dates are the days of every site. A time of day falls on a day that only the site's zone tells;
 * the bounds beside it, a day wider than any zone can make it, are for the index.
 */
static void add_days(struct store_sql *sql, const struct query *q)
{
    if (q->from.kind == QUERY_EDGE_DATE) {
        store_sql_number(sql, " AND bucket >= ", q->from.date);
    } else if (q->from.kind == QUERY_EDGE_TIME) {
        store_sql_number(sql, " AND bucket >= ", q->from.ms / QUERY_TIME_DAY_MS - 2);
        buffer_append_text(&sql->text, " AND bucket >= first_day(site)");
    }
    if (q->to.kind == QUERY_EDGE_DATE) {
        store_sql_number(sql, " AND bucket < ", q->to.date);
    } else if (q->to.kind == QUERY_EDGE_TIME) {
        store_sql_number(sql, " AND bucket <= ", q->to.ms / QUERY_TIME_DAY_MS + 2);
        buffer_append_text(&sql->text, " AND bucket < end_day(site)");
    }
}

/* Strings and videos that begin so. The lower bound is for the index; an upper one that all engines
 * compare alike there is not. */
static void add_prefixes(struct store_sql *sql, const struct query *q, const struct query_filter *f)
{
    bool is_text = query_field_is_text(f->field);
    if (is_text) {
        buffer_append_format(&sql->text, " AND %s IN (SELECT id FROM strings WHERE",
                             query_field_name(f->field));
    }
    for (size_t i = 0; i < f->value_count; i++) {
        const struct query_value *v = &q->values[f->value_start + i];
        buffer_append_text(&sql->text, i == 0 ? (is_text ? " (" : " AND (") : " OR ");
        if (is_text) {
            buffer_append_text(&sql->text, "text >= ");
            store_sql_value(sql, query_value_text(q, v), 0);
            buffer_append_format(&sql->text, " AND substr(text, 1, length(?%zu)) = ?%zu",
                                 sql->value_count, sql->value_count);
        } else {
            buffer_append_format(&sql->text,
                                 "substr(CAST(%s AS TEXT), 1, %u) = ", query_field_name(f->field),
                                 (unsigned)v->len);
            store_sql_value(sql, query_value_text(q, v), 0);
        }
    }
    buffer_append_text(&sql->text, is_text ? "))" : ")");
}

static void add_filter(struct store_sql *sql, const struct query *q, const struct query_filter *f)
{
    if (f->is_prefix) {
        add_prefixes(sql, q, f);
        return;
    }
    bool is_text = query_field_is_text(f->field);
    buffer_append_format(&sql->text, " AND %s%s IN (%s", query_field_name(f->field),
                         f->negated ? " NOT" : "",
                         is_text ? "SELECT id FROM strings WHERE text IN (" : "");
    for (size_t i = 0; i < f->value_count; i++) {
        const struct query_value *v = &q->values[f->value_start + i];
        struct slice none = {NULL, 0};
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        store_sql_value(sql, is_text ? query_value_text(q, v) : none, v->number);
    }
    buffer_append_text(&sql->text, is_text ? "))" : ")");
}

/* The rows of q, with any event when without is QUERY_EVENT. */
static void add_where(struct store_sql *sql, const struct query *q, enum query_field without)
{
    add_traffic(sql, q);
    if (q->grain == STORE_GRAIN_DAY) {
        add_days(sql, q);
    } else {
        add_buckets(sql, q);
    }
    for (size_t i = 0; i < q->filter_count; i++) {
        if (q->filters[i].field != without) {
            add_filter(sql, q, &q->filters[i]);
        }
    }
}

/* ---- Added up by the integers of the key. ---- */

/* What a dimension is made of in the tables. In a zone that was asked for days and hours are made
 * of quarters. */
static const char *source_of(const struct query *q, enum query_field field)
{
    bool in_zone = q->tz[0] != '\0';
    if (!query_field_is_time(field)) {
        return query_field_name(field);
    }
    return in_zone && field == QUERY_DAY    ? "zone_day(bucket)"
           : in_zone && field == QUERY_HOUR ? "zone_hour(bucket)"
                                            : "bucket";
}

/* The dimensions but one; ends with a comma. */
static void add_dimensions(struct store_sql *sql, const struct query *q, enum query_field without)
{
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (q->columns[i] != without) {
            buffer_append_format(&sql->text, "%s AS %s, ", source_of(q, q->columns[i]),
                                 query_field_name(q->columns[i]));
        }
    }
}

/* So many first columns are the groups. */
static void add_group_by(struct store_sql *sql, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&sql->text, "%s%zu", i == 0 ? " GROUP BY " : ", ", i + 1);
    }
}

static const char *table_of(const struct query *q)
{
    static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};
    return grains[q->grain];
}

/* A column that parts gives: `count` stand before it. */
static void add_part(struct store_sql *sql, size_t column, size_t count, const char *source)
{
    buffer_append_format(&sql->text, "%s%s", count == 0 ? "SELECT " : ", ", source);
    sql->part_of[column] = (int8_t)count;
}

/* The rows of q, one by one: their keys and the measures, a bit each. */
static void make_parts(struct store_sql *sql, const struct query *q, unsigned measures)
{
    struct buffer text = sql->text;
    buffer_init(&sql->text);
    memset(sql->part_of, -1, sizeof sql->part_of);
    for (size_t i = 0; i < q->dimension_count; i++) {
        add_part(sql, q->columns[i], i, source_of(q, q->columns[i]));
    }
    sql->part_keys = q->dimension_count;
    sql->part_sums = 0;
    for (size_t i = 0; i < STORE_SQL_MEASURE_COUNT; i++) {
        if ((measures & 1U << i) != 0) {
            add_part(sql, QUERY_REPORTS + i, sql->part_keys + sql->part_sums++,
                     q->by_event ? event_measures[i] : measure_names[i]);
        }
    }
    buffer_append_format(&sql->text, " FROM %s_%s", q->by_event ? "events" : "totals", table_of(q));
    add_where(sql, q, QUERY_FIELD_COUNT);
    sql->parts = sql->text;
    sql->text = text;
}

/* All but what is joined to it. A metric more, so that there is one behind the last comma. */
static void add_main(struct store_sql *sql, const struct query *q)
{
    enum store_sql_measure all = q->by_event ? STORE_SQL_EVENTS : STORE_SQL_REPORTS;
    unsigned measures = 1U << all;
    buffer_append_text(&sql->text, "SELECT ");
    for (size_t i = 0; i < q->column_count; i++) {
        enum query_field field = q->columns[i];
        if (i < q->dimension_count) {
            buffer_append_format(&sql->text, "%s, ", query_field_name(field));
        } else if (metrics[field].sql != NULL) {
            buffer_append_format(&sql->text, "%s AS %s, ", metrics[field].sql,
                                 query_field_name(field));
            measures |= metrics[field].measures;
        }
    }
    buffer_append_format(&sql->text, "coalesce(sum(%s), 0) AS all_of_it FROM parts",
                         measure_names[all]);
    add_group_by(sql, q->dimension_count);
    make_parts(sql, q, measures);
}

/* Joins behind main, which is m, what has the same dimensions but one. */
static void add_on(struct store_sql *sql, const struct query *q, char name,
                   enum query_field without)
{
    buffer_append_format(&sql->text, ") AS %c ON 1", name);
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (q->columns[i] != without) {
            const char *column = query_field_name(q->columns[i]);
            buffer_append_format(&sql->text, " AND %c.%s = m.%s", name, column, column);
        }
    }
}

/* The plays that an event's clicks are a share of: those of the group with any event. */
static void add_plays(struct store_sql *sql, const struct query *q)
{
    bool by_event = has_column(q, QUERY_EVENT);
    buffer_append_text(&sql->text, " LEFT JOIN (SELECT ");
    add_dimensions(sql, q, QUERY_EVENT);
    buffer_append_format(&sql->text, "sum(plays) AS plays FROM totals_%s", table_of(q));
    add_where(sql, q, QUERY_EVENT);
    add_group_by(sql, q->dimension_count - by_event);
    add_on(sql, q, 'p', QUERY_EVENT);
}

/* Sketches are kept of three kinds of groups; they are merged, never added up. */
static void add_viewers(struct store_sql *sql, const struct query *q)
{
    bool by_source = has_column(q, QUERY_SOURCE) || has_filter(q, QUERY_SOURCE);
    bool by_photo = has_column(q, QUERY_PHOTO_ID) || has_filter(q, QUERY_PHOTO_ID);
    buffer_append_text(&sql->text, " LEFT JOIN (SELECT ");
    add_dimensions(sql, q, QUERY_FIELD_COUNT);
    buffer_append_text(&sql->text, "count_viewers(sketch) AS viewers FROM (SELECT day AS bucket, *"
                                   " FROM viewers)");
    add_where(sql, q, QUERY_FIELD_COUNT);
    buffer_append_text(&sql->text, by_source  ? " AND photo_id <> -1 AND source <> 0"
                                   : by_photo ? " AND photo_id <> -1 AND source = 0"
                                              : " AND photo_id = -1 AND source = 0");
    add_group_by(sql, q->dimension_count);
    add_on(sql, q, 'v', QUERY_FIELD_COUNT);
}

static void add_joined_column(struct store_sql *sql, enum query_field field)
{
    const char *name = query_field_name(field);
    if (field == QUERY_VIEWERS) {
        buffer_append_format(&sql->text, "coalesce(v.viewers, 0) AS %s", name);
    } else if (field == QUERY_CLICK_RATE) {
        buffer_append_format(
            &sql->text, "(2000000 * m.all_of_it + p.plays) / (2 * nullif(p.plays, 0)) AS %s", name);
    } else {
        buffer_append_format(&sql->text, "m.%s AS %s", name, name);
    }
}

int store_sql_playthrough(struct store_sql *sql, const struct query *q)
{
    store_sql_init(sql);
    buffer_append_text(&sql->text, "SELECT point, sum(change) FROM (SELECT day AS bucket, * FROM"
                                   " playthrough)");
    add_where(sql, q, QUERY_FIELD_COUNT);
    add_group_by(sql, 1);
    if (buffer_failed(&sql->text)) {
        store_sql_fini(sql);
        return -ENOMEM;
    }
    return 0;
}

void store_sql_groups(struct store_sql *sql, const struct query *q)
{
    bool has_viewers = has_column(q, QUERY_VIEWERS), has_clicks = has_column(q, QUERY_CLICK_RATE);
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? "SELECT " : ", ");
        add_joined_column(sql, q->columns[i]);
    }
    buffer_append_text(&sql->text, " FROM (");
    add_main(sql, q);
    buffer_append_text(&sql->text, ") AS m");
    if (has_viewers) {
        add_viewers(sql, q);
    }
    if (has_clicks) {
        add_plays(sql, q);
    }
}
