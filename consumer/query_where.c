#include "consumer/query_where.h"

#include "common/text.h"
#include "consumer/query_fault.h"

static const char name[] = "where";
static const char invalid[] = "invalid_parameter";

/* What is still to be read. */
struct reader {
    struct slice rest;
};

static bool at_char(const struct reader *r, char c)
{
    return r->rest.len > 0 && r->rest.data[0] == c;
}

static void skip(struct reader *r, size_t len)
{
    r->rest = slice_make(r->rest.data + len, r->rest.len - len);
}

static bool read_field(struct reader *r, struct query_filter *f, struct query_error *err)
{
    size_t len = 0;
    while (len < r->rest.len && strchr("=!;,<>", r->rest.data[len]) == NULL) {
        len++;
    }
    struct slice word = slice_make(r->rest.data, len);
    for (int i = 0; i <= QUERY_EVENT; i++) {
        if (slice_is(word, query_field_name((enum query_field)i))) {
            f->field = (enum query_field)i;
            skip(r, len);
            return true;
        }
    }
    return query_fault(err, invalid, name,
                       "'%.*s' cannot be filtered by; take site, photo_id, source or event",
                       query_fault_len(word), word.data);
}

static bool read_operator(struct reader *r, struct query_filter *f, struct query_error *err)
{
    bool equal = r->rest.len >= 2 && memcmp(r->rest.data, "==", 2) == 0;
    bool unequal = r->rest.len >= 2 && memcmp(r->rest.data, "!=", 2) == 0;
    bool begins = r->rest.len >= 2 && memcmp(r->rest.data, "=^", 2) == 0;
    if (!equal && !unequal && !begins) {
        return query_fault(err, invalid, name, "after %s comes ==, != or =^ (begins with)",
                           query_field_name(f->field));
    }
    f->negated = unequal;
    f->is_prefix = begins;
    skip(r, 2);
    return true;
}

/* Copies the text up to the next ',' or ';' into the query. */
static bool copy_value(struct reader *r, struct query *q, struct query_value *v,
                       struct query_error *err)
{
    size_t start = q->text_len;
    while (r->rest.len > 0 && !at_char(r, ',') && !at_char(r, ';')) {
        if (at_char(r, '\\') && r->rest.len > 1) {
            skip(r, 1);
        }
        if (q->text_len == QUERY_TEXT_MAX) {
            return query_fault(err, invalid, name, "the values take more than %d bytes",
                               QUERY_TEXT_MAX);
        }
        q->text[q->text_len++] = r->rest.data[0];
        skip(r, 1);
    }
    v->start = (uint16_t)start;
    v->len = (uint16_t)(q->text_len - start);
    return true;
}

/* As numbers are written: the value stands last in the query's text. */
static void drop_zeros(struct query *q, struct query_value *v)
{
    while (v->len > 1 && q->text[v->start] == '0') {
        memmove(q->text + v->start, q->text + v->start + 1, v->len - 1U);
        v->len--;
        q->text_len--;
    }
}

static bool read_value(struct reader *r, struct query *q, struct query_filter *f,
                       struct query_error *err)
{
    if (q->value_count == QUERY_VALUES_MAX) {
        return query_fault(err, invalid, name, "more than %d values", QUERY_VALUES_MAX);
    }
    struct query_value *v = &q->values[q->value_count];
    *v = (struct query_value){0};
    if (!copy_value(r, q, v, err)) {
        return false;
    }
    struct slice text = query_value_text(q, v);
    if (text.len == 0) {
        return query_fault(err, invalid, name, "a value of %s is empty; none given is %s",
                           query_field_name(f->field), STORE_NO_SOURCE);
    }
    uint64_t photo_id = 0;
    if (f->field == QUERY_PHOTO_ID && !text_parse_uint(text, INT64_MAX, &photo_id)) {
        return query_fault(err, invalid, name,
                           "'%.*s' is no photo_id: digits, 0 to 9223372036854775807",
                           query_fault_len(text), text.data);
    }
    v->number = (int64_t)photo_id;
    if (f->field == QUERY_PHOTO_ID && f->is_prefix) {
        drop_zeros(q, v);
    }
    q->value_count++;
    f->value_count++;
    return true;
}

static bool read_term(struct reader *r, struct query *q, struct query_error *err)
{
    if (q->filter_count == QUERY_FILTERS_MAX) {
        return query_fault(err, invalid, name, "more than %d terms", QUERY_FILTERS_MAX);
    }
    struct query_filter f = {.value_start = q->value_count};
    if (!read_field(r, &f, err) || !read_operator(r, &f, err) || !read_value(r, q, &f, err)) {
        return false;
    }
    while (at_char(r, ',')) {
        skip(r, 1);
        if (!read_value(r, q, &f, err)) {
            return false;
        }
    }
    q->filters[q->filter_count++] = f;
    return true;
}

bool query_where_parse(struct slice where, struct query *q, struct query_error *err)
{
    struct reader r = {where};
    while (r.rest.len > 0) {
        if (!read_term(&r, q, err)) {
            return false;
        }
        if (at_char(&r, ';')) {
            skip(&r, 1);
        }
    }
    return true;
}

void query_where_escape(struct buffer *where, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\' || text.data[i] == ',' || text.data[i] == ';') {
            buffer_append_char(where, '\\');
        }
        buffer_append_char(where, text.data[i]);
    }
}
