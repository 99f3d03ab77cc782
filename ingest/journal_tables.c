#include "ingest/journal_tables.h"

#include "common/event_json.h"
#include "common/text.h"
#include "common/utf8.h"

#include <inttypes.h>

static const char *state_name(enum inspected_state state)
{
    switch (state) {
    case INSPECTED_WRITING:
        return "being written";
    case INSPECTED_WAITING:
        return "waiting";
    case INSPECTED_SETTLED:
        return "settled";
    case INSPECTED_EMPTY:
        return "empty";
    case INSPECTED_NEWER:
        return "of a newer version";
    case INSPECTED_UNREADABLE:
        return "cannot be read";
    case INSPECTED_GONE:
        break;
    }
    return "";
}

static void render_segments(struct buffer *out, const struct journal_inspect *in)
{
    buffer_append_format(out, "%-33s %12s %12s %10s %13s %10s  %s\n", "SEGMENT", "FIRST", "LAST",
                         "RECORDS", "BYTES", "DAMAGED", "STATE");
    for (size_t i = 0; i < in->segment_count; i++) {
        const struct inspected_segment *s = &in->segments[i];
        if (s->state == INSPECTED_GONE) {
            continue;
        }
        buffer_append_format(
            out, "%s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %13" PRIu64 " %10" PRIu64 "  %s\n",
            s->name, s->first, s->last, s->record_count, s->bytes, s->damaged_bytes,
            state_name(s->state));
    }
}

static const char *start_name(const struct journal_inspect *in, const struct inspected_lane *lane)
{
    if (!lane->is_newest) {
        return "earlier";
    }
    return in->holder != 0 ? "current" : "last";
}

static void render_lanes(struct buffer *out, const struct journal_inspect *in)
{
    buffer_append_format(out, "\n%-16s %12s %12s %12s %10s  %s\n", "LANE", "SETTLED", "LAST",
                         "WAITING", "PARTITIONS", "START");
    for (size_t i = 0; i < in->lane_count; i++) {
        const struct inspected_lane *l = &in->lanes[i];
        buffer_append_format(
            out, "%016" PRIx64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %10" PRIu32 "  %s\n",
            l->lane, l->settled, l->last, l->last - l->settled, l->partition_count,
            start_name(in, l));
    }
}

static const char *checkpoint_name(enum inspected_checkpoint checkpoint)
{
    switch (checkpoint) {
    case INSPECTED_CHECKPOINT_GOOD:
        return "good";
    case INSPECTED_CHECKPOINT_MISSING:
        return "none yet: nothing counts as settled but what is freed";
    case INSPECTED_CHECKPOINT_BAD:
        return "damaged, or of a newer version: the next start sends everything again";
    }
    return "";
}

static void render_totals(struct buffer *out, const struct journal_inspect *in)
{
    static const char row[] = "%-12s %12" PRIu64 " %s\n";
    size_t gone_count = 0;
    for (size_t i = 0; i < in->segment_count; i++) {
        gone_count += in->segments[i].state == INSPECTED_GONE;
    }
    buffer_append_char(out, '\n');
    buffer_append_format(out, row, "waiting", in->waiting, "records");
    buffer_append_format(out, row, "segments", (uint64_t)(in->segment_count - gone_count), "files");
    buffer_append_format(out, row, "", in->bytes, "bytes");
    buffer_append_format(out, row, "set aside", in->aside_files, "files in damaged/");
    buffer_append_format(out, row, "", in->aside_bytes, "bytes, in blocks of 4096 at least");
    buffer_append_format(out, "%-12s %s\n", "checkpoint", checkpoint_name(in->checkpoint));
}

void journal_tables_render(struct buffer *out, const struct journal_inspect *in, const char *dir)
{
    if (in->holder != 0) {
        buffer_append_format(out, "%s, open in process %ld; its checkpoint is up to 1 s behind\n\n",
                             dir, (long)in->holder);
    } else {
        buffer_append_format(out, "%s, open in no process that is seen from here\n\n", dir);
    }
    render_segments(out, in);
    render_lanes(out, in);
    render_totals(out, in);
}

/* ---- Records ---- */

static void append_hex(struct buffer *out, struct slice s)
{
    buffer_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        buffer_append_format(out, "%02x", (unsigned char)s.data[i]);
    }
    buffer_append_char(out, '"');
}

static void append_key(struct buffer *out, struct slice key)
{
    if (utf8_is_valid(key)) {
        buffer_append_text(out, ",\"key\":");
        text_append_json(out, key);
    } else {
        buffer_append_text(out, ",\"key_hex\":");
        append_hex(out, key);
    }
}

void journal_tables_record(struct buffer *out, const struct inspected_record *r)
{
    struct player_event e;
    buffer_append_format(out,
                         "{\"lane\":\"%016" PRIx64 "\",\"sequence\":%" PRIu64 ",\"ts\":%" PRIu64,
                         r->lane, r->record->sequence, r->record->ts_ms);
    append_key(out, r->record->key);
    if (r->is_settled) {
        buffer_append_text(out, ",\"settled\":true");
    }
    if (event_decode(r->record->value, &e) == EVENT_DECODE_OK) {
        buffer_append_text(out, ",\"event\":");
        event_append_json(out, &e);
    } else {
        buffer_append_text(out, ",\"value\":");
        append_hex(out, r->record->value);
    }
    buffer_append_text(out, "}\n");
}
