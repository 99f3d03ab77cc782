/* Whatever decodes must come back the same from its own encoding. */
#include "common/event.h"
#include "tests/fuzz/fuzz.h"

enum { SLACK = 1024 }; /* every key and every number at its widest */

static bool has_same_texts(const struct player_event *a, const struct player_event *b)
{
#define PAIR(member)                                                                               \
    {                                                                                              \
        a->member, b->member                                                                       \
    }
    const struct slice pairs[][2] = {
        PAIR(site),
        PAIR(event),
        PAIR(report_id),
        PAIR(viewer),
        PAIR(source),
        PAIR(uuid),
        PAIR(type),
        PAIR(referer),
        PAIR(user_player_type),
        PAIR(user_player_version),
        PAIR(user_player_resolution),
        PAIR(session_id),
        PAIR(ip),
        PAIR(ua),
    };
#undef PAIR
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bool are_there = (pairs[i][0].data == NULL) == (pairs[i][1].data == NULL);
        if (!are_there || !slice_equal(pairs[i][0], pairs[i][1])) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct player_event *a, const struct player_event *b)
{
    /* Times bit by bit, since a NaN must stay what it is. */
    const double times_a[] = {a->time_start, a->time_end, a->time_total};
    const double times_b[] = {b->time_start, b->time_end, b->time_total};
    return a->lane == b->lane && a->sequence == b->sequence && a->ts_ms == b->ts_ms &&
           a->kind == b->kind && a->present == b->present && a->skip == b->skip &&
           a->bot == b->bot && a->internal == b->internal && a->photo_id == b->photo_id &&
           a->play_timestamp == b->play_timestamp && a->bytes_total == b->bytes_total &&
           memcmp(times_a, times_b, sizeof times_a) == 0 && has_same_texts(a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct player_event first, second;
    if (event_decode(slice_make((const char *)data, size), &first) != EVENT_DECODE_OK) {
        return 0;
    }
    char *bytes = malloc(size + SLACK);
    require(bytes != NULL);
    size_t len = event_encode(&first, bytes, size + SLACK);
    require(len > 0 && event_decode(slice_make(bytes, len), &second) == EVENT_DECODE_OK);
    require(is_same(&first, &second));
    free(bytes);
    return 0;
}
