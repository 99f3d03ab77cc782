#include "consumer/store_sql.h"

#include "consumer/store_sql_groups.h"

#include <errno.h>

/* ---- Every stretch of time has its rows, if nothing was counted then too. ---- */

/* An end of the spans: as the range has it, or of what was found. */
static void add_bound(struct store_sql *sql, const struct query *q, bool is_known, int32_t bound,
                      bool is_end)
{
    const char *name = query_field_name(q->span);
    if (is_known) {
        store_sql_number(sql, "", bound);
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
            bool is_rate = query_field_is_rate(q->columns[i]); /* of nothing: null */
            buffer_append_format(&sql->text, "%sf.%s%s AS %s", is_rate ? "" : "coalesce(", name,
                                 is_rate ? "" : ", 0)", name);
        }
    }
}

/* Each group that was found, in each stretch of time. */
static void add_filled(struct store_sql *sql, const struct query *q)
{
    bool in_quarters = q->tz[0] != '\0' && q->span == QUERY_HOUR;
    bool has_others = q->dimension_count > 1;
    buffer_append_text(&sql->text, "WITH RECURSIVE found AS MATERIALIZED (");
    store_sql_groups(sql, q);
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

/* A rate that is null comes before 0: in the order, and when a page goes on. */
static void add_ordered_column(struct store_sql *sql, enum query_field field)
{
    bool is_rate = query_field_is_rate(field);
    buffer_append_text(&sql->text, is_rate ? "coalesce(" : "");
    add_result_column(sql, field);
    buffer_append_text(&sql->text, is_rate ? ", -1)" : "");
}

static void add_compared(struct store_sql *sql, const struct query *q, size_t order,
                         const char *sign)
{
    enum query_field field = q->orders[order].field;
    const struct query_after *after = &q->after[order];
    add_ordered_column(sql, field);
    buffer_append_text(&sql->text, sign);
    struct slice text = query_field_is_text(field) ? slice_make(q->text + after->start, after->len)
                                                   : slice_make(NULL, 0);
    store_sql_value(sql, text, after->number);
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
        add_ordered_column(sql, q->orders[i].field);
        buffer_append_text(&sql->text, q->orders[i].descending ? " DESC" : "");
    }
}

void store_sql_init(struct store_sql *sql)
{
    buffer_init(&sql->text);
    buffer_init(&sql->parts);
    sql->value_count = 0;
}

int store_sql_make(struct store_sql *sql, const struct query *q)
{
    store_sql_init(sql);
    buffer_append_text(&sql->text, "SELECT ");
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(&sql->text, i == 0 ? "" : ", ");
        add_result_column(sql, q->columns[i]);
    }
    buffer_append_text(&sql->text, " FROM (");
    if (q->is_filled) {
        add_filled(sql, q);
    } else {
        store_sql_groups(sql, q);
    }
    buffer_append_text(&sql->text, ") AS g");
    add_joins(sql, q);
    if (q->has_after) {
        add_after(sql, q);
    }
    add_order(sql, q);
    store_sql_number(sql, " LIMIT ", q->limit);
    if (buffer_failed(&sql->text) || buffer_failed(&sql->parts)) {
        store_sql_fini(sql);
        return -ENOMEM;
    }
    return 0;
}

void store_sql_fini(struct store_sql *sql)
{
    buffer_fini(&sql->text);
    buffer_fini(&sql->parts);
}
