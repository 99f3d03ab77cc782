/*
 * The parameters of GET /v1/report, urlencoded. A question that is taken keeps its own rules, and
 * is the same when it is written out and asked again. And whatever is read as a time comes back
 * from how times are written.
 */
#include "common/params.h"
#include "consumer/query.h"
#include "consumer/query_time.h"
#include "tests/fuzz/fuzz.h"

enum { PARAMS_MAX = 16 };

static const int64_t NOW_MS = 1700000000123;

static bool parse(struct slice encoded, struct query *out)
{
    struct query_param params[PARAMS_MAX];
    struct query_error err = {.code = NULL};
    struct params_cursor c;
    size_t count = 0, size = params_scratch_size(encoded.len);
    char *scratch = malloc(size + 1);
    require(scratch != NULL);
    params_start(&c, encoded, scratch, size);
    while (count < PARAMS_MAX && params_next(&c, &params[count].name, &params[count].value)) {
        count++;
    }
    bool is_good = query_parse(params, count, NOW_MS, out, &err);
    require(is_good || (err.code != NULL && err.code[0] != '\0' && err.message[0] != '\0'));
    require(memchr(err.message, '\0', sizeof err.message) != NULL);
    require(memchr(err.parameter, '\0', sizeof err.parameter) != NULL);
    free(scratch);
    return is_good;
}

static void check_columns(const struct query *q)
{
    require(q->column_count <= QUERY_COLUMNS_MAX && q->dimension_count < q->column_count);
    require(q->order_count <= q->column_count && q->limit >= 1 && q->limit <= QUERY_LIMIT_MAX);
    for (size_t i = 0; i < q->column_count; i++) {
        bool is_dimension = i < q->dimension_count;
        unsigned ordered = 0;
        require(is_dimension == (q->columns[i] < QUERY_REPORTS));
        for (size_t other = 0; other < i; other++) {
            require(q->columns[i] != q->columns[other]);
        }
        for (size_t o = 0; o < q->order_count; o++) {
            ordered += q->orders[o].field == q->columns[i] ? 1 : 0;
        }
        require(is_dimension ? ordered == 1 : ordered <= 1);
    }
}

static void check_filters(const struct query *q)
{
    size_t next = 0;
    require(q->filter_count <= QUERY_FILTERS_MAX && q->value_count <= QUERY_VALUES_MAX);
    for (size_t i = 0; i < q->filter_count; i++) {
        const struct query_filter *f = &q->filters[i];
        require(f->value_start == next && f->value_count > 0);
        next += f->value_count;
    }
    require(next == q->value_count);
    for (size_t i = 0; i < q->value_count; i++) {
        require(q->values[i].len > 0 &&
                (size_t)q->values[i].start + q->values[i].len <= q->text_len);
    }
}

static void check_range(const struct query *q)
{
    int32_t first, end;
    for (enum store_grain grain = STORE_GRAIN_QUARTER; grain <= STORE_GRAIN_HOUR; grain++) {
        query_buckets(q, grain, &first, &end);
        require(first < end);
    }
    bool is_closed = q->from.kind != QUERY_EDGE_OPEN && q->to.kind != QUERY_EDGE_OPEN;
    require(!is_closed || q->from.ms < q->to.ms);
}

/* ---- Written out. ---- */

/* All but letters as %XX; it is decoded once. */
static void append(struct buffer *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_letter = s.data[i] >= 'a' && s.data[i] <= 'z';
        buffer_append_format(out, is_letter ? "%c" : "%%%02X", (unsigned char)s.data[i]);
    }
}

static void append_name(struct buffer *out, enum query_field field, bool is_first)
{
    buffer_append_text(out, is_first ? "" : ",");
    append(out, slice_of(query_field_name(field)));
}

static void append_value(struct buffer *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_special = s.data[i] == ',' || s.data[i] == ';' || s.data[i] == '\\';
        buffer_append_text(out, is_special ? "%5C" : "");
        append(out, slice_make(s.data + i, 1));
    }
}

static void append_where(struct buffer *out, const struct query *q)
{
    for (size_t i = 0; i < q->filter_count; i++) {
        const struct query_filter *f = &q->filters[i];
        buffer_append_text(out, i == 0 ? "&where=" : ";");
        append_name(out, f->field, true);
        buffer_append_text(out, f->negated ? "!=" : f->is_prefix ? "=^" : "==");
        for (size_t v = 0; v < f->value_count; v++) {
            buffer_append_text(out, v == 0 ? "" : ",");
            append_value(out, query_value_text(q, &q->values[f->value_start + v]));
        }
    }
}

static void append_edge(struct buffer *out, const char *name, const struct query_edge *edge)
{
    buffer_append_format(out, "&%s=", name);
    if (edge->kind == QUERY_EDGE_OPEN) {
        buffer_append_text(out, "all");
    } else if (edge->kind == QUERY_EDGE_DATE) {
        query_time_write_date(out, edge->date);
    } else {
        query_time_write(out, edge->ms);
    }
}

static void write_out(const struct query *q, struct buffer *out)
{
    static const char *const formats[] = {"json", "csv", "ndjson", "table"};
    for (size_t i = 0; i < q->column_count; i++) {
        bool is_first = i == 0 || i == q->dimension_count;
        const char *list = i < q->dimension_count ? "&dimensions=" : "&metrics=";
        buffer_append_text(out, is_first ? list : "");
        append_name(out, q->columns[i], is_first);
    }
    append_where(out, q);
    append_edge(out, "from", &q->from);
    append_edge(out, "to", &q->to);
    for (size_t i = 0; i < q->order_count; i++) {
        buffer_append_text(out, i == 0 ? "&sort=" : ",");
        buffer_append_text(out, q->orders[i].descending ? "-" : "");
        append_name(out, q->orders[i].field, true);
    }
    if (q->tz[0] != '\0') {
        buffer_append_text(out, "&tz=");
        append(out, slice_of(q->tz));
    }
    buffer_append_format(out, "&limit=%lld&bots=%s&internal=%s&format=%s", (long long)q->limit,
                         q->bots ? "include" : "exclude", q->internal ? "include" : "exclude",
                         formats[q->format]);
}

static void require_same_edge(const struct query_edge *a, const struct query_edge *b)
{
    require(a->kind == b->kind && a->date == b->date && a->ms == b->ms);
}

static void require_same(const struct query *a, const struct query *b)
{
    require(a->dimension_count == b->dimension_count && a->column_count == b->column_count);
    require(memcmp(a->columns, b->columns, a->column_count * sizeof a->columns[0]) == 0);
    require(a->filter_count == b->filter_count && a->value_count == b->value_count);
    /* where a page before ended is not written out; it stands behind the values */
    require(a->text_len == b->text_len || (a->has_after && a->text_len > b->text_len));
    require(memcmp(a->text, b->text, b->text_len) == 0);
    require(strcmp(a->tz, b->tz) == 0 && a->span == b->span && a->is_filled == b->is_filled);
    for (size_t i = 0; i < a->filter_count; i++) {
        require(a->filters[i].field == b->filters[i].field &&
                a->filters[i].negated == b->filters[i].negated &&
                a->filters[i].is_prefix == b->filters[i].is_prefix &&
                a->filters[i].value_count == b->filters[i].value_count);
    }
    for (size_t i = 0; i < a->value_count; i++) {
        require(a->values[i].start == b->values[i].start && a->values[i].len == b->values[i].len &&
                a->values[i].number == b->values[i].number);
    }
    require_same_edge(&a->from, &b->from);
    require_same_edge(&a->to, &b->to);
    require(a->order_count == b->order_count && a->limit == b->limit && a->grain == b->grain);
    for (size_t i = 0; i < a->order_count; i++) {
        require(a->orders[i].field == b->orders[i].field &&
                a->orders[i].descending == b->orders[i].descending);
    }
    require(a->bots == b->bots && a->internal == b->internal && a->by_event == b->by_event &&
            a->format == b->format);
}

/* What lies before 1970 has no form that could be read again. */
static bool can_be_written(const struct query_edge *edge)
{
    return edge->kind == QUERY_EDGE_OPEN || (edge->ms >= 0 && edge->ms <= QUERY_TIME_LAST_MS);
}

static void check_time(struct slice text)
{
    struct query_edge edge, again;
    struct buffer out;
    if (!query_time_read(text, NOW_MS, &edge) || edge.kind != QUERY_EDGE_TIME ||
        !can_be_written(&edge)) {
        return;
    }
    buffer_init(&out);
    query_time_write(&out, edge.ms);
    require(query_time_read(buffer_slice(&out), 0, &again));
    require_same_edge(&edge, &again);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query q, again;
    struct slice encoded = fuzz_input(data, size);
    check_time(encoded);
    if (!parse(encoded, &q)) {
        return 0;
    }
    check_columns(&q);
    check_filters(&q);
    check_range(&q);
    if (can_be_written(&q.from) && can_be_written(&q.to)) {
        struct buffer out;
        buffer_init(&out);
        write_out(&q, &out);
        require(parse(buffer_slice(&out), &again));
        require_same(&q, &again);
        buffer_fini(&out);
    }
    return 0;
}
