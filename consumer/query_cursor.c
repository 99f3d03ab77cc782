#include "consumer/query_cursor.h"

#include "common/text.h"
#include "consumer/query_fault.h"
#include "consumer/query_time.h"

#include <stdio.h>

enum { QUESTION_LEN = 16 };

/* version ~ question ~ from ~ to ~ value ... */
static const char version[] = "1";
static const char between = '~';

static void write_edge(struct buffer *out, const struct query_edge *edge)
{
    buffer_append_char(out, between);
    switch (edge->kind) {
    case QUERY_EDGE_OPEN:
        buffer_append_char(out, 'o');
        break;
    case QUERY_EDGE_DATE:
        buffer_append_format(out, "d%d", edge->date);
        break;
    case QUERY_EDGE_TIME:
        buffer_append_format(out, "t%lld", (long long)edge->ms);
        break;
    }
}

static void write_hex(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        buffer_append_format(out, "%02x", (unsigned char)text.data[i]);
    }
}

static size_t column_at(const struct query *q, enum query_field field)
{
    size_t at = 0;
    while (q->columns[at] != field) {
        at++;
    }
    return at;
}

void query_cursor_write(struct buffer *out, const struct query *q, const struct query_cell *cells)
{
    buffer_append_format(out, "%s%c%016llx", version, between, (unsigned long long)q->question);
    write_edge(out, &q->from);
    write_edge(out, &q->to);
    for (size_t i = 0; i < q->order_count; i++) {
        const struct query_cell *cell = &cells[column_at(q, q->orders[i].field)];
        buffer_append_char(out, between);
        if (query_field_is_text(q->orders[i].field)) {
            write_hex(out, cell->text);
        } else {
            buffer_append_int(out, cell->is_null ? -1 : cell->number); /* as the order has it */
        }
    }
}

static struct slice next_part(struct slice *rest)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, between, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct slice part = slice_make(rest->data, len);
    size_t used = at == NULL ? len : len + 1;
    *rest = slice_make(rest->data + used, rest->len - used);
    return part;
}

static bool read_number(struct slice text, int64_t *out)
{
    uint64_t number = 0;
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative) {
        text = slice_make(text.data + 1, text.len - 1);
    }
    if (!text_parse_uint(text, INT64_MAX, &number)) {
        return false;
    }
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool read_edge(struct slice text, struct query_edge *out)
{
    int64_t number = 0;
    if (slice_is(text, "o")) {
        *out = (struct query_edge){.kind = QUERY_EDGE_OPEN};
        return true;
    }
    if (text.len < 2 || !read_number(slice_make(text.data + 1, text.len - 1), &number)) {
        return false;
    }
    if (text.data[0] == 'd' && number >= 0 && number <= QUERY_TIME_LAST_MS / QUERY_TIME_DAY_MS) {
        *out = (struct query_edge){QUERY_EDGE_DATE, (int32_t)number, number * QUERY_TIME_DAY_MS};
        return true;
    }
    *out = (struct query_edge){.kind = QUERY_EDGE_TIME, .ms = number};
    return text.data[0] == 't' && number >= 0 && number <= QUERY_TIME_LAST_MS;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, c, sizeof digits - 1);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes into the query's text. */
static bool read_hex(struct query *q, struct slice text, struct query_after *out)
{
    out->start = (uint16_t)q->text_len;
    out->len = (uint16_t)(text.len / 2);
    if (text.len % 2 != 0 || text.len / 2 > QUERY_TEXT_MAX - q->text_len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.data[i]), low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        q->text[q->text_len++] = (char)(high << 4 | low);
    }
    return true;
}

static bool read_values(struct query *q, struct slice *rest)
{
    for (size_t i = 0; i < q->order_count; i++) {
        struct slice part = next_part(rest);
        bool good = query_field_is_text(q->orders[i].field)
                        ? read_hex(q, part, &q->after[i])
                        : read_number(part, &q->after[i].number);
        if (!good) {
            return false;
        }
    }
    return rest->len == 0;
}

static bool fault_no_cursor(struct query_error *err)
{
    return query_fault(err, "invalid_parameter", "cursor",
                       "this is no cursor: take the one of the page before as it is");
}

bool query_cursor_read(struct query *q, struct slice text, struct query_error *err)
{
    char question[QUESTION_LEN + 1];
    (void)snprintf(question, sizeof question, "%016llx", (unsigned long long)q->question);
    bool good = slice_is(next_part(&text), version);
    struct slice asked = next_part(&text);
    if (!good || asked.len != QUESTION_LEN) {
        return fault_no_cursor(err);
    }
    if (!slice_is(asked, question)) {
        return query_fault(err, "invalid_parameter", "cursor",
                           "this cursor belongs to another question: ask as for the page before; "
                           "only limit and format may differ");
    }
    if (!read_edge(next_part(&text), &q->from) || !read_edge(next_part(&text), &q->to) ||
        !read_values(q, &text)) {
        return fault_no_cursor(err);
    }
    q->has_after = true;
    return true;
}
