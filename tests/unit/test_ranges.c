/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/ranges.h"

#include <stdlib.h>

/* Adds an interval that joins nothing. */
static int64_t add(struct ranges *r, int64_t start_ms, int64_t end_ms)
{
    unsigned joined = 0;
    int64_t new_ms = ranges_add(r, (struct range){start_ms, end_ms}, 0, &joined);
    assert_int_equal(joined, 0);
    return new_ms;
}

static void assert_range(const struct ranges *r, uint32_t i, int64_t start_ms, int64_t end_ms)
{
    assert_in_range(i, 0, r->count - 1);
    assert_int_equal(r->at[i].start_ms, start_ms);
    assert_int_equal(r->at[i].end_ms, end_ms);
}

static void a_cumulative_watch_counts_each_ms_once(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    assert_int_equal(add(&r, 0, 20000), 20000);
    assert_int_equal(add(&r, 0, 40000), 20000);
    assert_int_equal(add(&r, 0, 60000), 20000);
    assert_int_equal(add(&r, 300000, 320000), 20000);
    assert_int_equal(add(&r, 0, 40000), 0);
    assert_int_equal(r.count, 2);
    assert_int_equal(ranges_covered(&r, INT64_MAX), 80000);
    assert_int_equal(ranges_end(&r), 320000);
}

static void intervals_merge_however_they_lie(void **state)
{
    (void)state;
    static const struct {
        struct range added;
        int64_t new_ms;
        uint32_t count;
    } steps[] = {
        {{100, 200}, 100, 1}, {{300, 400}, 100, 2}, {{500, 600}, 100, 3},
        {{0, 50}, 50, 4},     {{200, 250}, 50, 4}, /* touches the end of one */
        {{290, 300}, 10, 4},                       /* the start of one */
        {{120, 130}, 0, 4},                        /* within one */
        {{250, 290}, 40, 3},                       /* fills a hole */
        {{90, 610}, 120, 2},                       /* covers all but the first */
        {{601, 700}, 90, 2},  {{0, 700}, 40, 1},
    };
    struct ranges r = {.count = 0};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(add(&r, steps[i].added.start_ms, steps[i].added.end_ms), steps[i].new_ms);
        assert_int_equal(r.count, steps[i].count);
    }
    assert_range(&r, 0, 0, 700);
}

static void holes_up_to_within_are_covered(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    unsigned joined = 0;
    static const struct {
        int64_t at_ms, new_ms;
        uint32_t count;
    } points[] = {{1000000, 0, 1},     {1060000, 60000, 1}, {1120001, 0, 2},   {1000000, 0, 2},
                  {1090000, 60001, 1}, {939999, 0, 2},      {940000, 60001, 1}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct range point = {points[i].at_ms, points[i].at_ms};
        assert_int_equal(ranges_add(&r, point, 60000, &joined), points[i].new_ms);
        assert_int_equal(r.count, points[i].count);
    }
    assert_int_equal(joined, 0);
}

static void the_nearest_two_of_65_are_joined_and_the_hole_adds_nothing(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    for (int64_t i = 0; i < RANGES_MAX; i++) {
        assert_int_equal(add(&r, i * 10, i * 10 + 1), 1);
    }
    unsigned joined = 0;
    assert_int_equal(ranges_add(&r, (struct range){303, 304}, 0, &joined), 1);
    assert_int_equal(joined, 1);
    assert_int_equal(r.count, RANGES_MAX);
    assert_range(&r, 30, 300, 304);
    assert_int_equal(add(&r, 301, 303), 0);
}

static void of_equal_holes_the_first_is_joined(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    unsigned joined = 0;
    for (int64_t i = RANGES_MAX; i >= 0; i--) {
        assert_int_equal(ranges_add(&r, (struct range){i * 10, i * 10 + 1}, 0, &joined), 1);
    }
    assert_int_equal(joined, 1);
    assert_range(&r, 0, 0, 11);
    assert_range(&r, RANGES_MAX - 1, 640, 641);
}

static void only_what_lies_before_the_end_is_covered(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    add(&r, 10, 20);
    add(&r, 30, 40);
    static const struct {
        int64_t until_ms, covered_ms;
    } cases[] = {{0, 0}, {10, 0}, {15, 5}, {20, 10}, {25, 10}, {35, 15}, {40, 20}, {99, 20}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ranges_covered(&r, cases[i].until_ms), cases[i].covered_ms);
    }
    struct ranges none = {.count = 0};
    assert_int_equal(ranges_covered(&none, 99), 0);
    assert_int_equal(ranges_end(&none), 0);
}

/* Point by point, as the rule says it. */
static bool covers(const struct ranges *r, int i, int64_t total_ms)
{
    for (uint32_t k = 0; k < r->count; k++) {
        if (r->at[k].start_ms * 100 <= i * total_ms && i * total_ms <= r->at[k].end_ms * 100) {
            return true;
        }
    }
    return i == 0;
}

static void points_are_covered_with_both_ends(void **state)
{
    (void)state;
    struct ranges r = {.count = 0};
    add(&r, 300000, 360000);
    struct ranges_points points = ranges_points(&r, 600000);
    for (int i = 0; i < RANGES_PERCENTS; i++) {
        assert_int_equal(ranges_has_point(points, i), i == 0 || (i >= 50 && i <= 60));
    }
}

static void points_agree_with_the_rule_for_any_intervals(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        struct ranges r = {.count = 0};
        int64_t total_ms = 1 + rand() % (round % 2 == 0 ? 300 : 1000000);
        for (int i = rand() % 6; i > 0; i--) {
            int64_t start_ms = rand() % (total_ms * 5 / 4 + 1);
            (void)add(&r, start_ms, start_ms + rand() % (total_ms / 3 + 1));
        }
        struct ranges_points points = ranges_points(&r, total_ms);
        for (int i = 0; i < RANGES_PERCENTS; i++) {
            assert_int_equal(ranges_has_point(points, i), covers(&r, i, total_ms));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cumulative_watch_counts_each_ms_once),
        cmocka_unit_test(intervals_merge_however_they_lie),
        cmocka_unit_test(holes_up_to_within_are_covered),
        cmocka_unit_test(the_nearest_two_of_65_are_joined_and_the_hole_adds_nothing),
        cmocka_unit_test(of_equal_holes_the_first_is_joined),
        cmocka_unit_test(only_what_lies_before_the_end_is_covered),
        cmocka_unit_test(points_are_covered_with_both_ends),
        cmocka_unit_test(points_agree_with_the_rule_for_any_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
