/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/clocks.h"

static int64_t move(struct clocks *c, int32_t partition, int64_t ts_ms, int64_t now_ms)
{
    int64_t clock_ms = -1;
    assert_int_equal(clocks_move(c, partition, ts_ms, now_ms, &clock_ms), 0);
    return clock_ms;
}

static void a_clock_goes_forward_only_and_each_partition_has_its_own(void **state)
{
    (void)state;
    struct clocks *c = clocks_new();
    assert_int_equal(move(c, 3, 1000, 1000), 1000);
    assert_int_equal(move(c, 3, 900, 1000), 1000);
    assert_int_equal(move(c, 1, 500, 1000), 500);
    assert_int_equal(move(c, 2, 700, 1000), 700);
    assert_int_equal(move(c, 3, 1100, 1000), 1100);
    clocks_free(c);
}

static void what_is_far_ahead_moves_no_clock(void **state)
{
    (void)state;
    struct clocks *c = clocks_new();
    assert_int_equal(move(c, 0, 1000, 1000), 1000);
    assert_int_equal(move(c, 0, 1001 + CLOCKS_FUTURE_MS, 1000), 1000);
    assert_int_equal(move(c, 0, 1000 + CLOCKS_FUTURE_MS, 1000), 1000 + CLOCKS_FUTURE_MS);
    clocks_free(c);
}

static void those_that_moved_are_written_once_and_load_again(void **state)
{
    (void)state;
    struct clocks *c = clocks_new();
    const struct store_clock *rows = NULL;
    size_t count = 0;
    const struct store_clock loaded = {2, 50};
    assert_int_equal(clocks_load(c, &loaded), 0);
    (void)move(c, 5, 100, 1000);
    (void)move(c, 1, 200, 1000);
    assert_int_equal(move(c, 2, 40, 1000), 50);
    assert_int_equal(clocks_changed(c, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].partition, 1);
    assert_int_equal(rows[0].ms, 200);
    assert_int_equal(rows[1].partition, 5);
    clocks_commit(c);
    assert_int_equal(clocks_changed(c, &rows, &count), 0);
    assert_int_equal(count, 0);
    clocks_reset(c);
    assert_int_equal(move(c, 5, 1, 1000), 1);
    clocks_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_goes_forward_only_and_each_partition_has_its_own),
        cmocka_unit_test(what_is_far_ahead_moves_no_clock),
        cmocka_unit_test(those_that_moved_are_written_once_and_load_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
