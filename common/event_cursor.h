/*
 * A cursor over msgpack bytes, the reading half of common/event_decode.c and for it alone. It
 * allocates nothing and never loops longer than there are bytes, whatever a length field says.
 * Pure; any thread.
 */
#ifndef COMMON_EVENT_CURSOR_H
#define COMMON_EVENT_CURSOR_H

#include "common/event.h"

struct event_cursor {
    const unsigned char *at, *end;
};

/*
 * Each reads one value and steps past it. The first byte decides EVENT_DECODE_BAD_TYPE before
 * anything can be EVENT_DECODE_TRUNCATED. Out-parameters are good on EVENT_DECODE_OK only.
 */

/* A string with a length field of its own; cursor_read_text() takes those too. */
enum event_decode_result cursor_read_wide_text(struct event_cursor *c, struct slice *out);

/*
 * A string of any width; *out points into the bytes and is not looked at. Here and inline, since
 * half of what an event costs is reading short strings. On EVENT_DECODE_BAD_TYPE c has not moved.
 */
static inline enum event_decode_result cursor_read_text(struct event_cursor *c, struct slice *out)
{
    if (c->at == c->end || (*c->at & 0xe0) != 0xa0) {
        return cursor_read_wide_text(c, out);
    }
    size_t len = *c->at & 0x1f;
    if ((size_t)(c->end - c->at) <= len) {
        return EVENT_DECODE_TRUNCATED;
    }
    *out = slice_make((const char *)c->at + 1, len);
    c->at += 1 + len;
    return EVENT_DECODE_OK;
}

/* An integer of any width; with *negative, *value is the two's complement of it. */
enum event_decode_result cursor_read_integer(struct event_cursor *c, uint64_t *value,
                                             bool *negative);

/* An integer of any width from 0 to 2^63-1, else EVENT_DECODE_BAD_VALUE. */
enum event_decode_result cursor_read_uint(struct event_cursor *c, uint64_t *out);

/* A float of either width, or an integer. */
enum event_decode_result cursor_read_seconds(struct event_cursor *c, double *out);

enum event_decode_result cursor_read_bool(struct event_cursor *c, bool *out);

/* The head of a map; its pairs follow. EVENT_DECODE_NOT_A_MAP for anything else. c is not at its
 * end. */
enum event_decode_result cursor_read_map(struct event_cursor *c, uint64_t *pair_count);

/* Any value, also nested 32 deep; EVENT_DECODE_TOO_DEEP past that. */
enum event_decode_result cursor_skip(struct event_cursor *c);

#endif
