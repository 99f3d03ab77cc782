/* Any bytes as the state of a viewing and a report to it: what is read is what would be written,
 * and no report makes a state that cannot be read. */
#include "consumer/viewing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct words {
    double start, end, total;
    uint64_t ts_ms, clock_ms, play_timestamp;
    uint8_t present, day;
};
enum { WORDS_SIZE = 50 }; /* without what pads the struct */

static struct viewing_report report_of(const uint8_t *data)
{
    struct words w;
    memcpy(&w, data, WORDS_SIZE);
    struct player_event e = {.ts_ms = w.ts_ms & INT64_MAX,
                             .present = w.present & 0xfU,
                             .time_start = w.start,
                             .time_end = w.end,
                             .time_total = w.total,
                             .play_timestamp = w.play_timestamp};
    return viewing_report_of(&e, w.day, (int64_t)(w.clock_ms & INT64_MAX));
}

static void check_line(const struct ranges *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->at[i].start_ms > r->at[i].end_ms ||
            (i > 0 && r->at[i].start_ms <= r->at[i - 1].end_ms)) {
            abort();
        }
    }
    if (r->count > RANGES_MAX) {
        abort();
    }
}

static void check_state(const struct viewing *v)
{
    char bytes[VIEWING_BYTES_MAX], again[VIEWING_BYTES_MAX];
    struct viewing read;
    check_line(&v->line);
    check_line(&v->live_line);
    size_t len = viewing_encode(v, bytes);
    if (len > sizeof bytes || !viewing_decode(slice_make(bytes, len), &read) ||
        viewing_encode(&read, again) != len || memcmp(bytes, again, len) != 0) {
        abort();
    }
}

static void take(struct viewing *v, const struct viewing_report *r)
{
    const struct viewing_rules rules = {.gap_ms = 21600000, .keep_ms = 172800000, .finish_at = 95};
    const struct viewing_fixed fixed = {.source = 1};
    if (!viewing_holds(v, r, &rules)) {
        viewing_begin(v, &fixed, r);
    }
    struct viewing_change change = viewing_take(v, r, &rules);
    if (change.engagement_ms < 0 || change.joined > 1 || change.known < 0 || change.known > 1 ||
        (change.gained.word[0] & change.lost.word[0]) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct viewing v;
    static char again[VIEWING_BYTES_MAX];
    if (size < WORDS_SIZE) {
        return 0;
    }
    struct viewing_report r = report_of(data);
    struct slice bytes = slice_make((const char *)data + WORDS_SIZE, size - WORDS_SIZE);
    if (!viewing_decode(bytes, &v)) {
        return 0;
    }
    if (viewing_encode(&v, again) != bytes.len || memcmp(again, bytes.data, bytes.len) != 0) {
        abort();
    }
    take(&v, &r);
    check_state(&v);
    return 0;
}
