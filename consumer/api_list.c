#include "consumer/api_list.h"

#include "common/text.h"
#include "consumer/query_fault.h"
#include "consumer/query_where.h"

#include <stdio.h>

enum { GIVEN_MAX = 16, ADDED_MAX = 4 };

static const char *const dimensions[] = {"photo_id", "source"};

/* The parameters as those of a report. */
struct asked {
    struct query_param params[GIVEN_MAX + ADDED_MAX];
    size_t count;
    struct slice metrics, sort, where, q; /* absent if not given */
};

static bool fault_unknown(struct slice name, struct query_error *err)
{
    char shown[sizeof err->parameter];
    (void)snprintf(shown, sizeof shown, "%.*s", query_fault_len(name),
                   name.data == NULL ? "" : name.data);
    return query_fault(err, "unknown_parameter", shown,
                       "there is no parameter '%s'; there are q, metrics, where, from, to, tz, "
                       "sort, limit, cursor, bots, internal, format",
                       shown);
}

static bool take_own(struct slice *own, const struct query_param *p, const char *name,
                     struct query_error *err)
{
    if (own->data != NULL) {
        return query_fault(err, "repeated_parameter", name, "%s is given twice", name);
    }
    *own = p->value.data == NULL ? slice_of("") : p->value;
    return true;
}

static bool take(struct asked *a, const struct query_param *p, struct query_error *err)
{
    if (slice_is(p->name, "q")) {
        return take_own(&a->q, p, "q", err);
    }
    if (slice_is(p->name, "where")) {
        return take_own(&a->where, p, "where", err);
    }
    if (slice_is(p->name, "metrics")) {
        return take_own(&a->metrics, p, "metrics", err);
    }
    if (slice_is(p->name, "sort")) {
        return take_own(&a->sort, p, "sort", err);
    }
    if (slice_is(p->name, "dimensions") || a->count == GIVEN_MAX) {
        return fault_unknown(p->name, err);
    }
    a->params[a->count++] = *p; /* known or not: the report tells */
    return true;
}

/* Appends the term of where that q is. */
static void add_prefix(struct buffer *where, enum api_list list, struct slice q)
{
    if (where->len > 0) {
        buffer_append_char(where, ';');
    }
    buffer_append_format(where, "%s=^", dimensions[list]);
    query_where_escape(where, q);
}

/* Most of the first metric first, when no order was asked for. */
static void add_order(struct buffer *sort, struct slice metrics)
{
    const char *comma = memchr(metrics.data, ',', metrics.len);
    size_t len = comma == NULL ? metrics.len : (size_t)(comma - metrics.data);
    buffer_append_char(sort, '-');
    buffer_append(sort, metrics.data, len);
}

static bool is_prefix_good(enum api_list list, struct slice q, struct query_error *err)
{
    uint64_t photo_id;
    return list != API_LIST_PHOTOS || q.len == 0 || text_parse_uint(q, INT64_MAX, &photo_id) ||
           query_fault(err, "invalid_parameter", "q",
                       "'%.*s' begins no photo_id: digits, 0 to 9223372036854775807",
                       query_fault_len(q), q.data);
}

static void add_param(struct asked *a, const char *name, struct slice value)
{
    a->params[a->count++] = (struct query_param){slice_of(name), value};
}

bool api_list_parse(enum api_list list, const struct query_param *params, size_t count,
                    int64_t now_ms, struct query *out, struct query_error *err)
{
    struct asked a = {.count = 0};
    struct buffer where, sort;
    for (size_t i = 0; i < count; i++) {
        if (!take(&a, &params[i], err)) {
            return false;
        }
    }
    if (!is_prefix_good(list, a.q, err)) {
        return false;
    }
    buffer_init(&where);
    buffer_init(&sort);
    buffer_append_slice(&where, a.where);
    if (a.q.len > 0) {
        add_prefix(&where, list, a.q);
    }
    a.metrics = a.metrics.len > 0 ? a.metrics : slice_of("plays,loads,play_engagement");
    if (a.sort.len == 0) {
        add_order(&sort, a.metrics);
    }
    add_param(&a, "dimensions", slice_of(dimensions[list]));
    add_param(&a, "metrics", a.metrics);
    add_param(&a, "sort", a.sort.len > 0 ? a.sort : buffer_slice(&sort));
    add_param(&a, "where", buffer_slice(&where));
    bool good = buffer_failed(&where) || buffer_failed(&sort)
                    ? query_fault(err, "too_long", "q", "there is no memory for it")
                    : query_parse(a.params, a.count, now_ms, out, err);
    buffer_fini(&where);
    buffer_fini(&sort);
    return good;
}
