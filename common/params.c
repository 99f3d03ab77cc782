#include "common/params.h"

#include "common/utf8.h"

#include <assert.h>

void params_start(struct params_cursor *c, struct slice encoded, char *scratch, size_t scratch_size)
{
    assert(scratch_size >= params_scratch_size(encoded.len));
    c->at = encoded.data;
    c->end = encoded.len == 0 ? encoded.data : encoded.data + encoded.len;
    c->scratch = scratch;
    c->scratch_end = scratch_size == 0 ? scratch : scratch + scratch_size;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_encoded(struct slice s)
{
    return s.len > 0 && (memchr(s.data, '%', s.len) != NULL || memchr(s.data, '+', s.len) != NULL);
}

/* Undoes + and %XX once; returns the bytes written to out, at most s.len. */
static size_t undo_percent(struct slice s, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && s.len - i > 2) {
            int high = hex_value(s.data[i + 1]);
            int low = hex_value(s.data[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(unsigned char)(high << 4 | low);
                i += 2;
            }
        }
        out[len++] = c;
    }
    return len;
}

/*
 * Most names and values need no change and stay where they are. The scratch never runs out: what is
 * left of it is at least three times what is left of the input, and this takes at most three bytes
 * for one.
 */
static struct slice decode(struct params_cursor *c, struct slice s)
{
    bool encoded = is_encoded(s);
    if (encoded) {
        s = slice_make(c->scratch, undo_percent(s, c->scratch));
    }
    if (!utf8_is_valid(s)) {
        if (encoded) { /* to the end of the room it may need, to be repaired into its start */
            s.data = memmove(c->scratch + 2 * s.len, s.data, s.len);
        }
        s = slice_make(c->scratch, utf8_repair(s, c->scratch));
    }
    if (s.data == c->scratch) {
        c->scratch += s.len;
    }
    assert(c->scratch <= c->scratch_end);
    return s;
}

bool params_next(struct params_cursor *c, struct slice *name, struct slice *value)
{
    while (c->at != c->end) {
        const char *start = c->at;
        size_t left = (size_t)(c->end - start);
        const char *stop = memchr(start, '&', left);
        size_t len = stop == NULL ? left : (size_t)(stop - start);
        c->at = stop == NULL ? c->end : stop + 1;
        const char *equals = len == 0 ? NULL : memchr(start, '=', len);
        size_t name_len = equals == NULL ? len : (size_t)(equals - start);
        if (name_len == 0) {
            continue;
        }
        size_t value_at = equals == NULL ? len : name_len + 1;
        *name = decode(c, slice_make(start, name_len));
        *value = decode(c, slice_make(start + value_at, len - value_at));
        return true;
    }
    return false;
}
