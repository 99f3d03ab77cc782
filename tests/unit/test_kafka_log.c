/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/kafka_log.h"

#include <stdio.h>

static void one_line_a_second_goes_out_and_the_others_are_counted(void **state)
{
    (void)state;
    struct kafka_log_limit l = {0};
    uint64_t suppressed = 99;
    assert_true(kafka_log_admit(&l, "FAIL", 5000, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(kafka_log_admit(&l, "FAIL", 5000, &suppressed));
    assert_false(kafka_log_admit(&l, "FAIL", 5999, &suppressed));
    assert_true(kafka_log_admit(&l, "FAIL", 6000, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_true(kafka_log_admit(&l, "FAIL", 7000, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void facilities_do_not_silence_each_other(void **state)
{
    (void)state;
    struct kafka_log_limit l = {0};
    uint64_t suppressed = 0;
    assert_true(kafka_log_admit(&l, "FAIL", 5000, &suppressed));
    assert_true(kafka_log_admit(&l, "ERROR", 5000, &suppressed));
    assert_true(kafka_log_admit(&l, "FAILURE", 5000, &suppressed));
    assert_false(kafka_log_admit(&l, "FAIL", 5001, &suppressed));
}

static void long_names_count_as_one_by_their_start(void **state)
{
    (void)state;
    struct kafka_log_limit l = {0};
    uint64_t suppressed = 0;
    assert_true(kafka_log_admit(&l, "AN-ENDLESSLY-LONG-NAME-1", 5000, &suppressed));
    assert_false(kafka_log_admit(&l, "AN-ENDLESSLY-LONG-NAME-1", 5000, &suppressed));
    assert_int_equal(l.count, 1);
}

static void more_facilities_than_there_is_room_for_share_the_last(void **state)
{
    (void)state;
    struct kafka_log_limit l = {0};
    uint64_t suppressed = 0;
    char name[16];
    for (int i = 0; i < KAFKA_LOG_FACILITIES; i++) {
        snprintf(name, sizeof name, "F%d", i);
        assert_true(kafka_log_admit(&l, name, 5000, &suppressed));
    }
    assert_false(kafka_log_admit(&l, "ONE", 5500, &suppressed));
    assert_false(kafka_log_admit(&l, "MORE", 5500, &suppressed));
    assert_true(kafka_log_admit(&l, "MORE", 6000, &suppressed));
    assert_int_equal(suppressed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_a_second_goes_out_and_the_others_are_counted),
        cmocka_unit_test(facilities_do_not_silence_each_other),
        cmocka_unit_test(long_names_count_as_one_by_their_start),
        cmocka_unit_test(more_facilities_than_there_is_room_for_share_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
