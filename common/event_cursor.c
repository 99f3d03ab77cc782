#include "common/event_cursor.h"

#include <endian.h>

enum { DEPTH_MAX = 32 };

/* The first bytes of msgpack's values. */
enum {
    FIXMAP = 0x80,
    FIXARRAY = 0x90,
    FIXSTR = 0xa0,
    NIL = 0xc0,
    NEVER_USED = 0xc1,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN8 = 0xc4,
    BIN32 = 0xc6,
    EXT8 = 0xc7,
    EXT32 = 0xc9,
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    INT64 = 0xd3,
    FIXEXT1 = 0xd4,
    FIXEXT16 = 0xd8,
    STR8 = 0xd9,
    STR32 = 0xdb,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf,
    NEGATIVE = 0xe0
};

/* ---- Bytes ---- */

static inline size_t left(const struct event_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Reads a big-endian integer of 1 << width_log2 bytes. A loop over the bytes costs three times as
 * much. */
static inline bool take_uint(struct event_cursor *c, unsigned width_log2, uint64_t *value)
{
    size_t width = (size_t)1 << width_log2;
    if (left(c) < width) {
        return false;
    }
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (width_log2) {
    case 0:
        *value = *c->at;
        break;
    case 1:
        memcpy(&two, c->at, sizeof two);
        *value = be16toh(two);
        break;
    case 2:
        memcpy(&four, c->at, sizeof four);
        *value = be32toh(four);
        break;
    default:
        memcpy(&eight, c->at, sizeof eight);
        *value = be64toh(eight);
        break;
    }
    c->at += width;
    return true;
}

static bool take_bytes(struct event_cursor *c, uint64_t len, struct slice *out)
{
    if (left(c) < len) {
        return false;
    }
    *out = slice_make((const char *)c->at, (size_t)len);
    c->at += len;
    return true;
}

/* ---- Values of a known type ---- */

enum event_decode_result cursor_read_wide_text(struct event_cursor *c, struct slice *out)
{
    if (c->at == c->end) {
        return EVENT_DECODE_TRUNCATED;
    }
    unsigned head = *c->at;
    if (head < STR8 || head > STR32) {
        return EVENT_DECODE_BAD_TYPE;
    }
    uint64_t len;
    c->at++;
    bool is_whole = take_uint(c, head - STR8, &len) && take_bytes(c, len, out);
    return is_whole ? EVENT_DECODE_OK : EVENT_DECODE_TRUNCATED;
}

/* An integer of any encoding. *negative says that value is the two's complement of one below 0. */
enum event_decode_result cursor_read_integer(struct event_cursor *c, uint64_t *value,
                                             bool *negative)
{
    if (c->at == c->end) {
        return EVENT_DECODE_TRUNCATED;
    }
    unsigned head = *c->at;
    *negative = false;
    if (head < FIXMAP || head >= NEGATIVE) {
        c->at++;
        *negative = head >= NEGATIVE;
        *value = *negative ? (uint64_t)head - 0x100 : head;
        return EVENT_DECODE_OK;
    }
    if (head < UINT8 || head > INT64) {
        return EVENT_DECODE_BAD_TYPE;
    }
    c->at++;
    unsigned width_log2 = (head - UINT8) & 3;
    if (!take_uint(c, width_log2, value)) {
        return EVENT_DECODE_TRUNCATED;
    }
    unsigned bits = 8U << width_log2;
    if (head >= INT8 && *value >> (bits - 1) != 0) {
        *negative = true;
        *value |= bits == 64 ? 0 : UINT64_MAX << bits;
    }
    return EVENT_DECODE_OK;
}

enum event_decode_result cursor_read_any_uint(struct event_cursor *c, uint64_t *out)
{
    uint64_t value;
    bool negative;
    enum event_decode_result result = cursor_read_integer(c, &value, &negative);
    if (result != EVENT_DECODE_OK) {
        return result;
    }
    if (negative || value > INT64_MAX) {
        return EVENT_DECODE_BAD_VALUE;
    }
    *out = value;
    return EVENT_DECODE_OK;
}

enum event_decode_result cursor_read_any_seconds(struct event_cursor *c, double *out)
{
    if (c->at == c->end) {
        return EVENT_DECODE_TRUNCATED;
    }
    unsigned head = *c->at;
    uint64_t bits;
    if (head == FLOAT64 || head == FLOAT32) {
        c->at++;
        if (!take_uint(c, head == FLOAT64 ? 3 : 2, &bits)) {
            return EVENT_DECODE_TRUNCATED;
        }
        if (head == FLOAT64) {
            memcpy(out, &bits, sizeof *out);
        } else {
            uint32_t narrow_bits = (uint32_t)bits;
            float narrow;
            memcpy(&narrow, &narrow_bits, sizeof narrow);
            *out = (double)narrow;
        }
        return EVENT_DECODE_OK;
    }
    bool negative;
    enum event_decode_result result = cursor_read_integer(c, &bits, &negative);
    if (result == EVENT_DECODE_OK) {
        *out = negative ? -(double)(0 - bits) : (double)bits;
    }
    return result;
}

/* ---- Values that nobody knows ---- */

/* Takes the head and the scalar bytes of one value; *children says how many values follow inside
 * it. */
static enum event_decode_result skip_head(struct event_cursor *c, uint64_t *children)
{
    unsigned head = *c->at++;
    uint64_t len = 0;
    bool whole = true;
    *children = 0;
    if (head < FIXMAP || head >= NEGATIVE || head == NIL || head == FALSE || head == TRUE) {
        return EVENT_DECODE_OK;
    }
    if (head == NEVER_USED) {
        return EVENT_DECODE_BAD_TYPE;
    }
    if (head < FIXSTR) {
        *children = head < FIXARRAY ? 2 * (uint64_t)(head & 0x0f) : head & 0x0f;
    } else if (head < NIL) {
        len = head & 0x1f;
    } else if (head <= BIN32) {
        whole = take_uint(c, head - BIN8, &len);
    } else if (head <= EXT32) {
        whole = take_uint(c, head - EXT8, &len);
        len += 1; /* the type byte */
    } else if (head <= FLOAT64) {
        len = head == FLOAT32 ? 4 : 8;
    } else if (head <= INT64) {
        len = (uint64_t)1 << ((head - UINT8) & 3);
    } else if (head <= FIXEXT16) {
        len = 1 + ((uint64_t)1 << (head - FIXEXT1));
    } else if (head <= STR32) {
        whole = take_uint(c, head - STR8, &len);
    } else {
        whole = take_uint(c, head == ARRAY16 || head == MAP16 ? 1 : 2, children);
        *children *= head >= MAP16 ? 2 : 1;
    }
    struct slice ignored;
    return whole && take_bytes(c, len, &ignored) ? EVENT_DECODE_OK : EVENT_DECODE_TRUNCATED;
}

enum event_decode_result cursor_skip(struct event_cursor *c)
{
    uint64_t waiting[DEPTH_MAX + 1] = {1}; /* values still to come, by depth */
    int depth = 0;
    while (depth >= 0) {
        if (waiting[depth] == 0) {
            depth--;
            continue;
        }
        if (c->at == c->end) {
            return EVENT_DECODE_TRUNCATED;
        }
        waiting[depth]--;
        uint64_t children;
        enum event_decode_result result = skip_head(c, &children);
        if (result != EVENT_DECODE_OK) {
            return result;
        }
        if (children > 0) {
            if (depth == DEPTH_MAX) {
                return EVENT_DECODE_TOO_DEEP;
            }
            waiting[++depth] = children;
        }
    }
    return EVENT_DECODE_OK;
}

enum event_decode_result cursor_read_any_map(struct event_cursor *c, uint64_t *pair_count)
{
    unsigned head = *c->at;
    if (head >= FIXMAP && head < FIXARRAY) {
        c->at++;
        *pair_count = head & 0x0f;
        return EVENT_DECODE_OK;
    }
    if (head != MAP16 && head != MAP32) {
        return EVENT_DECODE_NOT_A_MAP;
    }
    c->at++;
    return take_uint(c, head == MAP16 ? 1 : 2, pair_count) ? EVENT_DECODE_OK
                                                           : EVENT_DECODE_TRUNCATED;
}
