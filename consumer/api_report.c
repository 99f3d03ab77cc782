#include "consumer/api_report.h"

#include "common/text.h"
#include "common/utf8.h"
#include "consumer/query_time.h"
#include "consumer/timezone.h"

/* What the numbers and groups mean, told beside them. */
static const char *const definitions[QUERY_FIELD_COUNT] = {
    [QUERY_SITE] = "the key of the site",
    [QUERY_PHOTO_ID] = "the video",
    [QUERY_SOURCE] = "where the player stood, as it said; " STORE_NO_SOURCE " if it did not say",
    [QUERY_EVENT] = "the name of the event",
    [QUERY_DAY] = "the day of receipt in the time zone of the site",
    [QUERY_QUARTER] = "the quarter hour of receipt, by its start, UTC",
    [QUERY_REPORTS] = "reports taken, of any kind",
    [QUERY_EVENTS] = "reports of an event, load included",
    [QUERY_LOADS] = "events named load",
};

static const char *const roundings[STORE_GRAIN_COUNT] = {
    [STORE_GRAIN_QUARTER] = "from and to are rounded outwards to quarter hours UTC",
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
static void add_plain(struct buffer *out, enum query_field field, int64_t number)
{
    if (field == QUERY_DAY) {
        query_time_write_date(out, number);
    } else if (field == QUERY_QUARTER) {
        query_time_write(out, number * TIMEZONE_QUARTER_MS);
    } else {
        buffer_append_int(out, number);
    }
}

static void add_member(struct buffer *out, const char *key)
{
    buffer_append_char(out, '"');
    buffer_append_text(out, key);
    buffer_append_text(out, "\":");
}

static void add_json_row(struct buffer *out, const struct query *q, const struct query_cell *cells)
{
    for (size_t i = 0; i < q->column_count; i++) {
        enum query_field field = q->columns[i];
        buffer_append_char(out, i == 0 ? '{' : ',');
        add_member(out, query_field_name(field));
        if (query_field_is_text(field)) {
            text_append_json(out, cells[i].text);
            continue;
        }
        const char *quote = field == QUERY_DAY || field == QUERY_QUARTER ? "\"" : "";
        buffer_append_text(out, quote);
        add_plain(out, field, cells[i].number);
        buffer_append_text(out, quote);
    }
    buffer_append_char(out, '}');
}

static void add_csv_row(struct buffer *out, const struct query *q, const struct query_cell *cells)
{
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        if (query_field_is_text(q->columns[i])) {
            text_append_csv(out, cells[i].text);
        } else {
            add_plain(out, q->columns[i], cells[i].number);
        }
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

/* Keeps a row of a table until the widths are known. */
static void keep_row(struct api_report *a, const struct query_cell *cells)
{
    for (size_t i = 0; i < a->query->column_count; i++) {
        if (query_field_is_text(a->query->columns[i])) {
            add_printable(&a->cells, cells[i].text);
        } else {
            add_plain(&a->cells, a->query->columns[i], cells[i].number);
        }
        buffer_append_char(&a->cells, '\0');
    }
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
}

void api_report_begin(struct api_report *a, const struct query *q, struct buffer *out)
{
    *a = (struct api_report){.query = q, .out = out};
    buffer_init(&a->cells);
    if (q->format == QUERY_JSON) {
        buffer_append_text(out, "{\"rows\":[");
    }
    for (size_t i = 0; q->format == QUERY_CSV && i < q->column_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        buffer_append_text(out, query_field_name(q->columns[i]));
    }
    if (q->format == QUERY_CSV) {
        buffer_append_text(out, "\r\n");
    }
}

void api_report_row(struct api_report *a, const struct query_cell *cells)
{
    switch (a->query->format) {
    case QUERY_JSON:
        buffer_append_text(a->out, a->row_count == 0 ? "" : ",");
        add_json_row(a->out, a->query, cells);
        break;
    case QUERY_NDJSON:
        add_json_row(a->out, a->query, cells);
        buffer_append_char(a->out, '\n');
        break;
    case QUERY_CSV:
        add_csv_row(a->out, a->query, cells);
        break;
    case QUERY_TABLE:
        keep_row(a, cells);
        break;
    }
    a->row_count++;
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
                     enum store_grain grain, int32_t quarter)
{
    if (edge->kind == QUERY_EDGE_OPEN) {
        add_member(out, key);
        buffer_append_text(out, "null,");
    } else if (grain == STORE_GRAIN_QUARTER) {
        add_time(out, key, (int64_t)quarter * TIMEZONE_QUARTER_MS);
    } else if (edge->kind == QUERY_EDGE_TIME) {
        add_time(out, key, edge->ms);
    } else {
        add_member(out, key);
        buffer_append_char(out, '"');
        query_time_write_date(out, edge->date);
        buffer_append_text(out, "\",");
    }
}

static void add_meta(struct api_report *a, const struct api_report_facts *facts)
{
    const struct query *q = a->query;
    int32_t first, end;
    query_quarters(q, &first, &end);
    buffer_append_text(a->out, "{\"rows\":");
    buffer_append_uint(a->out, a->row_count);
    buffer_append_text(a->out, ",\"took_ms\":");
    buffer_append_uint(a->out, facts->took_ms);
    buffer_append_char(a->out, ',');
    if (facts->complete_through_ms == 0) {
        buffer_append_text(a->out, "\"complete_through\":null,");
    } else {
        add_time(a->out, "complete_through", facts->complete_through_ms);
    }
    add_edge(a->out, "from", &q->from, q->grain, first);
    add_edge(a->out, "to", &q->to, q->grain, end);
    buffer_append_format(a->out, "\"grain\":\"%s\",\"rounding\":\"%s\",\"definitions\":{",
                         q->grain == STORE_GRAIN_DAY ? "day" : "quarter", roundings[q->grain]);
    for (size_t i = 0; i < q->column_count; i++) {
        buffer_append_text(a->out, i == 0 ? "" : ",");
        add_member(a->out, query_field_name(q->columns[i]));
        text_append_json(a->out, slice_of(definitions[q->columns[i]]));
    }
    buffer_append_text(a->out, "}}");
}

void api_report_end(struct api_report *a, const struct api_report_facts *facts)
{
    if (a->query->format == QUERY_JSON) {
        buffer_append_text(a->out, "],\"meta\":");
        add_meta(a, facts);
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
