#include "common/event.h"

#include "common/event_cursor.h"
#include "common/utf8.h"

#include <endian.h>

/* What must not be a call: the cursor would have to leave its registers. */
#define INLINE static inline __attribute__((always_inline))

enum { REPORT_ID_MAX = 64, EVENT_NAME_MAX = 64 };

/* ---- Text ---- */

/* Bytes side by side in one register; a comparison gives -1 where it holds, 0 where not. */
enum { LANES = 16 };
typedef signed char lanes __attribute__((vector_size(LANES)));

static inline lanes load(const char *bytes)
{
    lanes v;
    memcpy(&v, bytes, sizeof v);
    return v;
}

static inline bool all_hold(lanes v)
{
    uint64_t halves[2];
    memcpy(halves, &v, sizeof halves);
    return (halves[0] & halves[1]) == UINT64_MAX;
}

static __attribute__((noinline)) bool is_rare_text(struct slice text)
{
    return utf8_is_valid(text) && memchr(text.data, 0, text.len) == NULL;
}

/*
 * Whether text is UTF-8 without NUL. Nearly all are ASCII: such bytes are above 0 when they are
 * signed. Whole registers are read, past the end of a short text too, but not past the record's.
 */
INLINE bool is_text(struct slice text, const unsigned char *record_end)
{
    static const signed char past[2 * LANES] = {[LANES] = -1, -1, -1, -1, -1, -1, -1, -1,
                                                -1,           -1, -1, -1, -1, -1, -1, -1};
    const char *p = text.data;
    const char *end = p + text.len;
    lanes good;
    if (text.len >= LANES) {
        good = load(end - LANES) > 0; /* overlaps rather than leave a rest */
        for (; end - p > LANES; p += LANES) {
            good &= load(p) > 0;
        }
    } else if ((size_t)((const char *)record_end - p) >= LANES) {
        good = (load(p) > 0) | load((const char *)past + LANES - text.len);
    } else {
        return is_rare_text(text);
    }
    return all_hold(good) || is_rare_text(text);
}

/* Sixteen lower-case hex digits. */
static inline bool read_hex(const char *text, uint64_t *out)
{
    lanes v = load(text);
    lanes are_letters = (v >= 'a') & (v <= 'f');
    lanes are_digits = (v >= '0') & (v <= '9');
    if (!all_hold(are_letters | are_digits)) {
        return false;
    }
    v -= '0' + (are_letters & ('a' - 10 - '0'));
    uint64_t halves[2];
    memcpy(halves, &v, sizeof halves);
    uint64_t sum = 0;
    for (int i = 0; i < 2; i++) {
        uint64_t values = be64toh(halves[i]);
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

/* ---- Values ---- */

INLINE enum event_decode_result read_version(struct event_cursor *c)
{
    uint64_t version;
    enum event_decode_result result = cursor_read_uint(c, &version);
    bool is_ours = result == EVENT_DECODE_OK && version == EVENT_VERSION;
    return is_ours || result == EVENT_DECODE_BAD_TYPE || result == EVENT_DECODE_TRUNCATED
               ? result
               : EVENT_DECODE_BAD_VERSION;
}

INLINE enum event_decode_result read_id(struct event_cursor *c, struct player_event *e)
{
    struct slice id;
    enum event_decode_result result = cursor_read_text(c, &id);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    bool is_right = event_id_read(id, &e->lane, &e->sequence) && e->sequence > 0;
    return is_right ? EVENT_DECODE_OK : EVENT_DECODE_BAD_VALUE;
}

static inline bool is_name(struct slice text, const char *name)
{
    size_t len = strlen(name);
    return text.len == len && memcmp(text.data, name, len) == 0;
}

INLINE enum event_decode_result read_kind(struct event_cursor *c, enum event_kind *kind)
{
    struct slice name;
    enum event_decode_result result = cursor_read_text(c, &name);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (is_name(name, "event")) {
        *kind = EVENT_KIND_EVENT;
    } else if (is_name(name, "play")) {
        *kind = EVENT_KIND_PLAY;
    } else if (is_name(name, "download")) {
        *kind = EVENT_KIND_DOWNLOAD;
    } else {
        return EVENT_DECODE_BAD_VALUE;
    }
    return EVENT_DECODE_OK;
}

/* Inline in each of its places: most of an event is texts. len_max 0 = any length. */
INLINE enum event_decode_result read_text(struct event_cursor *c, size_t len_max, struct slice *out)
{
    enum event_decode_result result = cursor_read_text(c, out);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (!is_text(*out, c->end)) {
        return EVENT_DECODE_BAD_UTF8;
    }
    return len_max > 0 && out->len > len_max ? EVENT_DECODE_BAD_VALUE : EVENT_DECODE_OK;
}

static inline enum event_decode_result mark(enum event_field field, struct player_event *e,
                                            enum event_decode_result result)
{
    e->present |= field;
    return result;
}

/* ---- The contract's keys ---- */

/*
 * In the order of its table: as they stand in a record (length in octal, since a hexadecimal escape
 * would swallow letters), and how the value is read.
 */
#define FIELDS(FIELD)                                                                              \
    FIELD(V, "\241v", read_version(c))                                                             \
    FIELD(ID, "\242id", read_id(c, e))                                                             \
    FIELD(TS, "\242ts", cursor_read_uint(c, &e->ts_ms))                                            \
    FIELD(KIND, "\244kind", read_kind(c, &e->kind))                                                \
    FIELD(SITE, "\244site", read_text(c, 0, &e->site))                                             \
    FIELD(PHOTO_ID, "\250photo_id", cursor_read_uint(c, &e->photo_id))                             \
    FIELD(EVENT, "\245event", read_text(c, EVENT_NAME_MAX, &e->event))                             \
    FIELD(TIME_START, "\252time_start",                                                            \
          mark(EVENT_HAS_TIME_START, e, cursor_read_seconds(c, &e->time_start)))                   \
    FIELD(TIME_END, "\250time_end",                                                                \
          mark(EVENT_HAS_TIME_END, e, cursor_read_seconds(c, &e->time_end)))                       \
    FIELD(TIME_TOTAL, "\252time_total",                                                            \
          mark(EVENT_HAS_TIME_TOTAL, e, cursor_read_seconds(c, &e->time_total)))                   \
    FIELD(PLAY_TIMESTAMP, "\256play_timestamp",                                                    \
          mark(EVENT_HAS_PLAY_TIMESTAMP, e, cursor_read_uint(c, &e->play_timestamp)))              \
    FIELD(REPORT_ID, "\251report_id", read_text(c, REPORT_ID_MAX, &e->report_id))                  \
    FIELD(VIEWER, "\246viewer", read_text(c, 0, &e->viewer))                                       \
    FIELD(SOURCE, "\246source", read_text(c, 0, &e->source))                                       \
    FIELD(UUID, "\244uuid", read_text(c, 0, &e->uuid))                                             \
    FIELD(TYPE, "\244type", read_text(c, 0, &e->type))                                             \
    FIELD(REFERER, "\247referer", read_text(c, 0, &e->referer))                                    \
    FIELD(PLAYER_TYPE, "\260user_player_type", read_text(c, 0, &e->user_player_type))              \
    FIELD(PLAYER_VERSION, "\263user_player_version", read_text(c, 0, &e->user_player_version))     \
    FIELD(PLAYER_RESOLUTION, "\266user_player_resolution",                                         \
          read_text(c, 0, &e->user_player_resolution))                                             \
    FIELD(BYTES_TOTAL, "\253bytes_total",                                                          \
          mark(EVENT_HAS_BYTES_TOTAL, e, cursor_read_uint(c, &e->bytes_total)))                    \
    FIELD(SESSION_ID, "\252session_id", read_text(c, 0, &e->session_id))                           \
    FIELD(SKIP, "\244skip", mark(EVENT_HAS_SKIP, e, cursor_read_bool(c, &e->skip)))                \
    FIELD(IP, "\242ip", read_text(c, 0, &e->ip))                                                   \
    FIELD(UA, "\242ua", read_text(c, 0, &e->ua))                                                   \
    FIELD(BOT, "\243bot", cursor_read_bool(c, &e->bot))                                            \
    FIELD(INTERNAL, "\250internal", cursor_read_bool(c, &e->internal))

#define NAMED(name, key, read) FIELD_##name,
enum field { FIELDS(NAMED) FIELD_UNKNOWN };
#undef NAMED

/* The keys that every event has are the first ones. */
static const unsigned SEEN_ALWAYS = (1U << FIELD_EVENT) - 1;

/* The key, however it is encoded. */
static enum field find_field(struct slice key)
{
#define SPELT(name, key, read) &(key)[1],
    static const char *const names[] = {FIELDS(SPELT)};
#undef SPELT
    unsigned field = 0;
    while (field < FIELD_UNKNOWN && !slice_is(key, names[field])) {
        field++;
    }
    return (enum field)field;
}

static enum event_decode_result read_value(struct event_cursor *c, enum field field,
                                           struct player_event *e)
{
    switch (field) {
#define READ(name, key, read)                                                                      \
    case FIELD_##name:                                                                             \
        return read;
        FIELDS(READ)
#undef READ
    case FIELD_UNKNOWN:
        break;
    }
    return cursor_skip(c);
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
    *seen |= 1U << field;
    return read_value(c, field, e);
}

static inline bool is_next(const struct event_cursor *c, const char *key)
{
    size_t size = strlen(key);
    return (size_t)(c->end - c->at) >= size && memcmp(c->at, key, size) == 0;
}

/*
 * Reads pairs while their keys stand in the order of the contract's table, as in all that
 * event_encode() writes: to meet the key that is expected costs a third of looking one up. Goes on
 * to the end of the bytes: with fewer than no pairs left, what was read last is not the map's.
 */
static inline enum event_decode_result read_ordered(struct event_cursor *c, struct player_event *e,
                                                    unsigned *seen, int64_t *pairs_left)
{
    enum event_decode_result result;
#define READ(name, key, read)                                                                      \
    if (is_next(c, key)) {                                                                         \
        c->at += sizeof(key) - 1;                                                                  \
        --*pairs_left;                                                                             \
        result = read;                                                                             \
        if (result != EVENT_DECODE_OK) {                                                           \
            return result;                                                                         \
        }                                                                                          \
        *seen |= 1U << FIELD_##name & SEEN_ALWAYS;                                                 \
    }
    FIELDS(READ)
#undef READ
    return EVENT_DECODE_OK;
}

/* ---- The event ---- */

static enum event_decode_result read_pairs(struct event_cursor c, int64_t pairs_left,
                                           struct player_event *e)
{
    enum event_decode_result result = EVENT_DECODE_OK;
    unsigned seen = 0;
    while (result == EVENT_DECODE_OK && pairs_left > 0) {
        result = read_ordered(&c, e, &seen, &pairs_left);
        if (result == EVENT_DECODE_OK && pairs_left > 0) {
            struct event_cursor copy = c; /* as in cursor_read_text() */
            unsigned more = 0;
            result = read_pair(&copy, e, &more);
            c = copy;
            seen |= more;
            pairs_left--;
        }
    }
    if (pairs_left < 0) {
        return EVENT_DECODE_TRAILING;
    }
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (c.at < c.end) {
        return EVENT_DECODE_TRAILING;
    }
    bool is_named = e->kind != EVENT_KIND_EVENT || e->event.len > 0;
    return (seen & SEEN_ALWAYS) == SEEN_ALWAYS && is_named ? EVENT_DECODE_OK : EVENT_DECODE_MISSING;
}

enum event_decode_result event_decode(struct slice bytes, struct player_event *out)
{
    if (bytes.len == 0) {
        return EVENT_DECODE_EMPTY;
    }
    const unsigned char *start = (const unsigned char *)bytes.data;
    struct event_cursor c = {start, start + bytes.len};
    uint64_t pair_count;
    enum event_decode_result result = cursor_read_map(&c, &pair_count);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    *out = (struct player_event){0};
    return read_pairs(c, (int64_t)pair_count, out);
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
