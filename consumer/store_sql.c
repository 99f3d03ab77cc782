#include "consumer/store_sql.h"

#include <errno.h>

/* Appends ?n for a new value. */
static void add_value(struct store_sql *sql, struct slice text, int64_t number)
{
    sql->values[sql->value_count++] = (struct store_sql_value){text, number};
    buffer_append_char(&sql->text, '?');
    buffer_append_uint(&sql->text, sql->value_count);
}

static void add_number(struct store_sql *sql, const char *before, int64_t number)
{
    buffer_append_text(&sql->text, before);
    add_value(sql, (struct slice){NULL, 0}, number);
}

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

static void add_metric(struct store_sql *sql, const struct query *q, enum query_field field)
{
    buffer_append_text(&sql->text, "coalesce(sum(");
    if (!q->by_event) {
        buffer_append_text(&sql->text, query_field_name(field));
    } else if (field == QUERY_LOADS) {
        buffer_append_text(&sql->text, "CASE WHEN event = (SELECT id FROM strings WHERE"
                                       " text = 'load') THEN count ELSE 0 END");
    } else {
        buffer_append_text(&sql->text, "count");
    }
    buffer_append_format(&sql->text, "), 0) AS %s", query_field_name(field));
}

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
        add_number(sql, " AND bucket >= ", first);
    }
    if (q->to.kind != QUERY_EDGE_OPEN) {
        add_number(sql, " AND bucket < ", end);
    }
}

/*
 * Dates are the days of every site. A time of day falls on a day that only the site's zone tells;
 * the bounds beside it, a day wider than any zone can make it, are for the index.
 */
static void add_days(struct store_sql *sql, const struct query *q)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 };
    if (q->from.kind == QUERY_EDGE_DATE) {
        add_number(sql, " AND bucket >= ", q->from.date);
    } else if (q->from.kind == QUERY_EDGE_TIME) {
        add_number(sql, " AND bucket >= ", q->from.ms / DAY_MS - 2);
        buffer_append_text(&sql->text, " AND bucket >= first_day(site)");
    }
    if (q->to.kind == QUERY_EDGE_DATE) {
        add_number(sql, " AND bucket < ", q->to.date);
    } else if (q->to.kind == QUERY_EDGE_TIME) {
        add_number(sql, " AND bucket <= ", q->to.ms / DAY_MS + 2);
        buffer_append_text(&sql->text, " AND bucket < end_day(site)");
    }
}

static void add_filter(struct store_sql *sql, const struct query *q, const struct query_filter *f)
{
    bool is_text = query_field_is_text(f->field);
    buffer_append_format(&sql->text, " AND %s%s IN (%s", query_field_name(f->field),
                         f->negated ? " NOT" : "",
                         is_text ? "SELECT id FROM strings WHERE text IN (" : "");
    for (size_t i = 0; i < f->value_count; i++) {
        const struct query_value *v = &q->values[f->value_start + i];
        struct slice none = {NULL, 0};
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        add_value(sql, is_text ? query_value_text(q, v) : none, v->number);
    }
    buffer_append_text(&sql->text, is_text ? "))" : ")");
}

/* Rows added up by the integers of the key; the strings are looked up for what is left. */
static void add_groups(struct store_sql *sql, const struct query *q)
{
    static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};
    buffer_append_text(&sql->text, "SELECT ");
    for (size_t i = 0; i < q->column_count; i++) {
        enum query_field field = q->columns[i];
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        if (i >= q->dimension_count) {
            add_metric(sql, q, field);
        } else {
            buffer_append_format(&sql->text, "%s AS %s", source_of(q, field),
                                 query_field_name(field));
        }
    }
    buffer_append_format(&sql->text, " FROM %s_%s", q->by_event ? "events" : "totals",
                         grains[q->grain]);
    add_traffic(sql, q);
    if (q->grain == STORE_GRAIN_DAY) {
        add_days(sql, q);
    } else {
        add_buckets(sql, q);
    }
    for (size_t i = 0; i < q->filter_count; i++) {
        add_filter(sql, q, &q->filters[i]);
    }
    for (size_t i = 0; i < q->dimension_count; i++) {
        buffer_append_format(&sql->text, "%s%zu", i == 0 ? " GROUP BY " : ", ", i + 1);
    }
}

/* ---- Every stretch of time has its rows, if nothing was counted then too. ---- */

/* An end of the spans: as the range has it, or of what was found. */
static void add_bound(struct store_sql *sql, const struct query *q, bool is_known, int32_t bound,
                      bool is_end)
{
    const char *name = query_field_name(q->span);
    if (is_known) {
        add_number(sql, "", bound);
    } else if (!is_end) {
        buffer_append_format(&sql->text, "(SELECT min(%s) FROM found)", name);
    } else {
        /* an hour of a zone is counted by its first quarter, and ends three later */
        bool in_quarters = q->tz[0] != '\0' && q->span == QUERY_HOUR;
        buffer_append_format(&sql->text, "(SELECT max(%s) + %d FROM found)", name,
                             in_quarters ? 4 : 1);
    }
}

static void add_steps(struct store_sql *sql, const struct query *q)
{
    const struct query_spans *s = &q->spans;
    buffer_append_text(&sql->text, ", ends(first, end) AS (SELECT ");
    add_bound(sql, q, s->has_first, s->first, false);
    buffer_append_text(&sql->text, ", ");
    add_bound(sql, q, s->has_end, s->end, true);
    buffer_append_text(&sql->text, "), steps(step) AS (SELECT first FROM ends WHERE first < end"
                                   " UNION ALL SELECT step + 1 FROM steps, ends"
                                   " WHERE step + 1 < end)");
}

static bool is_other_dimension(const struct query *q, size_t column)
{
    return column < q->dimension_count && q->columns[column] != q->span;
}

/* The groups that were found, without their time. */
static void add_others(struct store_sql *sql, const struct query *q)
{
    const char *before = ", others AS (SELECT DISTINCT ";
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (is_other_dimension(q, i)) {
            buffer_append_format(&sql->text, "%s%s", before, query_field_name(q->columns[i]));
            before = ", ";
        }
    }
    buffer_append_text(&sql->text, " FROM found)");
}

static void add_filled_columns(struct store_sql *sql, const struct query *q)
{
    for (size_t i = 0; i < q->column_count; i++) {
        const char *name = query_field_name(q->columns[i]);
        buffer_append_text(&sql->text, i == 0 ? " SELECT " : ", ");
        if (is_other_dimension(q, i)) {
            buffer_append_format(&sql->text, "o.%s AS %s", name, name);
        } else if (i < q->dimension_count) {
            buffer_append_format(&sql->text, "s.span AS %s", name);
        } else {
            buffer_append_format(&sql->text, "coalesce(f.%s, 0) AS %s", name, name);
        }
    }
}

/* Each group that was found, in each stretch of time. */
static void add_filled(struct store_sql *sql, const struct query *q)
{
    bool in_quarters = q->tz[0] != '\0' && q->span == QUERY_HOUR;
    bool has_others = q->dimension_count > 1;
    buffer_append_text(&sql->text, "WITH RECURSIVE found AS MATERIALIZED (");
    add_groups(sql, q);
    buffer_append_char(&sql->text, ')');
    add_steps(sql, q);
    buffer_append_format(&sql->text, ", spans(span) AS (SELECT %s FROM steps)",
                         in_quarters ? "DISTINCT zone_hour(step)" : "step");
    if (has_others) {
        add_others(sql, q);
    }
    add_filled_columns(sql, q);
    buffer_append_format(&sql->text, " FROM spans AS s%s LEFT JOIN found AS f ON f.%s = s.span",
                         has_others ? " CROSS JOIN others AS o" : "", query_field_name(q->span));
    for (size_t i = 0; i < q->dimension_count; i++) {
        const char *name = query_field_name(q->columns[i]);
        if (is_other_dimension(q, i)) {
            buffer_append_format(&sql->text, " AND f.%s = o.%s", name, name);
        }
    }
}

/* ---- The rows as they are wanted. ---- */

static void add_result_column(struct store_sql *sql, enum query_field field)
{
    bool is_text = query_field_is_text(field);
    buffer_append_format(&sql->text, "%s%s%s", is_text ? "" : "g.", query_field_name(field),
                         is_text ? "_string.text" : "");
}

static void add_joins(struct store_sql *sql, const struct query *q)
{
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (query_field_is_text(q->columns[i])) {
            const char *name = query_field_name(q->columns[i]);
            buffer_append_format(&sql->text, " JOIN strings AS %s_string ON %s_string.id = g.%s",
                                 name, name, name);
        }
    }
}

static void add_compared(struct store_sql *sql, const struct query *q, size_t order,
                         const char *sign)
{
    enum query_field field = q->orders[order].field;
    const struct query_after *after = &q->after[order];
    add_result_column(sql, field);
    buffer_append_text(&sql->text, sign);
    struct slice text = query_field_is_text(field) ? slice_make(q->text + after->start, after->len)
                                                   : slice_make(NULL, 0);
    add_value(sql, text, after->number);
}

/* Behind the last row of the page before: (a > ? OR (a = ? AND (b > ? OR ...))). */
static void add_after(struct store_sql *sql, const struct query *q)
{
    for (size_t i = 0; i < q->order_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? " WHERE (" : " AND (");
        add_compared(sql, q, i, q->orders[i].descending ? " < " : " > ");
        if (i + 1 < q->order_count) {
            buffer_append_text(&sql->text, " OR (");
            add_compared(sql, q, i, " = ");
        }
    }
    for (size_t i = 0; i < q->order_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? ")" : "))");
    }
}

static void add_order(struct store_sql *sql, const struct query *q)
{
    for (size_t i = 0; i < q->order_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? " ORDER BY " : ", ");
        add_result_column(sql, q->orders[i].field);
        buffer_append_text(&sql->text, q->orders[i].descending ? " DESC" : "");
    }
}

int store_sql_make(struct store_sql *sql, const struct query *q)
{
    buffer_init(&sql->text);
    sql->value_count = 0;
    buffer_append_text(&sql->text, "SELECT ");
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        add_result_column(sql, q->columns[i]);
    }
    buffer_append_text(&sql->text, " FROM (");
    if (q->is_filled) {
        add_filled(sql, q);
    } else {
        add_groups(sql, q);
    }
    buffer_append_text(&sql->text, ") AS g");
    add_joins(sql, q);
    if (q->has_after) {
        add_after(sql, q);
    }
    add_order(sql, q);
    add_number(sql, " LIMIT ", q->limit);
    if (buffer_failed(&sql->text)) {
        store_sql_fini(sql);
        return -ENOMEM;
    }
    return 0;
}

void store_sql_fini(struct store_sql *sql)
{
    buffer_fini(&sql->text);
}
