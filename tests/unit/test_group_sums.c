/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/group_sums.h"

#include <errno.h>

enum { PLENTY = 1 << 20, A_GROUP = 3 * 8 + 2 * 4 };

static void rows_of_a_group_are_added_up(void **state)
{
    (void)state;
    struct group_sums *g = group_sums_new(2, 1, PLENTY);
    for (int64_t i = 0; i < 10000; i++) {
        int64_t row[] = {i % 1000, -(i % 7), i};
        assert_int_equal(group_sums_add(g, row), 0);
    }
    assert_int_equal(group_sums_count(g), 7000);
    for (int64_t i = 0; i < 7000; i++) {
        const int64_t *row = group_sums_row(g, (size_t)i);
        assert_int_equal(row[0], i % 1000);
        assert_int_equal(row[1], -(i % 7));
        assert_int_equal(row[2], i < 3000 ? 2 * i + 7000 : i);
    }
    group_sums_free(g);
}

static void without_keys_there_is_one_group(void **state)
{
    (void)state;
    struct group_sums *g = group_sums_new(0, 2, PLENTY);
    assert_int_equal(group_sums_count(g), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){1, 10}), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){2, 20}), 0);
    assert_int_equal(group_sums_count(g), 1);
    assert_int_equal(group_sums_row(g, 0)[0], 3);
    assert_int_equal(group_sums_row(g, 0)[1], 30);
    group_sums_free(g);
}

static void a_full_table_takes_known_groups_only_until_it_is_cleared(void **state)
{
    (void)state;
    struct group_sums *g = group_sums_new(1, 2, 100 * A_GROUP); /* the power of 2 below: 64 */
    for (int64_t i = 0; i < 64; i++) {
        assert_int_equal(group_sums_add(g, (int64_t[]){i, 1, 2}), 0);
    }
    assert_int_equal(group_sums_add(g, (int64_t[]){64, 1, 2}), -ENOSPC);
    assert_int_equal(group_sums_add(g, (int64_t[]){63, 1, 2}), 0);
    assert_int_equal(group_sums_count(g), 64);
    assert_int_equal(group_sums_row(g, 63)[2], 4);
    group_sums_clear(g);
    assert_int_equal(group_sums_count(g), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){64, 1, 2}), 0);
    assert_int_equal(group_sums_row(g, 0)[0], 64);
    group_sums_free(g);
}

static void there_is_room_for_a_group_however_little_is_given(void **state)
{
    (void)state;
    struct group_sums *g = group_sums_new(1, 2, 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){5, 1, 2}), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){6, 1, 2}), -ENOSPC);
    group_sums_free(g);
}

static void a_sum_that_is_too_large_is_told(void **state)
{
    (void)state;
    struct group_sums *g = group_sums_new(1, 1, PLENTY);
    assert_int_equal(group_sums_add(g, (int64_t[]){1, INT64_MAX}), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){2, INT64_MIN}), 0);
    assert_int_equal(group_sums_add(g, (int64_t[]){1, 1}), -EOVERFLOW);
    assert_int_equal(group_sums_add(g, (int64_t[]){2, -1}), -EOVERFLOW);
    group_sums_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_group_are_added_up),
        cmocka_unit_test(without_keys_there_is_one_group),
        cmocka_unit_test(a_full_table_takes_known_groups_only_until_it_is_cleared),
        cmocka_unit_test(there_is_room_for_a_group_however_little_is_given),
        cmocka_unit_test(a_sum_that_is_too_large_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
