/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/clock.h"

#include <time.h>

static void the_wall_clock_is_that_of_the_system(void **state)
{
    (void)state;
    uint64_t before = (uint64_t)time(NULL);
    uint64_t now_ms = clock_wall_ms();
    /* time() may be a tick behind the clock that was read after it */
    assert_true(now_ms / 1000 >= before);
    assert_true(now_ms / 1000 <= (uint64_t)time(NULL) + 1);
}

static void the_monotonic_clock_never_runs_backwards(void **state)
{
    (void)state;
    uint64_t last = clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_mono_us();
        assert_true(now >= last);
        last = now;
    }
}

static void milliseconds_and_microseconds_are_of_one_clock(void **state)
{
    (void)state;
    uint64_t before_us = clock_mono_us();
    uint64_t now_ms = clock_mono_ms();
    uint64_t after_us = clock_mono_us();
    assert_true(now_ms >= before_us / 1000);
    assert_true(now_ms <= after_us / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wall_clock_is_that_of_the_system),
        cmocka_unit_test(the_monotonic_clock_never_runs_backwards),
        cmocka_unit_test(milliseconds_and_microseconds_are_of_one_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
