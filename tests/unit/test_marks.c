/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/marks.h"

static void a_sequence_applied_before_is_a_repeat(void **state)
{
    (void)state;
    struct marks *m = marks_new();
    assert_int_equal(marks_apply(m, 0, 7, 5, 100), MARKS_NEW);
    assert_int_equal(marks_apply(m, 0, 7, 5, 100), MARKS_REPEAT);
    assert_int_equal(marks_apply(m, 0, 7, 4, 100), MARKS_REPEAT);
    assert_int_equal(marks_apply(m, 0, 7, 9, 100), MARKS_NEW);
    marks_free(m);
}

static void partitions_and_lanes_have_marks_of_their_own(void **state)
{
    (void)state;
    struct marks *m = marks_new();
    assert_int_equal(marks_apply(m, 0, 7, 5, 1), MARKS_NEW);
    assert_int_equal(marks_apply(m, 1, 7, 5, 1), MARKS_NEW);
    assert_int_equal(marks_apply(m, 0, 8, 5, 1), MARKS_NEW);
    assert_int_equal(marks_size(m), 3);
    marks_free(m);
}

static void a_loaded_mark_drops_what_it_covers(void **state)
{
    (void)state;
    struct marks *m = marks_new();
    const struct store_mark mark = {.partition = 3, .lane = 9, .sequence = 100, .seen_ms = 1};
    assert_int_equal(marks_load(m, &mark), 0);
    assert_int_equal(marks_apply(m, 3, 9, 100, 2), MARKS_REPEAT);
    assert_int_equal(marks_apply(m, 3, 9, 101, 2), MARKS_NEW);
    marks_free(m);
}

static void changed_rows_are_sorted_and_gone_after_commit(void **state)
{
    (void)state;
    struct marks *m = marks_new();
    for (uint64_t lane = 2000; lane > 0; lane--) { /* grows several times */
        assert_int_equal(marks_apply(m, (int32_t)(lane % 3), lane, lane, (int64_t)lane), MARKS_NEW);
    }
    const struct store_mark *rows = NULL;
    size_t count = 0;
    assert_int_equal(marks_changed(m, &rows, &count), 0);
    assert_int_equal(count, 2000);
    for (size_t i = 1; i < count; i++) {
        assert_true(
            rows[i - 1].partition < rows[i].partition ||
            (rows[i - 1].partition == rows[i].partition && rows[i - 1].lane < rows[i].lane));
        assert_int_equal(rows[i].sequence, rows[i].lane);
    }
    marks_commit(m);
    assert_int_equal(marks_changed(m, &rows, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(marks_apply(m, 0, 3, 3, 1), MARKS_REPEAT);
    marks_free(m);
}

static void reset_forgets_what_was_never_stored(void **state)
{
    (void)state;
    struct marks *m = marks_new();
    assert_int_equal(marks_apply(m, 0, 7, 5, 1), MARKS_NEW);
    marks_reset(m);
    assert_int_equal(marks_size(m), 0);
    assert_int_equal(marks_apply(m, 0, 7, 5, 1), MARKS_NEW);
    marks_free(m);
    marks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequence_applied_before_is_a_repeat),
        cmocka_unit_test(partitions_and_lanes_have_marks_of_their_own),
        cmocka_unit_test(a_loaded_mark_drops_what_it_covers),
        cmocka_unit_test(changed_rows_are_sorted_and_gone_after_commit),
        cmocka_unit_test(reset_forgets_what_was_never_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
