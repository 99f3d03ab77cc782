#include "common/event.h"

#include "common/event_cursor.h"
#include "common/utf8.h"

#include <endian.h>

enum { REPORT_ID_MAX = 64, EVENT_NAME_MAX = 64 };

static const uint64_t ONES = 0x0101010101010101U, HIGHS = 0x8080808080808080U;

/* ---- Text ---- */

/* Whether no byte of the word is NUL or past ASCII: the subtraction sets a high bit for a NUL. */
static inline bool is_plain_word(uint64_t word)
{
    return (((word - ONES) | word) & HIGHS) == 0;
}

/* Whether text is ASCII without NUL, as nearly all are; words overlap rather than leave a rest. */
static inline bool is_plain(struct slice text)
{
    const char *p = text.data;
    uint64_t word;
    if (text.len >= sizeof word) {
        for (const char *last = p + text.len - sizeof word; p < last; p += sizeof word) {
            memcpy(&word, p, sizeof word);
            if (!is_plain_word(word)) {
                return false;
            }
        }
        memcpy(&word, text.data + text.len - sizeof word, sizeof word);
    } else if (text.len >= sizeof(uint32_t)) {
        uint32_t front, back;
        memcpy(&front, p, sizeof front);
        memcpy(&back, p + text.len - sizeof back, sizeof back);
        word = (uint64_t)front << 32 | back;
    } else if (text.len > 0) {
        const unsigned char *u = (const unsigned char *)p;
        word = ONES << 24 | (uint64_t)u[0] << 16 | (uint64_t)u[text.len / 2] << 8 | u[text.len - 1];
    } else {
        return true;
    }
    return is_plain_word(word);
}

static bool is_text(struct slice text)
{
    return is_plain(text) || (utf8_is_valid(text) && memchr(text.data, 0, text.len) == NULL);
}

/*
 * Sixteen lower-case hex digits, eight in a register at a time: a letter has bit 6, its value is
 * its low nibble plus 9. A byte is right when its value, written as a digit again, gives the byte.
 */
static bool read_hex(const char *text, uint64_t *out)
{
    uint64_t sum = 0;
    for (int half = 0; half < 2; half++) {
        uint64_t word;
        memcpy(&word, text + 8 * half, sizeof word);
        word = be64toh(word);
        uint64_t letters = word >> 6 & ONES;
        uint64_t values = (word & 0x0f * ONES) + 9 * letters;
        uint64_t again = values + '0' * ONES + ('a' - 10 - '0') * letters;
        uint64_t past_nine = (values + 6 * ONES) >> 4 & ONES;
        if (again != word || past_nine != letters || (values & 0xf0 * ONES) != 0) {
            return false;
        }
        values = (values | values >> 4) & 0x00ff00ff00ff00ffU;
        values = (values | values >> 8) & 0x0000ffff0000ffffU;
        sum = sum << 32 | ((values | values >> 16) & 0xffffffffU);
    }
    *out = sum;
    return true;
}

bool event_id_read(struct slice id, uint64_t *lane, uint64_t *sequence)
{
    uint64_t front, back;
    if (id.len != EVENT_ID_LEN || id.data[16] != '-' || !read_hex(id.data, &front) ||
        !read_hex(id.data + 17, &back)) {
        return false;
    }
    *lane = front;
    *sequence = back;
    return true;
}

/* ---- The contract's keys ---- */

enum shape {
    SHAPE_VERSION,
    SHAPE_ID,
    SHAPE_KIND,
    SHAPE_TEXT,
    SHAPE_UINT,
    SHAPE_SECONDS,
    SHAPE_BOOL
};

enum field {
    FIELD_V,
    FIELD_ID,
    FIELD_TS,
    FIELD_KIND,
    FIELD_SITE,
    FIELD_PHOTO_ID,
    FIELD_EVENT,
    FIELD_TIME_START,
    FIELD_TIME_END,
    FIELD_TIME_TOTAL,
    FIELD_PLAY_TIMESTAMP,
    FIELD_REPORT_ID,
    FIELD_VIEWER,
    FIELD_SOURCE,
    FIELD_UUID,
    FIELD_TYPE,
    FIELD_REFERER,
    FIELD_PLAYER_TYPE,
    FIELD_PLAYER_VERSION,
    FIELD_PLAYER_RESOLUTION,
    FIELD_BYTES_TOTAL,
    FIELD_SESSION_ID,
    FIELD_SKIP,
    FIELD_IP,
    FIELD_UA,
    FIELD_BOT,
    FIELD_INTERNAL,
    FIELD_UNKNOWN
};

/* The keys that every event has are the first ones. */
static const unsigned SEEN_ALWAYS = (1U << FIELD_EVENT) - 1;

struct field_rule {
    enum shape shape;
    size_t offset;    /* in struct player_event */
    unsigned present; /* the bit that says so, 0 for slices and marks */
    size_t len_max;   /* of texts, 0 = any */
};

#define AT(member) offsetof(struct player_event, member)
static const struct field_rule rules[FIELD_UNKNOWN] = {
    [FIELD_V] = {SHAPE_VERSION, 0, 0, 0},
    [FIELD_ID] = {SHAPE_ID, 0, 0, 0},
    [FIELD_TS] = {SHAPE_UINT, AT(ts_ms), 0, 0},
    [FIELD_KIND] = {SHAPE_KIND, 0, 0, 0},
    [FIELD_SITE] = {SHAPE_TEXT, AT(site), 0, 0},
    [FIELD_PHOTO_ID] = {SHAPE_UINT, AT(photo_id), 0, 0},
    [FIELD_EVENT] = {SHAPE_TEXT, AT(event), 0, EVENT_NAME_MAX},
    [FIELD_TIME_START] = {SHAPE_SECONDS, AT(time_start), EVENT_HAS_TIME_START, 0},
    [FIELD_TIME_END] = {SHAPE_SECONDS, AT(time_end), EVENT_HAS_TIME_END, 0},
    [FIELD_TIME_TOTAL] = {SHAPE_SECONDS, AT(time_total), EVENT_HAS_TIME_TOTAL, 0},
    [FIELD_PLAY_TIMESTAMP] = {SHAPE_UINT, AT(play_timestamp), EVENT_HAS_PLAY_TIMESTAMP, 0},
    [FIELD_REPORT_ID] = {SHAPE_TEXT, AT(report_id), 0, REPORT_ID_MAX},
    [FIELD_VIEWER] = {SHAPE_TEXT, AT(viewer), 0, 0},
    [FIELD_SOURCE] = {SHAPE_TEXT, AT(source), 0, 0},
    [FIELD_UUID] = {SHAPE_TEXT, AT(uuid), 0, 0},
    [FIELD_TYPE] = {SHAPE_TEXT, AT(type), 0, 0},
    [FIELD_REFERER] = {SHAPE_TEXT, AT(referer), 0, 0},
    [FIELD_PLAYER_TYPE] = {SHAPE_TEXT, AT(user_player_type), 0, 0},
    [FIELD_PLAYER_VERSION] = {SHAPE_TEXT, AT(user_player_version), 0, 0},
    [FIELD_PLAYER_RESOLUTION] = {SHAPE_TEXT, AT(user_player_resolution), 0, 0},
    [FIELD_BYTES_TOTAL] = {SHAPE_UINT, AT(bytes_total), EVENT_HAS_BYTES_TOTAL, 0},
    [FIELD_SESSION_ID] = {SHAPE_TEXT, AT(session_id), 0, 0},
    [FIELD_SKIP] = {SHAPE_BOOL, AT(skip), EVENT_HAS_SKIP, 0},
    [FIELD_IP] = {SHAPE_TEXT, AT(ip), 0, 0},
    [FIELD_UA] = {SHAPE_TEXT, AT(ua), 0, 0},
    [FIELD_BOT] = {SHAPE_BOOL, AT(bot), 0, 0},
    [FIELD_INTERNAL] = {SHAPE_BOOL, AT(internal), 0, 0},
};
#undef AT

/* With a literal name the length is a constant, and the comparison one or two machine words. */
static inline bool is(struct slice key, const char *name)
{
    return memcmp(key.data, name, strlen(name)) == 0;
}

static enum field find_long_field(struct slice key)
{
    switch (key.len) {
    case 9:
        return is(key, "report_id") ? FIELD_REPORT_ID : FIELD_UNKNOWN;
    case 10:
        return is(key, "time_start")   ? FIELD_TIME_START
               : is(key, "time_total") ? FIELD_TIME_TOTAL
               : is(key, "session_id") ? FIELD_SESSION_ID
                                       : FIELD_UNKNOWN;
    case 11:
        return is(key, "bytes_total") ? FIELD_BYTES_TOTAL : FIELD_UNKNOWN;
    case 14:
        return is(key, "play_timestamp") ? FIELD_PLAY_TIMESTAMP : FIELD_UNKNOWN;
    case 16:
        return is(key, "user_player_type") ? FIELD_PLAYER_TYPE : FIELD_UNKNOWN;
    case 19:
        return is(key, "user_player_version") ? FIELD_PLAYER_VERSION : FIELD_UNKNOWN;
    case 22:
        return is(key, "user_player_resolution") ? FIELD_PLAYER_RESOLUTION : FIELD_UNKNOWN;
    default:
        return FIELD_UNKNOWN;
    }
}

static enum field find_field(struct slice key)
{
    switch (key.len) {
    case 1:
        return is(key, "v") ? FIELD_V : FIELD_UNKNOWN;
    case 2:
        return is(key, "id")   ? FIELD_ID
               : is(key, "ts") ? FIELD_TS
               : is(key, "ip") ? FIELD_IP
               : is(key, "ua") ? FIELD_UA
                               : FIELD_UNKNOWN;
    case 3:
        return is(key, "bot") ? FIELD_BOT : FIELD_UNKNOWN;
    case 4:
        return is(key, "kind")   ? FIELD_KIND
               : is(key, "site") ? FIELD_SITE
               : is(key, "uuid") ? FIELD_UUID
               : is(key, "type") ? FIELD_TYPE
               : is(key, "skip") ? FIELD_SKIP
                                 : FIELD_UNKNOWN;
    case 5:
        return is(key, "event") ? FIELD_EVENT : FIELD_UNKNOWN;
    case 6:
        return is(key, "source") ? FIELD_SOURCE : is(key, "viewer") ? FIELD_VIEWER : FIELD_UNKNOWN;
    case 7:
        return is(key, "referer") ? FIELD_REFERER : FIELD_UNKNOWN;
    case 8:
        return is(key, "photo_id")   ? FIELD_PHOTO_ID
               : is(key, "time_end") ? FIELD_TIME_END
               : is(key, "internal") ? FIELD_INTERNAL
                                     : FIELD_UNKNOWN;
    default:
        return find_long_field(key);
    }
}

/* ---- From pairs to the event ---- */

static enum event_decode_result read_version(struct event_cursor *c)
{
    uint64_t version;
    bool negative;
    enum event_decode_result result = cursor_read_integer(c, &version, &negative);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    return version == EVENT_VERSION ? EVENT_DECODE_OK : EVENT_DECODE_BAD_VERSION;
}

static enum event_decode_result read_id(struct event_cursor *c, struct player_event *e)
{
    struct slice id;
    enum event_decode_result result = cursor_read_text(c, &id);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    bool is_right = event_id_read(id, &e->lane, &e->sequence) && e->sequence > 0;
    return is_right ? EVENT_DECODE_OK : EVENT_DECODE_BAD_VALUE;
}

static enum event_decode_result read_kind(struct event_cursor *c, enum event_kind *kind)
{
    struct slice name;
    enum event_decode_result result = cursor_read_text(c, &name);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (slice_is(name, "event")) {
        *kind = EVENT_KIND_EVENT;
    } else if (slice_is(name, "play")) {
        *kind = EVENT_KIND_PLAY;
    } else if (slice_is(name, "download")) {
        *kind = EVENT_KIND_DOWNLOAD;
    } else {
        return EVENT_DECODE_BAD_VALUE;
    }
    return EVENT_DECODE_OK;
}

static enum event_decode_result read_known_text(struct event_cursor *c, size_t len_max,
                                                struct slice *out)
{
    enum event_decode_result result = cursor_read_text(c, out);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (!is_text(*out)) {
        return EVENT_DECODE_BAD_UTF8;
    }
    return len_max > 0 && out->len > len_max ? EVENT_DECODE_BAD_VALUE : EVENT_DECODE_OK;
}

static enum event_decode_result read_field(struct event_cursor *c, const struct field_rule *rule,
                                           struct player_event *e)
{
    void *member = (char *)e + rule->offset;
    e->present |= rule->present;
    switch (rule->shape) {
    case SHAPE_VERSION:
        return read_version(c);
    case SHAPE_ID:
        return read_id(c, e);
    case SHAPE_KIND:
        return read_kind(c, &e->kind);
    case SHAPE_TEXT:
        return read_known_text(c, rule->len_max, member);
    case SHAPE_UINT:
        return cursor_read_uint(c, member);
    case SHAPE_SECONDS:
        return cursor_read_seconds(c, member);
    case SHAPE_BOOL:
        break;
    }
    return cursor_read_bool(c, member);
}

static enum event_decode_result read_pair(struct event_cursor *c, struct player_event *e,
                                          unsigned *seen)
{
    enum field field = FIELD_UNKNOWN;
    struct slice key;
    enum event_decode_result result = cursor_read_text(c, &key);
    if (result == EVENT_DECODE_OK) {
        field = find_field(key);
    } else if (result == EVENT_DECODE_BAD_TYPE) {
        result = cursor_skip(c); /* a key that is no string cannot be a known one */
    }
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (field == FIELD_UNKNOWN) {
        return cursor_skip(c);
    }
    *seen |= 1U << field;
    return read_field(c, &rules[field], e);
}

static bool is_whole(const struct player_event *e, unsigned seen)
{
    bool named = e->kind != EVENT_KIND_EVENT || e->event.len > 0;
    return (seen & SEEN_ALWAYS) == SEEN_ALWAYS && named;
}

enum event_decode_result event_decode(struct slice bytes, struct player_event *out)
{
    if (bytes.len == 0) {
        return EVENT_DECODE_EMPTY;
    }
    struct event_cursor c = {(const unsigned char *)bytes.data, NULL};
    c.end = c.at + bytes.len;
    uint64_t pair_count = 0;
    enum event_decode_result result = cursor_read_map(&c, &pair_count);
    struct player_event e = {0};
    unsigned seen = 0;
    for (uint64_t i = 0; i < pair_count && result == EVENT_DECODE_OK; i++) {
        result = read_pair(&c, &e, &seen);
    }
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (c.at < c.end) {
        return EVENT_DECODE_TRAILING;
    }
    if (!is_whole(&e, seen)) {
        return EVENT_DECODE_MISSING;
    }
    *out = e;
    return EVENT_DECODE_OK;
}

const char *event_decode_reason(enum event_decode_result result)
{
    static const char *const reasons[] = {
        [EVENT_DECODE_OK] = "ok",
        [EVENT_DECODE_EMPTY] = "empty",
        [EVENT_DECODE_TRUNCATED] = "truncated",
        [EVENT_DECODE_TRAILING] = "trailing",
        [EVENT_DECODE_NOT_A_MAP] = "not_a_map",
        [EVENT_DECODE_BAD_TYPE] = "bad_type",
        [EVENT_DECODE_BAD_UTF8] = "bad_utf8",
        [EVENT_DECODE_BAD_VALUE] = "bad_value",
        [EVENT_DECODE_BAD_VERSION] = "bad_version",
        [EVENT_DECODE_MISSING] = "missing",
        [EVENT_DECODE_TOO_DEEP] = "too_deep",
    };
    return reasons[result];
}
