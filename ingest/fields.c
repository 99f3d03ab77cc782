#include "ingest/fields.h"

#include "common/params.h"

enum { NAME_LEN_MAX = 22 };

struct known_name {
    char text[NAME_LEN_MAX + 1];
    unsigned char field; /* enum field */
};

/* By length, so that a name is compared with the few of its own length only. */
static const struct known_name known_names[] = {
    {"raw", FIELD_RAW},
    {"uuid", FIELD_UUID},
    {"type", FIELD_TYPE},
    {"skip", FIELD_SKIP},
    {"data", FIELD_DATA},
    {"event", FIELD_EVENT},
    {"source", FIELD_SOURCE},
    {"format", FIELD_FORMAT},
    {"timeEnd", FIELD_TIME_END_CAMEL},
    {"referer", FIELD_REFERER},
    {"varname", FIELD_VARNAME},
    {"photo_id", FIELD_PHOTO_ID},
    {"callback", FIELD_CALLBACK},
    {"time_end", FIELD_TIME_END},
    {"timeStart", FIELD_TIME_START_CAMEL},
    {"timeTotal", FIELD_TIME_TOTAL_CAMEL},
    {"report_id", FIELD_REPORT_ID},
    {"time_start", FIELD_TIME_START},
    {"time_total", FIELD_TIME_TOTAL},
    {"session_id", FIELD_SESSION_ID},
    {"reportType", FIELD_REPORT_TYPE},
    {"seesion_id", FIELD_SESSION_ID_MISSPELT},
    {"bytes_total", FIELD_BYTES_TOTAL},
    {"play_timestamp", FIELD_PLAY_TIMESTAMP},
    {"user_player_type", FIELD_USER_PLAYER_TYPE},
    {"user_player_version", FIELD_USER_PLAYER_VERSION},
    {"user_player_resolution", FIELD_USER_PLAYER_RESOLUTION},
};

/* Names of length n are known_names[first_of_len[n]] up to known_names[first_of_len[n + 1]]. */
static const unsigned char first_of_len[NAME_LEN_MAX + 2] = {
    [3] = 0,   [4] = 1,   [5] = 5,   [6] = 6,   [7] = 8,   [8] = 11,  [9] = 14,
    [10] = 17, [11] = 22, [12] = 23, [13] = 23, [14] = 23, [15] = 24, [16] = 24,
    [17] = 25, [18] = 25, [19] = 25, [20] = 26, [21] = 26, [22] = 26, [23] = 27,
};

static const char *const names_of_fields[FIELD_COUNT] = {
    [FIELD_PHOTO_ID] = "photo_id",
    [FIELD_EVENT] = "event",
    [FIELD_TIME_START] = "time_start",
    [FIELD_TIME_END] = "time_end",
    [FIELD_TIME_TOTAL] = "time_total",
    [FIELD_PLAY_TIMESTAMP] = "play_timestamp",
    [FIELD_SOURCE] = "source",
    [FIELD_USER_PLAYER_TYPE] = "user_player_type",
    [FIELD_USER_PLAYER_VERSION] = "user_player_version",
    [FIELD_USER_PLAYER_RESOLUTION] = "user_player_resolution",
    [FIELD_UUID] = "uuid",
    [FIELD_TYPE] = "type",
    [FIELD_REFERER] = "referer",
    [FIELD_REPORT_ID] = "report_id",
    [FIELD_BYTES_TOTAL] = "bytes_total",
    [FIELD_SESSION_ID] = "session_id",
    [FIELD_SKIP] = "skip",
    [FIELD_FORMAT] = "format",
    [FIELD_RAW] = "raw",
    [FIELD_CALLBACK] = "callback",
    [FIELD_VARNAME] = "varname",
    [FIELD_DATA] = "data",
    [FIELD_REPORT_TYPE] = "reportType",
    [FIELD_TIME_START_CAMEL] = "time_start",
    [FIELD_TIME_END_CAMEL] = "time_end",
    [FIELD_TIME_TOTAL_CAMEL] = "time_total",
    [FIELD_SESSION_ID_MISSPELT] = "session_id",
};

void fields_init(struct fields *f)
{
    memset(f, 0, sizeof(*f));
}

bool field_named(struct slice name, enum field *out)
{
    if (name.len == 0 || name.len > NAME_LEN_MAX) {
        return false;
    }
    for (size_t i = first_of_len[name.len]; i < first_of_len[name.len + 1]; i++) {
        if (memcmp(known_names[i].text, name.data, name.len) == 0) {
            *out = (enum field)known_names[i].field;
            return true;
        }
    }
    return false;
}

const char *field_name(enum field field)
{
    return names_of_fields[field];
}

bool field_is_of_batch(enum field field)
{
    return field == FIELD_DATA || field == FIELD_REPORT_TYPE;
}

void fields_put(struct fields *f, enum field field, struct slice value)
{
    if (f->values[field].data != NULL) {
        return;
    }
    f->values[field] = value;
    if (f->fault == FIELDS_GOOD && value.len > 0 && !field_is_of_batch(field) &&
        memchr(value.data, '\0', value.len) != NULL) {
        f->fault = FIELDS_HOLD_NUL;
        f->fault_field = field;
    }
}

/* The other spelling stands in when it is not empty and `wins`, or when the usual one is empty. */
static void merge(struct fields *f, enum field usual, enum field other, bool wins)
{
    struct slice *value = &f->values[usual];
    if (f->values[other].len > 0 && (wins || value->len == 0)) {
        *value = f->values[other];
    }
}

void fields_settle(struct fields *f)
{
    merge(f, FIELD_TIME_START, FIELD_TIME_START_CAMEL, true);
    merge(f, FIELD_TIME_END, FIELD_TIME_END_CAMEL, true);
    merge(f, FIELD_TIME_TOTAL, FIELD_TIME_TOTAL_CAMEL, true);
    merge(f, FIELD_SESSION_ID, FIELD_SESSION_ID_MISSPELT, false);
}

void fields_from_query(struct fields *out, struct slice encoded, char *scratch, size_t size)
{
    struct params_cursor cursor;
    struct slice name, value;
    enum field field;
    fields_init(out);
    params_start(&cursor, encoded, scratch, size);
    while (params_next(&cursor, &name, &value)) {
        if (field_named(name, &field)) {
            fields_put(out, field, value);
        }
    }
    fields_settle(out);
}
