#define ZLIB_CONST /* next_in is const, as it is meant */

#include "ingest/inflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* inflateInit2()'s window bits say which wrapper is expected. */
enum { WINDOW_ZLIB = 15, WINDOW_GZIP = 15 + 16, WINDOW_RAW = -15, INFLATE_FIRST_STEP = 4096 };

struct inflater {
    z_stream stream;
    bool is_made; /* stream is to be ended */
};

static bool names(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

enum inflate_coding inflate_coding_of(struct slice content_encoding)
{
    if (content_encoding.len == 0 || names(content_encoding, "identity")) {
        return INFLATE_IDENTITY;
    }
    if (names(content_encoding, "gzip") || names(content_encoding, "x-gzip")) {
        return INFLATE_GZIP;
    }
    return names(content_encoding, "deflate") ? INFLATE_DEFLATE : INFLATE_UNKNOWN;
}

struct inflater *inflater_new(void)
{
    return calloc(1, sizeof(struct inflater));
}

void inflater_free(struct inflater *i)
{
    if (i == NULL) {
        return;
    }
    if (i->is_made) {
        (void)inflateEnd(&i->stream); /* fails on a broken state only, which ours is not */
    }
    free(i);
}

/* A zlib header: method 8, a window of at most 32 KiB, and a check of both bytes (RFC 1950, 2.2).
 */
static bool has_zlib_header(struct slice body)
{
    if (body.len < 2) {
        return false;
    }
    unsigned cmf = (unsigned char)body.data[0];
    unsigned flags = (unsigned char)body.data[1];
    return (cmf & 0x0F) == Z_DEFLATED && cmf >> 4 <= 7 && (cmf << 8 | flags) % 31 == 0;
}

static int window_of(enum inflate_coding coding, struct slice body)
{
    if (coding == INFLATE_GZIP) {
        return WINDOW_GZIP;
    }
    return has_zlib_header(body) ? WINDOW_ZLIB : WINDOW_RAW;
}

static bool begin(struct inflater *i, int window)
{
    if (i->is_made) {
        return inflateReset2(&i->stream, window) == Z_OK;
    }
    i->is_made = inflateInit2(&i->stream, window) == Z_OK;
    return i->is_made;
}

/* Room for the next step, twice as much as there is, but never past max. */
static bool make_room(struct buffer *out, size_t max)
{
    size_t step = out->len < INFLATE_FIRST_STEP ? INFLATE_FIRST_STEP : out->len;
    return buffer_reserve(out, step < max - out->len ? step : max - out->len);
}

/* With max bytes there a stream may still have its end to say, but no byte more. */
static enum inflate_result end_of(z_stream *z)
{
    Bytef beyond;
    z->next_out = &beyond;
    z->avail_out = 1;
    int result = inflate(z, Z_NO_FLUSH);
    z->next_out = NULL;
    if (z->avail_out == 0) {
        return INFLATE_TOO_LARGE;
    }
    return result == Z_STREAM_END ? INFLATE_OK : INFLATE_DAMAGED;
}

/* Decodes to the end of one stream or member. */
static enum inflate_result decode(z_stream *z, size_t max, struct buffer *out)
{
    while (out->len < max) {
        if (!make_room(out, max)) {
            return INFLATE_NO_MEMORY;
        }
        size_t room = out->capacity < max ? out->capacity - out->len : max - out->len;
        z->next_out = (Bytef *)out->data + out->len;
        z->avail_out = (uInt)room;
        int result = inflate(z, Z_NO_FLUSH);
        out->len += room - z->avail_out;
        if (result == Z_STREAM_END) {
            return INFLATE_OK;
        }
        if (result == Z_MEM_ERROR) {
            return INFLATE_NO_MEMORY;
        }
        /* Room left, or no progress: there is no more to read, so the body was cut short. */
        if (result != Z_OK || z->avail_out > 0) {
            return INFLATE_DAMAGED;
        }
    }
    return end_of(z);
}

enum inflate_result inflate_body(struct inflater *i, enum inflate_coding coding, struct slice body,
                                 size_t max, struct buffer *out)
{
    buffer_reset(out);
    if (!begin(i, window_of(coding, body))) {
        return INFLATE_NO_MEMORY;
    }
    i->stream.next_in = (const Bytef *)body.data;
    i->stream.avail_in = (uInt)body.len;
    enum inflate_result result = decode(&i->stream, max, out);
    while (result == INFLATE_OK && i->stream.avail_in > 0) {
        if (coding != INFLATE_GZIP || !begin(i, WINDOW_GZIP)) {
            return INFLATE_DAMAGED;
        }
        result = decode(&i->stream, max, out);
    }
    return result;
}

const char *inflate_library(void)
{
    return zlibVersion();
}
