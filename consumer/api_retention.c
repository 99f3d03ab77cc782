#include "consumer/api_retention.h"

#include "common/text.h"
#include "consumer/query_fault.h"
#include "consumer/query_time.h"
#include "consumer/query_where.h"

#include <stdio.h>

enum { PARAMS_MAX = 8 };

enum parameter { PHOTO_ID, SOURCE, SITE, FROM, TO, BOTS, INTERNAL, PARAMETER_COUNT };

static const char *const names[PARAMETER_COUNT] = {"photo_id", "source", "site",    "from",
                                                   "to",       "bots",   "internal"};

static bool sort_params(const struct query_param *params, size_t count,
                        struct slice values[PARAMETER_COUNT], struct query_error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        char shown[sizeof err->parameter];
        while (p < PARAMETER_COUNT && !slice_is(params[i].name, names[p])) {
            p++;
        }
        (void)snprintf(shown, sizeof shown, "%.*s", query_fault_len(params[i].name),
                       params[i].name.data == NULL ? "" : params[i].name.data);
        if (p == PARAMETER_COUNT) {
            return query_fault(err, "unknown_parameter", shown,
                               "there is no parameter '%s'; there are photo_id, source, site, "
                               "from, to, bots, internal",
                               shown);
        }
        if (values[p].data != NULL) {
            return query_fault(err, "repeated_parameter", shown, "%s is given twice", shown);
        }
        values[p] = params[i].value.data == NULL ? slice_of("") : params[i].value;
    }
    return true;
}

static bool read_photo(struct slice text, uint64_t *photo_id, struct query_error *err)
{
    if (text.data == NULL) {
        return query_fault(err, "missing_parameter", names[PHOTO_ID], "photo_id is needed");
    }
    return text_parse_uint(text, INT64_MAX, photo_id) ||
           query_fault(err, "invalid_parameter", names[PHOTO_ID],
                       "'%.*s' is no photo_id: digits, 0 to 9223372036854775807",
                       query_fault_len(text), text.data);
}

static void add_term(struct buffer *where, const char *field, struct slice value)
{
    if (value.len == 0) {
        return; /* all of them */
    }
    buffer_append_format(where, ";%s==", field);
    query_where_escape(where, value);
}

static bool parse(struct slice where, const struct slice values[PARAMETER_COUNT], int64_t now_ms,
                  struct query *out, struct query_error *err)
{
    /* viewers are kept by the same days as playthrough */
    struct query_param params[PARAMS_MAX] = {{slice_of("metrics"), slice_of("viewers")},
                                             {slice_of("where"), where}};
    size_t count = 2;
    for (size_t p = FROM; p < PARAMETER_COUNT; p++) {
        if (values[p].len > 0) {
            params[count++] = (struct query_param){slice_of(names[p]), values[p]};
        }
    }
    return query_parse(params, count, now_ms, out, err);
}

bool api_retention_parse(const struct query_param *params, size_t count, int64_t now_ms,
                         struct query *out, uint64_t *photo_id, struct query_error *err)
{
    struct slice values[PARAMETER_COUNT] = {{NULL, 0}};
    struct buffer where;
    if (!sort_params(params, count, values, err) || !read_photo(values[PHOTO_ID], photo_id, err)) {
        return false;
    }
    buffer_init(&where);
    buffer_append_format(&where, "photo_id==%llu", (unsigned long long)*photo_id);
    add_term(&where, names[SOURCE], values[SOURCE]);
    add_term(&where, names[SITE], values[SITE]);
    bool good = buffer_failed(&where)
                    ? query_fault(err, "too_long", names[SOURCE], "there is no memory for it")
                    : parse(buffer_slice(&where), values, now_ms, out, err);
    buffer_fini(&where);
    return good;
}

/* With four digits behind the point at most. */
static void add_percent(struct buffer *out, int64_t covered, int64_t viewings)
{
    if (viewings <= 0) {
        buffer_append_text(out, "null");
        return;
    }
    buffer_append_format(out, "%.7g", (double)covered * 100 / (double)viewings);
}

void api_retention_points(struct buffer *out, const int64_t changes[STORE_POINTS])
{
    int64_t covered = 0;
    buffer_append_char(out, '[');
    for (size_t i = 0; i + 1 < STORE_POINTS; i++) {
        covered += changes[i];
        buffer_append_text(out, i == 0 ? "" : ",");
        add_percent(out, covered, changes[0]);
    }
    buffer_append_char(out, ']');
}

void api_retention(struct buffer *out, uint64_t photo_id, const int64_t changes[STORE_POINTS],
                   int64_t complete_through_ms)
{
    buffer_append_format(out, "{\"photo_id\":%llu,\"viewings\":%lld,\"points\":",
                         (unsigned long long)photo_id, (long long)changes[0]);
    api_retention_points(out, changes);
    buffer_append_text(out, ",\"meta\":{\"complete_through\":");
    if (complete_through_ms == 0) {
        buffer_append_text(out, "null");
    } else {
        buffer_append_char(out, '"');
        query_time_write(out, complete_through_ms);
        buffer_append_char(out, '"');
    }
    buffer_append_text(out, ",\"definitions\":{\"viewings\":\"viewings whose video has a known "
                            "length, begun in the range\",\"points\":\"percent of them that "
                            "watched the video at 0, 1, ... 100 % of its length; all at 0\"}}}\n");
}
