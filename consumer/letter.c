#include "consumer/letter.h"

#include "common/hash.h"

#include <inttypes.h>
#include <stdio.h>

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

uint64_t letter_lane(const struct letter_origin *o)
{
    char rest[48];
    int len = snprintf(rest, sizeof rest, "/%" PRId64 "/%" PRId32, o->epoch, o->partition);
    char lane[24];
    int lane_len = snprintf(lane, sizeof lane, "/%016" PRIx64, o->lane);
    uint64_t topic = hash_stable(HASH_STABLE_START, o->topic.data, o->topic.len);
    uint64_t place = hash_stable(topic, rest, (size_t)len);
    return o->is_of_ingest ? hash_stable(place, lane, (size_t)lane_len) : place;
}

uint64_t letter_sequence(const struct letter_origin *o)
{
    return o->is_of_ingest ? o->sequence : (uint64_t)o->offset + 1;
}
