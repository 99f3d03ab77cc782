/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/vitals.h"

#include <stdio.h>

static int setup(void **state)
{
    *state = vitals_new();
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    vitals_free(*state);
    return 0;
}

static void nothing_is_told_before_it_is_known(void **state)
{
    struct vitals_view view;
    vitals_read(*state, &view);
    assert_int_equal(view.flushes, 0);
    assert_int_equal(view.flush_p99_us, 0);
    assert_int_equal(view.dead_count, 0);
}

static void percentiles_are_by_nearest_rank(void **state)
{
    struct vitals_view view;
    vitals_flushed(*state, 7);
    vitals_read(*state, &view);
    assert_int_equal(view.flush_p50_us, 7);
    assert_int_equal(view.flush_p99_us, 7);
    for (uint64_t us = 200; us > 101; us--) { /* with the 7 they are 100 */
        vitals_flushed(*state, us);
    }
    vitals_read(*state, &view);
    assert_int_equal(view.flushes, 100);
    assert_int_equal(view.flush_p50_us, 150);
    assert_int_equal(view.flush_p99_us, 199);
}

static void the_oldest_flushes_are_forgotten(void **state)
{
    struct vitals_view view;
    vitals_flushed(*state, 1000000);
    for (int i = 0; i < VITALS_FLUSHES; i++) {
        vitals_flushed(*state, 5);
    }
    vitals_read(*state, &view);
    assert_int_equal(view.flushes, VITALS_FLUSHES);
    assert_int_equal(view.flush_p99_us, 5);
}

static void the_dead_are_counted_by_reason(void **state)
{
    struct vitals_view view;
    vitals_dead(*state, "bad_utf8");
    vitals_dead(*state, "not_a_map");
    vitals_dead(*state, "bad_utf8");
    vitals_read(*state, &view);
    assert_int_equal(view.dead_count, 2);
    assert_string_equal(view.dead[0].reason, "bad_utf8");
    assert_int_equal(view.dead[0].count, 2);
    assert_int_equal(view.dead[1].count, 1);
}

static void reasons_beyond_the_table_join_the_last(void **state)
{
    static char names[VITALS_REASONS + 3][8];
    struct vitals_view view;
    for (int i = 0; i < VITALS_REASONS + 3; i++) {
        (void)snprintf(names[i], sizeof names[i], "r%d", i);
        vitals_dead(*state, names[i]);
    }
    vitals_read(*state, &view);
    assert_int_equal(view.dead_count, VITALS_REASONS);
    assert_int_equal(view.dead[VITALS_REASONS - 1].count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_told_before_it_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(percentiles_are_by_nearest_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_flushes_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(the_dead_are_counted_by_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(reasons_beyond_the_table_join_the_last, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
