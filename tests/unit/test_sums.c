/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/sums.h"

#include <string.h>

static void sums_stand_by_their_keys(void **state)
{
    (void)state;
    struct sums *s = sums_new(2, 3);
    for (uint64_t round = 1; round <= 3; round++) {
        for (uint64_t i = 0; i < 5000; i++) {
            int64_t *sums = sums_at(s, (const uint64_t[]){i % 50, i / 50});
            assert_int_equal(sums[0], round == 1 ? 0 : (int64_t)(i * (round - 1)));
            sums[0] += (int64_t)i;
            sums[2] -= 1;
        }
    }
    assert_int_equal(sums_count(s), 5000);
    const uint64_t *records = sums_sorted(s);
    for (uint64_t i = 0; i < 5000; i++) {
        const uint64_t *r = records + i * 5;
        assert_int_equal(r[0], i / 100);
        assert_int_equal(r[1], i % 100);
        assert_int_equal(r[2], 3 * (r[1] * 50 + r[0]));
        assert_int_equal(r[3], 0);
        assert_int_equal((int64_t)r[4], -3);
    }
    sums_free(s);
}

static void sorting_leaves_the_sums_where_they_are(void **state)
{
    (void)state;
    struct sums *s = sums_new(1, 1);
    for (uint64_t i = 10; i > 0; i--) {
        *sums_at(s, &i) += 1;
    }
    assert_non_null(sums_sorted(s));
    for (uint64_t i = 10; i > 0; i--) {
        *sums_at(s, &i) += (int64_t)i;
    }
    const uint64_t *records = sums_sorted(s);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(records[i * 2], i + 1);
        assert_int_equal(records[i * 2 + 1], i + 2);
    }
    sums_free(s);
}

static void reset_forgets_the_keys(void **state)
{
    (void)state;
    struct sums *s = sums_new(1, 1);
    const uint64_t key = 7;
    *sums_at(s, &key) = 5;
    sums_reset(s);
    assert_int_equal(sums_count(s), 0);
    assert_non_null(sums_sorted(s));
    assert_int_equal(*sums_at(s, &key), 0);
    assert_int_equal(sums_count(s), 1);
    sums_free(s);
}

static void signed_numbers_sort_as_such(void **state)
{
    (void)state;
    const int32_t numbers[] = {INT32_MIN, -5, -1, 0, 1, INT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(sums_unorder(sums_order(numbers[i])), numbers[i]);
        assert_true(i == 0 || sums_order(numbers[i - 1]) < sums_order(numbers[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stand_by_their_keys),
        cmocka_unit_test(sorting_leaves_the_sums_where_they_are),
        cmocka_unit_test(reset_forgets_the_keys),
        cmocka_unit_test(signed_numbers_sort_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
