#include "consumer/letter.h"

#include <inttypes.h>
#include <stdio.h>

static const uint64_t FNV_START = 0xcbf29ce484222325U, FNV_PRIME = 0x100000001b3U;

bool letter_number(struct slice text, int64_t *out)
{
    int64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || sum > (INT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    if (text.len == 0) {
        return false;
    }
    *out = sum;
    return true;
}

static uint64_t add_bytes(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * FNV_PRIME;
    }
    return hash;
}

uint64_t letter_lane(const struct letter_origin *o)
{
    char rest[48];
    int len = snprintf(rest, sizeof rest, "/%" PRId64 "/%" PRId32, o->epoch, o->partition);
    return add_bytes(add_bytes(FNV_START, o->topic.data, o->topic.len), rest, (size_t)len);
}

uint64_t letter_sequence(const struct letter_origin *o)
{
    return (uint64_t)o->offset + 1;
}
