#include "consumer/api_status.h"

#include "common/text.h"
#include "consumer/query_time.h"

static void add_time(struct buffer *out, const char *name, int64_t ms)
{
    buffer_append_format(out, "\"%s\":", name);
    if (ms == 0) {
        buffer_append_text(out, "null,");
        return;
    }
    buffer_append_char(out, '"');
    query_time_write(out, ms);
    buffer_append_text(out, "\",");
}

/* Milliseconds with three digits behind the point. */
static void add_ms(struct buffer *out, const char *name, uint64_t us)
{
    buffer_append_format(out, "\"%s\":%llu.%03llu", name, (unsigned long long)(us / 1000),
                         (unsigned long long)(us % 1000));
}

static void add_flushes(struct buffer *out, const struct vitals_view *v)
{
    buffer_append_format(out, "\"flush_ms\":{\"of\":%zu,", v->flushes);
    if (v->flushes == 0) {
        buffer_append_text(out, "\"p50\":null,\"p99\":null},");
        return;
    }
    add_ms(out, "p50", v->flush_p50_us);
    buffer_append_char(out, ',');
    add_ms(out, "p99", v->flush_p99_us);
    buffer_append_text(out, "},");
}

static void add_dead(struct buffer *out, const struct vitals_view *v)
{
    buffer_append_text(out, "\"dead_letters\":{");
    for (size_t i = 0; i < v->dead_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        text_append_json(out, slice_of(v->dead[i].reason));
        buffer_append_char(out, ':');
        buffer_append_uint(out, v->dead[i].count);
    }
    buffer_append_text(out, "},");
}

void api_status(struct buffer *out, const struct pipeline_status *ps,
                const struct vitals_view *vitals, int64_t now_ms)
{
    int64_t through_ms = ps->complete_through_ms;
    bool is_behind = ps->lag_records > 0 && through_ms > 0 && through_ms < now_ms;
    buffer_append_char(out, '{');
    add_time(out, "now", now_ms);
    buffer_append_format(out, "\"ready\":%s,\"reason\":", ps->ready ? "true" : "false");
    text_append_json(out, slice_of(ps->reason));
    buffer_append_char(out, ',');
    add_time(out, "complete_through", through_ms);
    buffer_append_format(out, "\"lag_seconds\":%lld,",
                         (long long)(is_behind ? (now_ms - through_ms) / 1000 : 0));
    if (ps->lag_records < 0) {
        buffer_append_text(out, "\"lag_records\":null,");
    } else {
        buffer_append_format(out, "\"lag_records\":%lld,", (long long)ps->lag_records);
    }
    buffer_append_format(out, "\"records\":%llu,\"repeats\":%llu,", (unsigned long long)ps->records,
                         (unsigned long long)ps->repeats);
    add_dead(out, vitals);
    add_flushes(out, vitals);
    buffer_append_format(out, "\"partitions\":%llu,\"partitions_waiting\":%llu,",
                         (unsigned long long)ps->partitions,
                         (unsigned long long)(ps->held + ps->stopped));
    buffer_append_format(out, "\"store_bytes\":%lld}\n", (long long)ps->store_bytes);
}
