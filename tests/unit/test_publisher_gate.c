/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/publisher_gate.h"

enum { NOW_MS = 5000 };

static void the_first_record_of_a_partition_goes_alone(void **state)
{
    (void)state;
    struct gate g = {0};
    assert_int_equal(gate_reserve(&g, 3), 0);
    assert_true(gate_is_open(&g, 3, NOW_MS));
    gate_sent(&g, 3);
    assert_false(gate_is_open(&g, 3, NOW_MS));
    gate_reported(&g, 3, true, NOW_MS);
    assert_true(gate_is_open(&g, 3, NOW_MS));
    gate_sent(&g, 3);
    assert_true(gate_is_open(&g, 3, NOW_MS));
    gate_reset(&g);
}

static void a_first_record_that_is_not_stored_opens_nothing(void **state)
{
    (void)state;
    struct gate g = {0};
    assert_int_equal(gate_reserve(&g, 0), 0);
    gate_sent(&g, 0);
    gate_reported(&g, 0, false, NOW_MS);
    assert_true(gate_is_open(&g, 0, NOW_MS));
    gate_sent(&g, 0);
    assert_false(gate_is_open(&g, 0, NOW_MS));
    gate_reset(&g);
}

static void one_partition_does_not_hold_another(void **state)
{
    (void)state;
    struct gate g = {0};
    assert_int_equal(gate_reserve(&g, 1), 0);
    gate_sent(&g, 1);
    assert_int_equal(gate_reserve(&g, 200), 0);
    assert_false(gate_is_open(&g, 1, NOW_MS));
    assert_true(gate_is_open(&g, 0, NOW_MS));
    assert_true(gate_is_open(&g, 200, NOW_MS));
    gate_reset(&g);
}

static void a_partition_that_was_idle_for_long_begins_anew(void **state)
{
    (void)state;
    struct gate g = {0};
    assert_int_equal(gate_reserve(&g, 0), 0);
    gate_sent(&g, 0);
    gate_reported(&g, 0, true, NOW_MS);
    gate_sent(&g, 0);
    assert_true(gate_is_open(&g, 0, NOW_MS + GATE_IDLE_MS)); /* not idle: one is in flight */
    gate_reported(&g, 0, true, NOW_MS);
    assert_true(gate_is_open(&g, 0, NOW_MS + GATE_IDLE_MS));
    gate_sent(&g, 0);
    assert_false(gate_is_open(&g, 0, NOW_MS + GATE_IDLE_MS));
    gate_reset(&g);
}

static void a_new_producer_begins_anew(void **state)
{
    (void)state;
    struct gate g = {0};
    assert_int_equal(gate_reserve(&g, 0), 0);
    gate_sent(&g, 0);
    gate_reported(&g, 0, true, NOW_MS);
    gate_reset(&g);
    assert_int_equal(gate_reserve(&g, 0), 0);
    gate_sent(&g, 0);
    assert_false(gate_is_open(&g, 0, NOW_MS));
    gate_reset(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_record_of_a_partition_goes_alone),
        cmocka_unit_test(a_first_record_that_is_not_stored_opens_nothing),
        cmocka_unit_test(one_partition_does_not_hold_another),
        cmocka_unit_test(a_partition_that_was_idle_for_long_begins_anew),
        cmocka_unit_test(a_new_producer_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
