#include "ingest/report.h"

#include "common/text.h"
#include "common/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { EVENT_NAME_MAX = 64, ID_MAX = 64, TYPE_MAX = 64, TEXT_MAX = 255, REFERER_MAX = 2048 };

static const char invalid_input[] = "invalid_input";

static bool refuse(struct report_fault *why, enum field field, const char *what)
{
    why->code = invalid_input;
    (void)snprintf(why->message, sizeof(why->message), "The parameter %s %s", field_name(field),
                   what);
    return false;
}

static bool refuse_whole(struct report_fault *why, const char *message)
{
    why->code = invalid_input;
    (void)snprintf(why->message, sizeof(why->message), "%s", message);
    return false;
}

/* Says what is wrong with the fields as they were read; false when something is. */
static bool check_fields(const struct fields *f, struct report_fault *why)
{
    bool is_named = f->fault_field != FIELD_COUNT;
    switch (f->fault) {
    case FIELDS_GOOD:
        return true;
    case FIELDS_HOLD_NUL:
        return refuse(why, f->fault_field, "holds a NUL.");
    case FIELDS_REPEATED:
        return is_named ? refuse(why, f->fault_field, "is given twice.")
                        : refuse_whole(why, "A member of the JSON object is given twice.");
    case FIELDS_BAD_TYPE:
        return refuse(why, f->fault_field, "has the wrong JSON type.");
    case FIELDS_OUT_OF_RANGE:
        return is_named ? refuse(why, f->fault_field, "is out of range.")
                        : refuse_whole(why, "A number in the JSON is out of range.");
    case FIELDS_NOT_JSON:
        return refuse_whole(why, "The body is no valid JSON.");
    case FIELDS_NOT_AN_OBJECT:
        return refuse_whole(why, "The body must be a JSON object with one report.");
    case FIELDS_BATCH:
        return refuse_whole(why, "The body is an array; one report, a JSON object, is expected.");
    }
    return true;
}

/* What scripts send when they have no number. */
static bool is_no_number(struct slice text)
{
    return text.len == 0 || slice_is(text, "NaN") || slice_is(text, "Infinity") ||
           slice_is(text, "-Infinity") || slice_is(text, "undefined");
}

static bool take_photo_id(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    struct slice text = f->values[FIELD_PHOTO_ID];
    if (text.len == 0) {
        return refuse(why, FIELD_PHOTO_ID, "is missing.");
    }
    return text_parse_uint(text, INT64_MAX, &e->photo_id) ||
           refuse(why, FIELD_PHOTO_ID, "must be a whole number in decimal digits.");
}

static bool is_event_name(struct slice text)
{
    if (text.len > EVENT_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && c != '_' && c != '-' && c != '.' && c != ':') {
            return false;
        }
    }
    return true;
}

static bool take_event(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    struct slice name = f->values[FIELD_EVENT];
    if (name.len == 0) {
        return refuse(why, FIELD_EVENT, "is missing.");
    }
    if (!is_event_name(name)) {
        return refuse(why, FIELD_EVENT, "must be 1 to 64 letters, digits, '_', '-', '.' or ':'.");
    }
    e->kind = EVENT_KIND_EVENT;
    e->event = name;
    return true;
}

static bool take_times(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    const struct {
        enum field field;
        unsigned bit;
        double *out;
    } times[] = {
        {FIELD_TIME_START, EVENT_HAS_TIME_START, &e->time_start},
        {FIELD_TIME_END, EVENT_HAS_TIME_END, &e->time_end},
        {FIELD_TIME_TOTAL, EVENT_HAS_TIME_TOTAL, &e->time_total},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct slice text = f->values[times[i].field];
        if (is_no_number(text)) {
            continue;
        }
        if (!text_parse_double(text, times[i].out)) {
            return refuse(why, times[i].field, "must be a number of seconds.");
        }
        e->present |= times[i].bit;
    }
    return true;
}

static bool take_timestamp(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    struct slice text = f->values[FIELD_PLAY_TIMESTAMP];
    if (is_no_number(text)) {
        return true;
    }
    if (!text_parse_uint(text, INT64_MAX, &e->play_timestamp)) {
        return refuse(why, FIELD_PLAY_TIMESTAMP, "must be whole seconds since 1970.");
    }
    e->present |= EVENT_HAS_PLAY_TIMESTAMP;
    return true;
}

/* A play, or an event that came by the play's path: one that names an event and no time at all. */
static bool take_play(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    if (!take_times(f, e, why) || !take_timestamp(f, e, why)) {
        return false;
    }
    if (e->present == 0 && f->values[FIELD_EVENT].len > 0) {
        return take_event(f, e, why);
    }
    if ((e->present & (EVENT_HAS_TIME_START | EVENT_HAS_PLAY_TIMESTAMP)) == 0) {
        return refuse(why, FIELD_TIME_START, "is missing.");
    }
    e->kind = EVENT_KIND_PLAY;
    return true;
}

static struct slice cut_text(const struct fields *f, enum field field, size_t max)
{
    struct slice text = f->values[field];
    if (text.len == 0) {
        return (struct slice){NULL, 0};
    }
    return utf8_cut(text, max);
}

static bool take_skip(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    static const char *const words[][2] = {
        {"0", "1"}, {"false", "true"}, {"f", "t"}, {"no", "yes"}, {"off", "on"}};
    struct slice text = f->values[FIELD_SKIP];
    if (text.len == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int value = 0; value < 2; value++) {
            if (text.len == strlen(words[i][value]) &&
                strncasecmp(text.data, words[i][value], text.len) == 0) {
                e->skip = value == 1;
                e->present |= EVENT_HAS_SKIP;
                return true;
            }
        }
    }
    return refuse(why, FIELD_SKIP, "must be 0 or 1.");
}

static bool take_download(const struct fields *f, struct player_event *e, struct report_fault *why)
{
    struct slice bytes = f->values[FIELD_BYTES_TOTAL];
    e->kind = EVENT_KIND_DOWNLOAD;
    if (!is_no_number(bytes)) {
        if (!text_parse_uint(bytes, INT64_MAX, &e->bytes_total)) {
            return refuse(why, FIELD_BYTES_TOTAL, "must be a whole number of bytes.");
        }
        e->present |= EVENT_HAS_BYTES_TOTAL;
    }
    e->session_id = cut_text(f, FIELD_SESSION_ID, TEXT_MAX);
    return take_skip(f, e, why);
}

static bool take_kind(const struct fields *f, enum report_path asked, struct player_event *e,
                      struct report_fault *why)
{
    switch (asked) {
    case REPORT_PATH_EVENT:
        return take_event(f, e, why);
    case REPORT_PATH_PLAY:
        return take_play(f, e, why);
    case REPORT_PATH_DOWNLOAD:
        break;
    }
    return take_download(f, e, why);
}

static bool take_id(const struct fields *f, enum field field, struct slice *out,
                    struct report_fault *why)
{
    struct slice text = f->values[field];
    if (text.len > ID_MAX) {
        return refuse(why, field, "is longer than 64 bytes.");
    }
    if (text.len > 0) {
        *out = text;
    }
    return true;
}

static void take_texts(const struct fields *f, struct player_event *e)
{
    e->source = cut_text(f, FIELD_SOURCE, TEXT_MAX);
    e->type = cut_text(f, FIELD_TYPE, TYPE_MAX);
    e->referer = cut_text(f, FIELD_REFERER, REFERER_MAX);
    e->user_player_type = cut_text(f, FIELD_USER_PLAYER_TYPE, TEXT_MAX);
    e->user_player_version = cut_text(f, FIELD_USER_PLAYER_VERSION, TEXT_MAX);
    e->user_player_resolution = cut_text(f, FIELD_USER_PLAYER_RESOLUTION, TEXT_MAX);
}

static void take_context(const struct report_context *ctx, bool wants_viewer,
                         struct player_event *e)
{
    e->ts_ms = ctx->ts_ms;
    e->site = ctx->site;
    e->ip = ctx->ip;
    e->ua = ctx->ua;
    if (wants_viewer) {
        e->viewer = ctx->viewer;
    }
}

bool report_wants_viewer(const struct fields *f)
{
    return f->values[FIELD_UUID].len == 0;
}

enum report_result report_make(const struct fields *f, enum report_path asked,
                               const struct report_context *ctx, struct player_event *out,
                               struct report_fault *why)
{
    struct player_event e = {0};
    if (!check_fields(f, why) || !take_photo_id(f, &e, why)) {
        return REPORT_REFUSED;
    }
    if (!take_kind(f, asked, &e, why) || !take_id(f, FIELD_UUID, &e.uuid, why) ||
        !take_id(f, FIELD_REPORT_ID, &e.report_id, why)) {
        return REPORT_REFUSED;
    }
    take_texts(f, &e);
    take_context(ctx, report_wants_viewer(f), &e);
    *out = e;
    return REPORT_OK;
}
