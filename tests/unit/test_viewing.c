/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/viewing.h"

#include <math.h>
#include <string.h>

static const int64_t NOW_MS = 1709546400000, HOUR_MS = 3600000; /* 2024-03-04 10:00 UTC */
static const struct viewing_rules rules = {
    .gap_ms = 6 * 3600000, .keep_ms = 48 * 3600000, .finish_at = 95};

/* A viewer and all that is credited to what was watched. */
struct watch {
    struct viewing viewing;
    bool is_known;
    int plays, known, finishes, new_days;
    unsigned joined;
    int64_t engagement_ms, share_ppm;
    int points[RANGES_PERCENTS];
};

static void add_points(struct watch *w, struct ranges_points points, int sign)
{
    for (int i = 0; i < RANGES_PERCENTS; i++) {
        w->points[i] += ranges_has_point(points, i) ? sign : 0;
    }
}

/* Takes a report as the consumer does; the state goes through its byte form each time. */
static void take(struct watch *w, const struct viewing_report *r)
{
    static const struct viewing_fixed fixed = {.source = 1};
    if (!w->is_known || !viewing_holds(&w->viewing, r, &rules)) {
        viewing_begin(&w->viewing, &fixed, r);
        w->is_known = true;
        w->plays++;
    }
    struct viewing_change change = viewing_take(&w->viewing, r, &rules);
    w->engagement_ms += change.engagement_ms;
    w->known += change.known;
    w->finishes += change.finishes;
    w->share_ppm += change.share_ppm;
    w->new_days += change.is_new_day;
    w->joined += change.joined;
    add_points(w, change.gained, 1);
    add_points(w, change.lost, -1);
    char bytes[VIEWING_BYTES_MAX];
    size_t len = viewing_encode(&w->viewing, bytes);
    memset(&w->viewing, 0xa5, sizeof w->viewing);
    assert_true(viewing_decode(slice_make(bytes, len), &w->viewing));
}

static struct player_event play(double start, double end)
{
    return (struct player_event){.kind = EVENT_KIND_PLAY,
                                 .ts_ms = (uint64_t)NOW_MS,
                                 .present = EVENT_HAS_TIME_START | EVENT_HAS_TIME_END,
                                 .time_start = start,
                                 .time_end = end};
}

static struct player_event play_of(double start, double end, double total)
{
    struct player_event e = play(start, end);
    e.present |= EVENT_HAS_TIME_TOTAL;
    e.time_total = total;
    return e;
}

static void watch_event(struct watch *w, struct player_event e, int64_t ts_ms)
{
    e.ts_ms = (uint64_t)ts_ms;
    struct viewing_report r = viewing_report_of(&e, (int32_t)(ts_ms / 86400000), ts_ms);
    take(w, &r);
}

static void watch_range(struct watch *w, int64_t ts_ms, double start, double end)
{
    watch_event(w, play(start, end), ts_ms);
}

static void watch_minute(struct watch *w, int64_t ts_ms)
{
    for (int i = 0; i <= 3; i++) {
        watch_range(w, ts_ms + i * 20000, 0, i * 20);
    }
}

static void a_watch_with_a_seek_is_80_seconds_in_any_order(void **state)
{
    (void)state;
    static const double ends[][2] = {{0, 20}, {0, 40}, {0, 60}, {300, 320}};
    for (int order = 0; order < 256; order++) { /* every order, and every repetition */
        struct watch w = {0};
        for (int i = 0; i < 4; i++) {
            const double *range = ends[order >> (2 * i) & 3];
            watch_range(&w, NOW_MS, range[0], range[1]);
        }
        for (int i = 0; i < 4; i++) {
            watch_range(&w, NOW_MS, ends[i][0], ends[i][1]);
        }
        assert_int_equal(w.engagement_ms, 80000);
        assert_int_equal(w.plays, 1);
    }
}

static void two_tabs_are_one_viewing(void **state)
{
    (void)state;
    struct watch w = {0};
    for (int i = 0; i <= 3; i++) {
        watch_range(&w, NOW_MS + i * 20000, 0, i * 20);
        watch_range(&w, NOW_MS + i * 20000, 0, i * 20);
    }
    assert_int_equal(w.engagement_ms, 60000);
    assert_int_equal(w.plays, 1);
}

static void a_second_watch_counts_past_the_gap_only(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_minute(&w, NOW_MS);
    watch_minute(&w, NOW_MS + HOUR_MS);
    assert_int_equal(w.plays, 1);
    assert_int_equal(w.engagement_ms, 60000);
    watch_minute(&w, NOW_MS + 8 * HOUR_MS);
    assert_int_equal(w.plays, 2);
    assert_int_equal(w.engagement_ms, 120000);
}

static void a_pause_over_night_goes_on(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_range(&w, NOW_MS, 0, 60);
    watch_range(&w, NOW_MS + 10 * HOUR_MS, 0, 60); /* resumed, nothing watched yet */
    watch_range(&w, NOW_MS + 20 * HOUR_MS, 0, 80);
    assert_int_equal(w.plays, 1);
    assert_int_equal(w.engagement_ms, 80000);
    assert_int_equal(w.viewing.home_ms, NOW_MS);
}

static void past_the_gap_all_else_begins_a_viewing(void **state)
{
    (void)state;
    static const double after[][2] = {{0, 59}, {1, 80}, {60, 80}, {0, 0}, {NAN, 80}, {0, NAN}};
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        struct watch w = {0};
        watch_range(&w, NOW_MS, 0, 60);
        watch_range(&w, NOW_MS + 6 * HOUR_MS, 1, 59);
        watch_range(&w, NOW_MS + 6 * HOUR_MS, 0, 60);
        assert_int_equal(w.plays, 1);
        watch_range(&w, NOW_MS + 12 * HOUR_MS + 1, after[i][0], after[i][1]);
        assert_int_equal(w.plays, 2);
    }
    struct watch w = {0}; /* a report without length, and before any range */
    watch_range(&w, NOW_MS, 0, 0);
    watch_range(&w, NOW_MS + 7 * HOUR_MS, 0, 0);
    assert_int_equal(w.plays, 2);
    watch_range(&w, NOW_MS + 14 * HOUR_MS, 0, 20);
    assert_int_equal(w.plays, 2);
    watch_range(&w, NOW_MS + 21 * HOUR_MS, NAN, NAN);
    watch_range(&w, NOW_MS + 28 * HOUR_MS, 0, 40);
    assert_int_equal(w.plays, 4);
}

static void the_state_is_gone_after_48_hours_of_the_partition(void **state)
{
    (void)state;
    struct player_event e = play(0, 60);
    struct viewing_report r = viewing_report_of(&e, 0, NOW_MS + HOUR_MS);
    struct watch w = {0};
    take(&w, &r);
    e = play(0, 80);
    r = viewing_report_of(&e, 0, NOW_MS + 49 * HOUR_MS);
    take(&w, &r);
    assert_int_equal(w.plays, 1);
    r.clock_ms += 48 * HOUR_MS;
    take(&w, &r);
    assert_int_equal(w.plays, 1);
    r.clock_ms += 48 * HOUR_MS + 1;
    take(&w, &r);
    assert_int_equal(w.plays, 2);
}

static void what_comes_late_begins_no_viewing(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_range(&w, NOW_MS, 0, 60);
    watch_range(&w, NOW_MS - 12 * HOUR_MS, 0, 20);
    watch_range(&w, NOW_MS + HOUR_MS, 0, 0);
    assert_int_equal(w.plays, 1);
    assert_int_equal(w.engagement_ms, 60000);
}

static void the_middle_alone_covers_points_50_to_60(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_event(&w, play_of(300, 360, 600), NOW_MS);
    for (int i = 0; i < RANGES_PERCENTS; i++) {
        assert_int_equal(w.points[i], i == 0 || (i >= 50 && i <= 60));
    }
    assert_int_equal(w.share_ppm, 100000);
    assert_int_equal(w.known, 1);
    assert_int_equal(w.finishes, 0);
}

static void a_longer_total_takes_the_old_values_out(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_event(&w, play_of(0, 96, 100), NOW_MS);
    assert_int_equal(w.finishes, 1);
    assert_int_equal(w.points[96], 1);
    assert_int_equal(w.share_ppm, 960000);
    watch_event(&w, play_of(0, 96, 200), NOW_MS);
    watch_event(&w, play_of(0, 20, 100), NOW_MS); /* a shorter one changes nothing */
    assert_int_equal(w.finishes, 0);
    assert_int_equal(w.known, 1);
    assert_int_equal(w.share_ppm, 480000);
    assert_int_equal(w.engagement_ms, 96000);
    for (int i = 0; i < RANGES_PERCENTS; i++) {
        assert_int_equal(w.points[i], i <= 48);
    }
    watch_event(&w, play_of(0, 0, 36), NOW_MS);
    watch_event(&w, play_of(0, 0, 360), NOW_MS); /* covers nothing, says how long it is */
    assert_int_equal(w.share_ppm, 266667);       /* 0.2666... */
    assert_int_equal(w.points[26], 1);
    assert_int_equal(w.points[27], 0);
}

static void a_total_that_comes_later_counts_what_was_seen(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_range(&w, NOW_MS, 0, 120);
    assert_int_equal(w.known, 0);
    watch_event(&w, play_of(0, 0, 100), NOW_MS);
    assert_int_equal(w.known, 1);
    assert_int_equal(w.share_ppm, 1000000);
    assert_int_equal(w.finishes, 1);
    assert_int_equal(w.points[100], 1);
    assert_int_equal(w.engagement_ms, 120000);
}

static void a_finish_is_taken_out_as_it_was_credited(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_event(&w, play_of(0, 90, 100), NOW_MS);
    assert_int_equal(w.finishes, 0);
    struct viewing_rules easier = rules;
    easier.finish_at = 80;
    struct player_event e = play_of(0, 91, 100);
    struct viewing_report r = viewing_report_of(&e, 0, NOW_MS);
    assert_int_equal(viewing_take(&w.viewing, &r, &easier).finishes, 1);
    r.range.end_ms++;
    assert_int_equal(viewing_take(&w.viewing, &r, &rules).finishes, -1);
}

static void without_a_length_there_is_no_percent(void **state)
{
    (void)state;
    static const double totals[] = {0, -3, NAN, INFINITY, 0.0004, 1e9};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        struct watch w = {0};
        watch_event(&w, play_of(0, 20, totals[i]), NOW_MS);
        assert_int_equal(w.engagement_ms, 20000);
        assert_int_equal(w.known, 0);
        assert_int_equal(w.points[0], 0);
        assert_int_equal(w.share_ppm, 0);
    }
}

static void ranges_are_cut_and_checked(void **state)
{
    (void)state;
    static const struct {
        double start, end, total;
        bool has_range;
        int64_t start_ms, end_ms;
    } cases[] = {
        {-1, 20, 0, true, 0, 20000},
        {-5, -2, 0, true, 0, 0},
        {20, 10, 0, false, 0, 0},
        {5, -1, 100, false, 0, 0},
        {90, 130, 100, true, 90000, 100000},
        {130, 140, 100, false, 0, 0},
        {100, 100, 100, true, 100000, 100000},
        {0, 1.7e9, 0, false, 0, 0},
        {0, 2678400, 0, true, 0, 2678400000},
        {0, 2678400.001, 0, false, 0, 0},
        {1.7e9, 1.7e9 + 20, 0, true, 1700000000000, 1700000020000},
        {1e300, 1e301, 0, false, 0, 0},
        {NAN, 1, 0, false, 0, 0},
        {1, INFINITY, 100, false, 0, 0},
        {0.0005, 0.0014999, 0, true, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct player_event e = play_of(cases[i].start, cases[i].end, cases[i].total);
        struct viewing_report r = viewing_report_of(&e, 0, NOW_MS);
        assert_int_equal(r.has_range, cases[i].has_range);
        if (r.has_range) {
            assert_int_equal(r.range.start_ms, cases[i].start_ms);
            assert_int_equal(r.range.end_ms, cases[i].end_ms);
        }
        struct watch w = {0};
        watch_event(&w, e, NOW_MS);
        assert_int_equal(w.plays, 1); /* the report counts, its range or not */
    }
    struct player_event e = play(7, 0);
    e.present = EVENT_HAS_TIME_START;
    struct viewing_report r = viewing_report_of(&e, 0, NOW_MS);
    assert_true(r.has_range && r.range.start_ms == 7000 && r.range.end_ms == 7000);
    e.present = EVENT_HAS_TIME_END;
    assert_false(viewing_report_of(&e, 0, NOW_MS).has_range);
}

static void watch_live(struct watch *w, uint64_t at_s)
{
    struct player_event e = play_of(0, 20, 3600); /* play_timestamp outranks all three */
    e.present |= EVENT_HAS_PLAY_TIMESTAMP;
    e.play_timestamp = at_s;
    watch_event(w, e, NOW_MS);
}

static void live_points_join_up_to_a_minute(void **state)
{
    (void)state;
    struct watch w = {0};
    for (uint64_t i = 0; i <= 15; i++) {
        watch_live(&w, 1709546400 + 20 * i);
    }
    for (uint64_t i = 0; i <= 3; i++) {
        watch_live(&w, 1709546400 + 900 + 20 * i);
    }
    watch_live(&w, UINT64_C(1) << 62); /* no time */
    assert_int_equal(w.engagement_ms, 360000);
    assert_int_equal(w.plays, 1);
    assert_int_equal(w.known, 0);
    assert_int_equal(w.viewing.live_line.count, 2);
    assert_int_equal(w.viewing.line.count, 0);
    assert_false(w.viewing.has_last);
}

static void past_64_intervals_the_nearest_are_joined(void **state)
{
    (void)state;
    struct watch w = {0};
    for (int i = 0; i < 64; i++) {
        watch_event(&w, play_of(10 * i, 10 * i + 1, 1000), NOW_MS);
    }
    assert_int_equal(w.joined, 0);
    watch_event(&w, play_of(303, 304, 1000), NOW_MS);
    watch_event(&w, play_of(301, 303, 1000), NOW_MS);
    assert_int_equal(w.joined, 1);
    assert_int_equal(w.engagement_ms, 65000);
    assert_int_equal(w.plays, 1);
}

static void a_new_day_is_told_once(void **state)
{
    (void)state;
    struct watch w = {0};
    watch_minute(&w, NOW_MS);
    assert_int_equal(w.new_days, 1);
    watch_minute(&w, NOW_MS + 14 * HOUR_MS); /* 00:00, and a viewing of its own */
    assert_int_equal(w.new_days, 2);
    struct watch over_midnight = {0};
    watch_range(&over_midnight, NOW_MS + 13 * HOUR_MS, 0, 20);
    watch_range(&over_midnight, NOW_MS + 14 * HOUR_MS, 0, 40);
    watch_range(&over_midnight, NOW_MS + 14 * HOUR_MS, 0, 60);
    assert_int_equal(over_midnight.new_days, 2);
    assert_int_equal(over_midnight.plays, 1);
}

static const char bytes_of_all[] = "\1\x37" /* bot and internal, derived, finished, last */
                                   "\x01\xac\x02\x7f"             /* source, domain, url */
                                   "\x80\x01\x05\x03\x02\xd0\x0f" /* 128, 133, 131, day 1, 2,000 */
                                   "\x0a\x14"                     /* last: 10 to 30 */
                                   "\x02\x00\x1e\x01\x00"         /* 0 to 30, 31 to 31 */
                                   "\x01\xc0\x0c\x00";            /* live: at 1600 */

/* What every reader of version 1 must make of these bytes. */
static void the_byte_form_stays_what_it_is(void **state)
{
    (void)state;
    struct viewing v;
    char again[VIEWING_BYTES_MAX];
    const struct slice bytes = slice_make(bytes_of_all, sizeof bytes_of_all - 1);
    assert_true(viewing_decode(bytes, &v));
    assert_int_equal(v.fixed.traffic, 3);
    assert_true(v.fixed.is_derived && v.is_finished && v.has_last && !v.fixed.is_other_photo);
    assert_int_equal(v.fixed.source, 1);
    assert_int_equal(v.fixed.domain, 300);
    assert_int_equal(v.fixed.url, 127);
    assert_int_equal(v.home_ms, 128);
    assert_int_equal(v.last_ms, 133);
    assert_int_equal(v.clock_ms, 131);
    assert_int_equal(v.day, 1);
    assert_int_equal(v.total_ms, 2000);
    assert_true(v.last.start_ms == 10 && v.last.end_ms == 30);
    assert_true(v.line.count == 2 && v.line.at[0].end_ms == 30 && v.line.at[1].start_ms == 31);
    assert_true(v.live_line.count == 1 && v.live_line.at[0].end_ms == 1600);
    assert_int_equal(viewing_encode(&v, again), bytes.len);
    assert_memory_equal(again, bytes.data, bytes.len);
}

static void what_is_no_byte_form_is_refused(void **state)
{
    (void)state;
    struct viewing v;
    static const struct {
        size_t at;
        char byte;
    } changes[] = {
        {0, 2},   {1, 0x77},          /* version; a flag there is not */
        {4, 0},                       /* a number longer than it need be */
        {15, 65}, {15, 4},   {15, 1}, /* intervals: too many; more, fewer than there are */
        {18, 0},                      /* a hole that is none */
    };
    char bytes[sizeof bytes_of_all];
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bytes, bytes_of_all, sizeof bytes);
        bytes[changes[i].at] = changes[i].byte;
        assert_false(viewing_decode(slice_make(bytes, sizeof bytes - 1), &v));
    }
    for (size_t len = 0; len < sizeof bytes - 1; len++) {
        assert_false(viewing_decode(slice_make(bytes_of_all, len), &v));
    }
    assert_false(viewing_decode(slice_make(bytes_of_all, sizeof bytes_of_all), &v));
}

#define IDS "\1\0\0\0\0"
#define PAST_ALL "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"

static void times_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool is_good;
    } cases[] = {
#define CASE(text, good) {text, sizeof text - 1, good}
        CASE(IDS "\5\0\0\0\0\0\0", true),
        CASE(IDS "\5\0\x0a\0\0\0\0", true),
        CASE(IDS "\5\0\x09\0\0\0\0", true),
        CASE(IDS "\5\0\x0b\0\0\0\0", false), /* a clock before 0 */
        CASE(IDS PAST_ALL "\0\0\0\0\0\0", false),
        CASE(IDS "\5" PAST_ALL "\0\0\0\0\0", false),
        CASE(IDS "\5\0\0" PAST_ALL "\0\0\0", false), /* a day of 64 bits */
        CASE(IDS "\5\0\0\0\x80\x80\x80\x80\x10\0\0", true),
        CASE(IDS "\5\0\0\0\x81\x80\x80\x80\x10\0\0", false), /* longer than any video */
        CASE(IDS "\5\0\0\0\0\1" PAST_ALL "\0\0", false),
        CASE(IDS "\5\0\0\0\0\0\2\0\0\xe1\xd4\3\0", true),
        CASE(IDS "\5\0\0\0\0\0\2\0\0\xe0\xd4\3\0", false), /* live points that are one */
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct viewing v;
        bool is_good = viewing_decode(slice_make(cases[i].bytes, cases[i].len), &v);
        assert_int_equal(is_good, cases[i].is_good);
    }
}

static void the_largest_state_fits(void **state)
{
    (void)state;
    struct viewing v = {.fixed = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 3, true, true},
                        .home_ms = 0,
                        .last_ms = INT64_MAX,
                        .clock_ms = 0,
                        .day = INT32_MIN,
                        .total_ms = INT64_C(2678400000),
                        .has_last = true};
    const int64_t step_ms = INT64_C(10000000000000) / RANGES_MAX;
    v.last = (struct range){INT64_C(9999000000000), INT64_C(10000000000000)};
    v.line.count = v.live_line.count = RANGES_MAX;
    for (int i = 0; i < RANGES_MAX; i++) {
        v.line.at[i] = (struct range){i * step_ms + step_ms / 2, (i + 1) * step_ms - 1};
        v.live_line.at[i] = v.line.at[i];
        v.live_line.at[i].start_ms += 60001;
    }
    static char bytes[VIEWING_BYTES_MAX], again[VIEWING_BYTES_MAX];
    struct viewing read;
    size_t len = viewing_encode(&v, bytes);
    assert_in_range(len, 1, VIEWING_BYTES_MAX);
    assert_true(viewing_decode(slice_make(bytes, len), &read));
    assert_true(read.fixed.is_other_photo);
    assert_int_equal(viewing_encode(&read, again), len);
    assert_memory_equal(again, bytes, len);
    v.line.count = RANGES_MAX + 1; /* one too many */
    v.line.at[RANGES_MAX] =
        (struct range){v.line.at[RANGES_MAX - 1].end_ms + 1, v.line.at[RANGES_MAX - 1].end_ms + 2};
    v.live_line.count = 0;
    assert_false(viewing_decode(slice_make(bytes, viewing_encode(&v, bytes)), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_with_a_seek_is_80_seconds_in_any_order),
        cmocka_unit_test(two_tabs_are_one_viewing),
        cmocka_unit_test(a_second_watch_counts_past_the_gap_only),
        cmocka_unit_test(a_pause_over_night_goes_on),
        cmocka_unit_test(past_the_gap_all_else_begins_a_viewing),
        cmocka_unit_test(the_state_is_gone_after_48_hours_of_the_partition),
        cmocka_unit_test(what_comes_late_begins_no_viewing),
        cmocka_unit_test(the_middle_alone_covers_points_50_to_60),
        cmocka_unit_test(a_longer_total_takes_the_old_values_out),
        cmocka_unit_test(a_total_that_comes_later_counts_what_was_seen),
        cmocka_unit_test(a_finish_is_taken_out_as_it_was_credited),
        cmocka_unit_test(without_a_length_there_is_no_percent),
        cmocka_unit_test(ranges_are_cut_and_checked),
        cmocka_unit_test(live_points_join_up_to_a_minute),
        cmocka_unit_test(past_64_intervals_the_nearest_are_joined),
        cmocka_unit_test(a_new_day_is_told_once),
        cmocka_unit_test(the_byte_form_stays_what_it_is),
        cmocka_unit_test(what_is_no_byte_form_is_refused),
        cmocka_unit_test(times_out_of_bounds_are_refused),
        cmocka_unit_test(the_largest_state_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
