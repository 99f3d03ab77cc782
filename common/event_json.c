#include "common/event_json.h"

#include "common/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void append_key(struct buffer *out, const char *key)
{
    buffer_append_format(out, ",\"%s\":", key);
}

static void append_text(struct buffer *out, const char *key, struct slice s)
{
    if (s.data != NULL) {
        append_key(out, key);
        text_append_json(out, s);
    }
}

static void append_uint(struct buffer *out, const char *key, bool is_there, uint64_t value)
{
    if (is_there) {
        append_key(out, key);
        buffer_append_uint(out, value);
    }
}

/* With as many digits as it takes to read the same number. */
static void append_double(struct buffer *out, const char *key, bool is_there, double value)
{
    char text[32] = "null";
    if (!is_there) {
        return;
    }
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value); /* at most 24 characters */
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    append_key(out, key);
    buffer_append_text(out, text);
    if (isfinite(value) && strpbrk(text, ".e") == NULL) {
        buffer_append_text(out, ".0"); /* a reader that knows integers shall not take it for one */
    }
}

static void append_true(struct buffer *out, const char *key, bool is_there)
{
    if (is_there) {
        append_key(out, key);
        buffer_append_text(out, "true");
    }
}

static void append_who(struct buffer *out, const struct player_event *e)
{
    append_text(out, "report_id", e->report_id);
    append_text(out, "viewer", e->viewer);
    append_text(out, "source", e->source);
    append_text(out, "uuid", e->uuid);
    append_text(out, "type", e->type);
    append_text(out, "referer", e->referer);
    append_text(out, "user_player_type", e->user_player_type);
    append_text(out, "user_player_version", e->user_player_version);
    append_text(out, "user_player_resolution", e->user_player_resolution);
}

void event_append_json(struct buffer *out, const struct player_event *e)
{
    char id[EVENT_ID_SIZE];
    event_id_write(e->lane, e->sequence, id);
    buffer_append_format(out, "{\"v\":%d,\"id\":\"%s\",\"ts\":%" PRIu64 ",\"kind\":\"%s\"",
                         EVENT_VERSION, id, e->ts_ms, event_kind_name(e->kind));
    append_text(out, "site", e->site);
    append_uint(out, "photo_id", true, e->photo_id);
    append_text(out, "event", e->event);
    append_double(out, "time_start", (e->present & EVENT_HAS_TIME_START) != 0, e->time_start);
    append_double(out, "time_end", (e->present & EVENT_HAS_TIME_END) != 0, e->time_end);
    append_double(out, "time_total", (e->present & EVENT_HAS_TIME_TOTAL) != 0, e->time_total);
    append_uint(out, "play_timestamp", (e->present & EVENT_HAS_PLAY_TIMESTAMP) != 0,
                e->play_timestamp);
    append_who(out, e);
    append_uint(out, "bytes_total", (e->present & EVENT_HAS_BYTES_TOTAL) != 0, e->bytes_total);
    append_text(out, "session_id", e->session_id);
    if ((e->present & EVENT_HAS_SKIP) != 0) {
        append_key(out, "skip");
        buffer_append_text(out, e->skip ? "true" : "false");
    }
    append_text(out, "ip", e->ip);
    append_text(out, "ua", e->ua);
    append_true(out, "bot", e->bot);
    append_true(out, "internal", e->internal);
    buffer_append_char(out, '}');
}
