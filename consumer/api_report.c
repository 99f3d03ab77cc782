#include "consumer/api_report.h"

#include "common/text.h"
#include "common/utf8.h"
#include "consumer/query_cursor.h"
#include "consumer/query_time.h"
#include "consumer/timezone.h"

static const char unfinished[] = "unfinished";

static const char *const grain_names[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};

static const char *const roundings[STORE_GRAIN_COUNT] = {
    [STORE_GRAIN_QUARTER] =
        "from and to are rounded outwards to quarter hours UTC, kept for 35 days",
    [STORE_GRAIN_HOUR] = "from and to are rounded outwards to hours UTC, kept for 400 days",
    [STORE_GRAIN_DAY] = "whole days, in the time zone of each site, that from and to touch",
};

const char *api_report_content_type(enum query_format format)
{
    static const char *const types[] = {[QUERY_JSON] = "application/json",
                                        [QUERY_CSV] = "text/csv; charset=utf-8; header=present",
                                        [QUERY_NDJSON] = "application/x-ndjson",
                                        [QUERY_TABLE] = "text/plain; charset=utf-8"};
    return types[format];
}

/* A cell that is no text, as it stands in every format. */
static void add_plain(const struct api_report *a, struct buffer *out, enum query_field field,
                      const struct query_cell *cell)
{
    int64_t number = cell->number;
    enum { HOUR_MS = TIMEZONE_QUARTERS_AN_HOUR * TIMEZONE_QUARTER_MS };
    struct zone *zone = a->time.zone;
    if (field == QUERY_DAY) {
        query_time_write_date(out, number);
    } else if (query_field_is_time(field) &&
               zone != NULL) { /* hours too are counted by their first quarter */
        query_time_write_local(out, number * TIMEZONE_QUARTER_MS,
                               timezone_offset_s(zone, (int32_t)number));
    } else if (query_field_is_time(field)) {
        query_time_write(out, number * (field == QUERY_HOUR ? HOUR_MS : TIMEZONE_QUARTER_MS));
    } else if (query_field_is_rate(field)) {
        buffer_append_format(out, "%lld.%06d", (long long)(number / 1000000),
                             (int)(number % 1000000));
    } else {
        buffer_append_int(out, number);
    }
}

/* Whether more reports of the row's stretch of time may still come, or be counted. */
static bool is_unfinished(const struct api_report *a, const struct query_cell *cells)
{
    const struct query *q = a->query;
    for (size_t i = 0; i < q->dimension_count; i++) {
        if (query_field_is_time(q->columns[i])) {
            return cells[i].number >= a->time.first_unfinished;
        }
    }
    return false;
}

static void add_member(struct buffer *out, const char *key)
{
    buffer_append_char(out, '"');
    buffer_append_text(out, key);
    buffer_append_text(out, "\":");
}

static void add_json_row(struct api_report *a, const struct query_cell *cells)
{
    const struct query *q = a->query;
    struct buffer *out = a->out;
    for (size_t i = 0; i < q->column_count; i++) {
        enum query_field field = q->columns[i];
        buffer_append_char(out, i == 0 ? '{' : ',');
        add_member(out, query_field_name(field));
        if (query_field_is_text(field)) {
            text_append_json(out, cells[i].text);
            continue;
        }
        const char *quote = query_field_is_time(field) ? "\"" : "";
        buffer_append_text(out, quote);
        if (cells[i].is_null) {
            buffer_append_text(out, "null");
        } else {
            add_plain(a, out, field, &cells[i]);
        }
        buffer_append_text(out, quote);
    }
    if (is_unfinished(a, cells)) {
        buffer_append_char(out, ',');
        add_member(out, unfinished);
        buffer_append_text(out, "true");
    }
    buffer_append_char(out, '}');
}

/* When the rows are by time a last column tells what is unfinished. */
static void add_csv_row(struct api_report *a, const struct query_cell *cells)
{
    const struct query *q = a->query;
    struct buffer *out = a->out;
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        if (query_field_is_text(q->columns[i])) {
            text_append_csv(out, cells[i].text);
        } else if (!cells[i].is_null) { /* null is an empty cell */
            add_plain(a, out, q->columns[i], &cells[i]);
        }
    }
    if (q->span != QUERY_SITE) {
        buffer_append_text(out, is_unfinished(a, cells) ? ",1" : ",0");
    }
    buffer_append_text(out, "\r\n");
}

/* A terminal obeys control characters, whoever sent them. */
static void add_printable(struct buffer *out, struct slice text)
{
    while (text.len > 0) {
        uint32_t c = 0;
        size_t len = utf8_decode(text, &c);
        bool is_control = len == 0 || c < 0x20 || (c >= 0x7F && c < 0xA0);
        len = len == 0 ? 1 : len;
        if (is_control) {
            buffer_append_char(out, '?');
        } else {
            buffer_append(out, text.data, len);
        }
        text = slice_make(text.data + len, text.len - len);
    }
}

/* Keeps a row of a table until the widths are known. A star stands at times that are unfinished. */
static void keep_row(struct api_report *a, const struct query_cell *cells)
{
    bool has_star = is_unfinished(a, cells);
    for (size_t i = 0; i < a->query->column_count; i++) {
        enum query_field field = a->query->columns[i];
        if (query_field_is_text(field)) {
            add_printable(&a->cells, cells[i].text);
        } else if (cells[i].is_null) {
            buffer_append_char(&a->cells, '-');
        } else {
            add_plain(a, &a->cells, field, &cells[i]);
            buffer_append_text(&a->cells, has_star && query_field_is_time(field) ? "*" : "");
        }
        buffer_append_char(&a->cells, '\0');
    }
    a->has_stars = a->has_stars || has_star;
}

/* Columns a text takes: its characters, not its bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0U) != 0x80U;
    }
    return width;
}

static void add_padded(struct buffer *out, const char *text, size_t width, bool is_last, bool right)
{
    size_t missing = width - width_of(text);
    for (size_t i = 0; right && i < missing; i++) {
        buffer_append_char(out, ' ');
    }
    buffer_append_text(out, text);
    for (size_t i = 0; !right && !is_last && i < missing; i++) {
        buffer_append_char(out, ' ');
    }
    buffer_append_text(out, is_last ? "\n" : "  ");
}

static void add_table_row(struct buffer *out, const struct query *q, const char *const *texts,
                          const size_t *widths)
{
    for (size_t i = 0; i < q->column_count; i++) {
        bool right = q->columns[i] == QUERY_PHOTO_ID || i >= q->dimension_count;
        add_padded(out, texts[i], widths[i], i + 1 == q->column_count, right);
    }
}

static void add_table(struct api_report *a)
{
    const struct query *q = a->query;
    const char *texts[QUERY_COLUMNS_MAX];
    size_t widths[QUERY_COLUMNS_MAX];
    for (size_t i = 0; i < q->column_count; i++) {
        texts[i] = query_field_name(q->columns[i]);
        widths[i] = width_of(texts[i]);
    }
    const char *cell = a->cells.data;
    for (size_t i = 0; i < a->row_count * q->column_count; i++) {
        size_t width = width_of(cell);
        widths[i % q->column_count] =
            width > widths[i % q->column_count] ? width : widths[i % q->column_count];
        cell += strlen(cell) + 1;
    }
    add_table_row(a->out, q, texts, widths);
    cell = a->cells.data;
    for (size_t row = 0; row < a->row_count; row++) {
        for (size_t i = 0; i < q->column_count; i++) {
            texts[i] = cell;
            cell += strlen(cell) + 1;
        }
        add_table_row(a->out, q, texts, widths);
    }
    if (a->has_stars) {
        buffer_append_text(a->out, "* not over, or not yet counted whole\n");
    }
}

void api_report_begin(struct api_report *a, const struct query *q,
                      const struct api_report_time *time, struct buffer *out, struct buffer *cursor)
{
    *a = (struct api_report){.query = q, .time = *time, .out = out, .cursor = cursor};
    buffer_init(&a->cells);
    if (q->format == QUERY_JSON) {
        buffer_append_text(out, "{\"rows\":[");
    }
    for (size_t i = 0; q->format == QUERY_CSV && i < q->column_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        buffer_append_text(out, query_field_name(q->columns[i]));
    }
    if (q->format == QUERY_CSV) {
        buffer_append_format(out, "%s%s\r\n", q->span == QUERY_SITE ? "" : ",",
                             q->span == QUERY_SITE ? "" : unfinished);
    }
}

void api_report_row(struct api_report *a, const struct query_cell *cells)
{
    switch (a->query->format) {
    case QUERY_JSON:
        buffer_append_text(a->out, a->row_count == 0 ? "" : ",");
        add_json_row(a, cells);
        break;
    case QUERY_NDJSON:
        add_json_row(a, cells);
        buffer_append_char(a->out, '\n');
        break;
    case QUERY_CSV:
        add_csv_row(a, cells);
        break;
    case QUERY_TABLE:
        keep_row(a, cells);
        break;
    }
    a->row_count++;
    if (a->row_count == (size_t)a->query->limit && a->query->order_count > 0) {
        query_cursor_write(a->cursor, a->query, cells);
    }
}

static void add_time(struct buffer *out, const char *key, int64_t ms)
{
    add_member(out, key);
    buffer_append_char(out, '"');
    query_time_write(out, ms);
    buffer_append_text(out, "\",");
}

/* One end of the range: rounded, or by days as it was asked for. */
static void add_edge(struct buffer *out, const char *key, const struct query_edge *edge,
                     enum store_grain grain, int64_t bucket)
{
    enum { HOUR_MS = TIMEZONE_QUARTERS_AN_HOUR * TIMEZONE_QUARTER_MS };
    if (edge->kind == QUERY_EDGE_OPEN) {
        add_member(out, key);
        buffer_append_text(out, "null,");
    } else if (grain != STORE_GRAIN_DAY) {
        add_time(out, key, bucket * (grain == STORE_GRAIN_HOUR ? HOUR_MS : TIMEZONE_QUARTER_MS));
    } else if (edge->kind == QUERY_EDGE_TIME) {
        add_time(out, key, edge->ms);
    } else {
        add_member(out, key);
        buffer_append_char(out, '"');
        query_time_write_date(out, edge->date);
        buffer_append_text(out, "\",");
    }
}

/* null for an empty one. */
static void add_word(struct buffer *out, const char *key, struct slice word)
{
    add_member(out, key);
    if (word.len == 0) {
        buffer_append_text(out, "null");
    } else {
        text_append_json(out, word);
    }
    buffer_append_char(out, ',');
}

static void add_meta(struct api_report *a, uint64_t took_ms)
{
    const struct query *q = a->query;
    int32_t first, end;
    query_buckets(q, q->grain, &first, &end);
    buffer_append_text(a->out, "{\"rows\":");
    buffer_append_uint(a->out, a->row_count);
    buffer_append_text(a->out, ",\"took_ms\":");
    buffer_append_uint(a->out, took_ms);
    buffer_append_char(a->out, ',');
    if (a->time.complete_through_ms == 0) {
        buffer_append_text(a->out, "\"complete_through\":null,");
    } else {
        add_time(a->out, "complete_through", a->time.complete_through_ms);
    }
    add_edge(a->out, "from", &q->from, q->grain, first);
    add_edge(a->out, "to", &q->to, q->grain, end);
    add_word(a->out, "tz", slice_of(q->tz));
    add_word(a->out, "cursor", buffer_slice(a->cursor));
    buffer_append_format(a->out, "\"grain\":\"%s\",\"rounding\":\"%s\",\"definitions\":{",
                         grain_names[q->grain], roundings[q->grain]);
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(a->out, i == 0 ? "" : ",");
        add_member(a->out, query_field_name(q->columns[i]));
        text_append_json(a->out, slice_of(query_field_definition(q->columns[i])));
    }
    buffer_append_text(a->out, "}}");
}

void api_report_end(struct api_report *a, uint64_t took_ms)
{
    if (a->query->format == QUERY_JSON) {
        buffer_append_text(a->out, "],\"meta\":");
        add_meta(a, took_ms);
        buffer_append_text(a->out, "}\n");
    }
    if (buffer_failed(&a->cells)) {
        a->out->failed = true; /* a table with cells missing would be wrong: no table */
    } else if (a->query->format == QUERY_TABLE) {
        add_table(a);
    }
    buffer_fini(&a->cells);
}

void api_report_error(struct buffer *out, const struct query_error *e)
{
    buffer_append_text(out, "{\"error\":{\"code\":");
    text_append_json(out, slice_of(e->code));
    buffer_append_text(out, ",\"message\":");
    text_append_json(out, slice_of(e->message));
    buffer_append_text(out, ",\"parameter\":");
    text_append_json(out, slice_of(e->parameter));
    buffer_append_text(out, "}}\n");
}
