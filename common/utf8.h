/* UTF-8 as the Unicode and WHATWG standards want it: checked, cut and repaired. Pure; any thread.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the character that s starts with. Returns its length in bytes (1 to 4) and stores it in
 * *out; returns 0 when s is empty or does not start with a valid character (overlong forms,
 * surrogates and what lies past U+10FFFF are not).
 */
size_t utf8_decode(struct slice s, uint32_t *out);

/* Is all of s valid UTF-8? An empty or absent slice is. */
bool utf8_is_valid(struct slice s);

/*
 * The longest start of s that is at most max_len bytes and ends on a character border. s is valid
 * UTF-8; an absent slice stays absent.
 */
struct slice utf8_cut(struct slice s, size_t max_len);

/* The most bytes that utf8_repair() makes of len bytes: an invalid byte becomes three. */
static inline size_t utf8_repaired_size(size_t len)
{
    return 3 * len;
}

/*
 * Copies s to out, each maximal part of a broken character turned into one U+FFFD, as browsers do.
 * out has room for utf8_repaired_size(s.len) bytes. s may stand at the end of that very room
 * (s.data == out + 2 * s.len), else the two do not overlap. Returns the bytes written.
 */
size_t utf8_repair(struct slice s, char *out);

#endif
