/*
 * Integers of 1 to 10 bytes: 7 bits a byte, low ones first, the top bit says that more follow. For
 * the byte forms kept in the store. A number has one form only: what is longer than it need be is
 * refused.
 */
#ifndef CONSUMER_VARINT_H
#define CONSUMER_VARINT_H

#include "common/slice.h"

#include <stdint.h>

enum { VARINT_MAX = 10 }; /* bytes */

/* Writes value at out, which has room. Returns where the next one goes. */
static inline char *varint_put(char *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *out++ = (char)(value | 0x80);
    }
    *out++ = (char)value;
    return out;
}

/* Small differences of either sign become small numbers. */
static inline uint64_t varint_of_signed(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_to_signed(uint64_t value)
{
    return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

/* Takes a number off the front of *in. Returns false when there is none that is whole. */
static inline bool varint_get(struct slice *in, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < in->len && i < VARINT_MAX; i++) {
        uint64_t byte = (unsigned char)in->data[i];
        sum |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            bool is_good = (byte != 0 || i == 0) && (i < VARINT_MAX - 1 || byte == 1);
            *in = slice_make(in->data + i + 1, in->len - i - 1);
            *value = sum;
            return is_good;
        }
    }
    return false;
}

#endif
