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

/* The column of a dimension in the tables. */
static const char *column_of(enum query_field field)
{
    return field == QUERY_DAY || field == QUERY_QUARTER ? "bucket" : query_field_name(field);
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

static void add_quarters(struct store_sql *sql, const struct query *q)
{
    int32_t first, end;
    query_quarters(q, &first, &end);
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
    buffer_append_text(&sql->text, "SELECT ");
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        if (i >= q->dimension_count) {
            add_metric(sql, q, q->columns[i]);
        } else {
            buffer_append_text(&sql->text, column_of(q->columns[i]));
        }
    }
    buffer_append_format(&sql->text, " FROM %s_%s", q->by_event ? "events" : "totals",
                         q->grain == STORE_GRAIN_DAY ? "day" : "quarter");
    add_traffic(sql, q);
    if (q->grain == STORE_GRAIN_DAY) {
        add_days(sql, q);
    } else {
        add_quarters(sql, q);
    }
    for (size_t i = 0; i < q->filter_count; i++) {
        add_filter(sql, q, &q->filters[i]);
    }
    for (size_t i = 0; i < q->dimension_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? " GROUP BY " : ", ");
        buffer_append_text(&sql->text, column_of(q->columns[i]));
    }
}

static void add_result_column(struct store_sql *sql, enum query_field field)
{
    if (query_field_is_text(field)) {
        buffer_append_format(&sql->text, "%s_string.text", query_field_name(field));
    } else if (field < QUERY_REPORTS) {
        buffer_append_format(&sql->text, "g.%s", column_of(field));
    } else {
        buffer_append_format(&sql->text, "g.%s", query_field_name(field));
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
    add_groups(sql, q);
    buffer_append_text(&sql->text, ") AS g");
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (query_field_is_text(q->columns[i])) {
            const char *name = query_field_name(q->columns[i]);
            buffer_append_format(&sql->text, " JOIN strings AS %s_string ON %s_string.id = g.%s",
                                 name, name, name);
        }
    }
    for (size_t i = 0; i < q->order_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? " ORDER BY " : ", ");
        add_result_column(sql, q->orders[i].field);
        buffer_append_text(&sql->text, q->orders[i].descending ? " DESC" : "");
    }
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
