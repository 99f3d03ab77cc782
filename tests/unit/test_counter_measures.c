/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "counting_fixture.h"

#include <math.h>

static int set_up(void **state)
{
    struct counting *c = malloc(sizeof *c);
    counting_begin(c);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    counting_end(*state);
    free(*state);
    return 0;
}

/* What the store has of a measure; the grains must agree. */
static int64_t measure(const struct counting *c, const char *name)
{
    const char *const grains[] = {"quarter", "hour", "day"};
    int64_t found[3];
    for (int i = 0; i < 3; i++) {
        char sql[100];
        (void)snprintf(sql, sizeof sql, "SELECT sum(%s) FROM totals_%s", name, grains[i]);
        found[i] = counting_ask(c, sql);
    }
    assert_int_equal(found[0], found[1]);
    assert_int_equal(found[0], found[2]);
    return found[0];
}

static struct player_event download(uint64_t bytes)
{
    return (struct player_event){.kind = EVENT_KIND_DOWNLOAD,
                                 .photo_id = 7,
                                 .present = EVENT_HAS_BYTES_TOTAL,
                                 .bytes_total = bytes};
}

static void the_first_part_makes_a_download_and_the_bytes_of_all_count(void **state)
{
    struct counting *c = *state;
    struct player_event e = download(1000);
    assert_int_equal(counting_take(c, e), COUNTER_COUNTED);
    e.present |= EVENT_HAS_SKIP;
    assert_int_equal(counting_take(c, e), COUNTER_COUNTED);
    e.skip = true;
    assert_int_equal(counting_take(c, e), COUNTER_COUNTED);
    counting_flush(c);
    e.present = EVENT_HAS_SKIP;
    assert_int_equal(counting_take(c, e), COUNTER_COUNTED);
    counting_flush(c);
    assert_int_equal(measure(c, "downloads"), 2);
    assert_int_equal(measure(c, "downloaded_bytes"), 3000);
    assert_int_equal(measure(c, "reports"), 4);
    assert_int_equal(measure(c, "events"), 0);
}

static void bytes_past_a_tebibyte_are_no_number(void **state)
{
    struct counting *c = *state;
    assert_int_equal(counting_take(c, download(UINT64_C(1) << 40)), COUNTER_COUNTED);
    assert_int_equal(counting_take(c, download((UINT64_C(1) << 40) + 1)), COUNTER_COUNTED);
    assert_int_equal(counting_take(c, download(INT64_MAX)), COUNTER_COUNTED);
    counting_flush(c);
    assert_int_equal(measure(c, "downloads"), 3);
    assert_int_equal(measure(c, "downloaded_bytes"), INT64_C(1) << 40);
}

static void a_play_of_nobody_is_one_when_it_says_that_it_starts(void **state)
{
    static const struct {
        unsigned present;
        double start, end;
        bool is_play;
    } cases[] = {
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, 0, 0, true},
        {EVENT_HAS_TIME_START, 0, 0, true},
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, 0.999, 0.999, true},
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, -1, -1, true},
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, 1, 1, false},
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, 0, 20, false},
        {EVENT_HAS_TIME_START | EVENT_HAS_TIME_END, 0, NAN, false},
        {EVENT_HAS_TIME_END, 0, 0, false},
        {EVENT_HAS_TIME_START | EVENT_HAS_PLAY_TIMESTAMP, 0, 0, false},
        {0, 0, 0, false},
    };
    struct counting *c = *state;
    int64_t plays = 0, count = sizeof cases / sizeof cases[0];
    for (int i = 0; i < count; i++) {
        struct player_event e = {.kind = EVENT_KIND_PLAY,
                                 .photo_id = (uint64_t)i,
                                 .uuid = slice_of(""),
                                 .present = cases[i].present,
                                 .time_start = cases[i].start,
                                 .time_end = cases[i].end};
        assert_int_equal(counting_take(c, e), COUNTER_COUNTED);
        plays += cases[i].is_play;
    }
    counting_flush(c);
    assert_int_equal(measure(c, "plays"), plays);
    assert_int_equal(measure(c, "uncounted_reports"), count - plays);
    assert_int_equal(measure(c, "reports"), count);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM totals_day"
                                     " WHERE plays = (photo_id < 4)"),
                     count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_part_makes_a_download_and_the_bytes_of_all_count,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_past_a_tebibyte_are_no_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_play_of_nobody_is_one_when_it_says_that_it_starts, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
