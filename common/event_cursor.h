/*
 * A cursor over msgpack bytes, the reading half of common/event_decode.c and for it alone. It
 * allocates nothing and never loops longer than there are bytes, whatever a length field says.
 * Pure; any thread.
 */
#ifndef COMMON_EVENT_CURSOR_H
#define COMMON_EVENT_CURSOR_H

#include "common/event.h"

#include <endian.h>

struct event_cursor {
    const unsigned char *at, *end;
};

/*
 * Each reads one value and steps past it. The first byte decides EVENT_DECODE_BAD_TYPE before
 * anything can be EVENT_DECODE_TRUNCATED. Out-parameters are good on EVENT_DECODE_OK only.
 */

/* Each by any of its encodings; what the inline ones below do not take themselves. */
enum event_decode_result cursor_read_wide_text(struct event_cursor *c, struct slice *out);
enum event_decode_result cursor_read_any_uint(struct event_cursor *c, uint64_t *out);
enum event_decode_result cursor_read_any_seconds(struct event_cursor *c, double *out);
enum event_decode_result cursor_read_any_map(struct event_cursor *c, uint64_t *pair_count);

/*
 * A string of any width; *out points into the bytes and is not looked at. On EVENT_DECODE_BAD_TYPE
 * c has not moved. Here and inline, since reading short strings is half of what an event costs; the
 * others are given a copy of the cursor, so that c itself can stay in registers.
 */
static inline enum event_decode_result cursor_read_text(struct event_cursor *c, struct slice *out)
{
    size_t left = (size_t)(c->end - c->at);
    size_t head_size = 1, len;
    if (left > 0 && (c->at[0] & 0xe0) == 0xa0) {
        len = c->at[0] & 0x1f;
    } else if (left > 1 && c->at[0] == 0xd9) {
        head_size = 2;
        len = c->at[1];
    } else {
        struct event_cursor copy = *c;
        enum event_decode_result result = cursor_read_wide_text(&copy, out);
        *c = copy;
        return result;
    }
    if (left < head_size + len) {
        return EVENT_DECODE_TRUNCATED;
    }
    *out = slice_make((const char *)c->at + head_size, len);
    c->at += head_size + len;
    return EVENT_DECODE_OK;
}

/* An integer of any width; with *negative, *value is the two's complement of it. */
enum event_decode_result cursor_read_integer(struct event_cursor *c, uint64_t *value,
                                             bool *negative);

/* An integer of any width from 0 to 2^63-1, else EVENT_DECODE_BAD_VALUE. */
static inline enum event_decode_result cursor_read_uint(struct event_cursor *c, uint64_t *out)
{
    uint64_t word;
    if (c->at < c->end && c->at[0] < 0x80) {
        *out = *c->at++;
        return EVENT_DECODE_OK;
    }
    if (c->end - c->at > (ptrdiff_t)sizeof word && (c->at[0] & 0xfc) == 0xcc) {
        unsigned bits = 8U << (c->at[0] & 3);
        memcpy(&word, c->at + 1, sizeof word);
        word = be64toh(word) >> (64 - bits);
        c->at += 1 + bits / 8;
        *out = word;
        return word <= INT64_MAX ? EVENT_DECODE_OK : EVENT_DECODE_BAD_VALUE;
    }
    struct event_cursor copy = *c;
    enum event_decode_result result = cursor_read_any_uint(&copy, out);
    *c = copy;
    return result;
}

/* A float of either width, or an integer. */
static inline enum event_decode_result cursor_read_seconds(struct event_cursor *c, double *out)
{
    uint64_t word;
    if (c->end - c->at > (ptrdiff_t)sizeof word && c->at[0] == 0xcb) {
        memcpy(&word, c->at + 1, sizeof word);
        word = be64toh(word);
        memcpy(out, &word, sizeof word);
        c->at += 1 + sizeof word;
        return EVENT_DECODE_OK;
    }
    struct event_cursor copy = *c;
    enum event_decode_result result = cursor_read_any_seconds(&copy, out);
    *c = copy;
    return result;
}

static inline enum event_decode_result cursor_read_bool(struct event_cursor *c, bool *out)
{
    if (c->at == c->end) {
        return EVENT_DECODE_TRUNCATED;
    }
    if ((c->at[0] & 0xfe) != 0xc2) {
        return EVENT_DECODE_BAD_TYPE;
    }
    *out = *c->at++ == 0xc3;
    return EVENT_DECODE_OK;
}

/* The head of a map; its pairs follow. EVENT_DECODE_NOT_A_MAP for anything else. c is not at its
 * end. */
static inline enum event_decode_result cursor_read_map(struct event_cursor *c, uint64_t *pair_count)
{
    if (c->end - c->at > 2 && c->at[0] == 0xde) {
        *pair_count = (uint64_t)c->at[1] << 8 | c->at[2];
        c->at += 3;
        return EVENT_DECODE_OK;
    }
    struct event_cursor copy = *c;
    enum event_decode_result result = cursor_read_any_map(&copy, pair_count);
    *c = copy;
    return result;
}

/* Any value, also nested 32 deep; EVENT_DECODE_TOO_DEEP past that. */
enum event_decode_result cursor_skip(struct event_cursor *c);

#endif
