/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/timezone.h"

#include <errno.h>

static struct zone *open_zone(const char *name)
{
    struct zone *z = NULL;
    assert_int_equal(timezone_open(&z, name), 0);
    return z;
}

static int quarters_of_day(struct zone *z, int32_t day)
{
    int count = 0;
    for (int32_t quarter = (day - 2) * 96; quarter < (day + 3) * 96; quarter++) {
        count += timezone_day(z, quarter) == day;
    }
    return count;
}

static void days_of_chicago_have_92_96_or_100_quarters(void **state)
{
    (void)state;
    enum { NOV_6_2022 = 19302, MAR_13_2022 = 19064 };
    struct zone *z = open_zone("America/Chicago");
    assert_int_equal(quarters_of_day(z, NOV_6_2022), 100);
    assert_int_equal(quarters_of_day(z, NOV_6_2022 - 1), 96);
    assert_int_equal(quarters_of_day(z, NOV_6_2022 + 1), 96);
    assert_int_equal(quarters_of_day(z, MAR_13_2022), 92);
    assert_int_equal(quarters_of_day(z, MAR_13_2022 + 1), 96);
    timezone_close(z);
}

static void midnight_in_kolkata_is_half_past_six_in_the_evening_utc(void **state)
{
    (void)state;
    struct zone *z = open_zone("Asia/Kolkata");
    int64_t midnight_ms = 19302LL * 86400000 - 19800000; /* 18:30 UTC of the day before */
    assert_int_equal(timezone_day(z, timezone_quarter(midnight_ms - 1000)), 19301);
    assert_int_equal(timezone_day(z, timezone_quarter(midnight_ms)), 19302);
    assert_int_equal(timezone_day_start_ms(z, 19302), midnight_ms);
    timezone_close(z);
}

static void utc_days_are_whole(void **state)
{
    (void)state;
    struct zone *z = open_zone("UTC");
    assert_int_equal(timezone_day(z, 0), 0);
    assert_int_equal(timezone_day(z, 95), 0);
    assert_int_equal(timezone_day(z, 96), 1);
    assert_int_equal(timezone_day(z, -1), -1);
    assert_int_equal(timezone_day_start_ms(z, 19302), 19302LL * 86400000);
    timezone_close(z);
}

static void days_start_where_the_day_before_ends(void **state)
{
    (void)state;
    const char *names[] = {"America/Chicago", "Asia/Kathmandu",     "Australia/Lord_Howe",
                           "Europe/Berlin",   "Pacific/Kiritimati", "America/St_Johns"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zone *z = open_zone(names[i]);
        for (int32_t day = 19000; day < 19730; day++) {
            int32_t first = timezone_quarter(timezone_day_start_ms(z, day));
            assert_int_equal(timezone_day(z, first), day);
            assert_int_equal(timezone_day(z, first - 1), day - 1);
        }
        timezone_close(z);
    }
}

static void a_day_that_was_left_out_starts_where_the_next_does(void **state)
{
    (void)state;
    enum { DEC_30_2011 = 15338 }; /* Samoa went over the date line */
    struct zone *z = open_zone("Pacific/Apia");
    assert_int_equal(quarters_of_day(z, DEC_30_2011), 0);
    assert_int_equal(timezone_day_start_ms(z, DEC_30_2011),
                     timezone_day_start_ms(z, DEC_30_2011 + 1));
    timezone_close(z);
}

static void the_order_of_questions_does_not_matter(void **state)
{
    (void)state;
    struct zone *z = open_zone("America/Chicago");
    struct zone *fresh = open_zone("America/Chicago");
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525U + 1013904223U;
        int32_t quarter = (int32_t)(random % 2000000);
        int32_t day = timezone_day(z, quarter);
        assert_int_equal(timezone_day(fresh, quarter), day);
        assert_true(timezone_day_start_ms(fresh, day) <= quarter * (int64_t)TIMEZONE_QUARTER_MS);
    }
    timezone_close(z);
    timezone_close(fresh);
}

static void quarters_round_down_and_stay_in_range(void **state)
{
    (void)state;
    assert_int_equal(timezone_quarter(0), 0);
    assert_int_equal(timezone_quarter(899999), 0);
    assert_int_equal(timezone_quarter(900000), 1);
    assert_int_equal(timezone_quarter(-1), -1);
    assert_int_equal(timezone_quarter(INT64_MAX), INT32_MAX);
    assert_int_equal(timezone_quarter(INT64_MIN), INT32_MIN);
    struct zone *z = open_zone("America/Chicago");
    assert_int_equal(timezone_day(z, INT32_MAX), INT32_MAX / 96);
    assert_true(timezone_day(z, INT32_MIN) < 0);
    timezone_close(z);
}

static void only_names_of_the_database_are_zones(void **state)
{
    (void)state;
    const char *good[] = {"UTC", "Europe/Copenhagen", "America/Argentina/Buenos_Aires",
                          "Etc/GMT+5"};
    const char *bad[] = {"",
                         "Mars/Olympus",
                         "/etc/localtime",
                         "../../etc/localtime",
                         "+05:30",
                         "europe/nowhere",
                         "UTC0:1",
                         "Europe/../UTC",
                         "Europe",
                         ":UTC"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(timezone_exists(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(timezone_exists(bad[i]));
        struct zone *z = NULL;
        assert_int_equal(timezone_open(&z, bad[i]), -ENOENT);
        assert_null(z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_of_chicago_have_92_96_or_100_quarters),
        cmocka_unit_test(midnight_in_kolkata_is_half_past_six_in_the_evening_utc),
        cmocka_unit_test(utc_days_are_whole),
        cmocka_unit_test(days_start_where_the_day_before_ends),
        cmocka_unit_test(a_day_that_was_left_out_starts_where_the_next_does),
        cmocka_unit_test(the_order_of_questions_does_not_matter),
        cmocka_unit_test(quarters_round_down_and_stay_in_range),
        cmocka_unit_test(only_names_of_the_database_are_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
