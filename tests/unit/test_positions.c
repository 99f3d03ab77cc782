/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/positions.h"

static struct positions *assigned(const int32_t *partitions, size_t count)
{
    struct poll_offset offsets[8];
    struct positions *p = positions_new();
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (struct poll_offset){partitions[i], POLL_FROM_START};
    }
    assert_int_equal(positions_assign(p, offsets, count), 0);
    return p;
}

static void without_a_position_the_first_record_says_where_it_begins(void **state)
{
    (void)state;
    struct positions *p = assigned((const int32_t[]){4}, 1);
    assert_int_equal(positions_accept(p, 4, 1000), POSITIONS_TAKE);
    positions_move(p, 4, 1001, 5);
    assert_int_equal(positions_accept(p, 4, 1000), POSITIONS_DROP);
    assert_int_equal(positions_at(p, 0).next, 1001);
    assert_int_equal(positions_at(p, 0).timestamp_ms, 5);
    positions_free(p);
}

static void records_of_other_partitions_and_old_ones_are_dropped(void **state)
{
    (void)state;
    struct positions *p = assigned((const int32_t[]){4}, 1);
    positions_load(p, 4, 10);
    positions_load(p, 5, 10);
    assert_int_equal(positions_accept(p, 5, 10), POSITIONS_DROP);
    assert_int_equal(positions_accept(p, 4, 9), POSITIONS_DROP);
    assert_int_equal(positions_accept(p, 4, 10), POSITIONS_TAKE);
    positions_free(p);
}

static void a_gap_is_taken_only_when_it_shows_again_after_a_restart(void **state)
{
    (void)state;
    struct poll_offset offsets[1] = {{4, POLL_FROM_START}};
    struct positions *p = assigned((const int32_t[]){4}, 1);
    positions_load(p, 4, 10);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_GAP);
    assert_int_equal(positions_assign(p, offsets, 1), 0);
    positions_load(p, 4, 10);
    assert_int_equal(positions_accept(p, 4, 10), POSITIONS_TAKE); /* it was no gap */
    positions_move(p, 4, 11, 1);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_GAP);
    assert_int_equal(positions_assign(p, offsets, 1), 0);
    positions_load(p, 4, 11);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_TAKE); /* it is one */
    positions_free(p);
}

static void rows_carry_the_old_offset_for_the_compare_and_set(void **state)
{
    (void)state;
    struct poll_offset moved[2];
    const struct store_position *rows = NULL;
    size_t count = 0;
    struct positions *p = assigned((const int32_t[]){4, 5}, 2);
    positions_load(p, 5, 20);
    positions_move(p, 4, 3, 1);
    positions_move(p, 5, 21, 1);
    assert_int_equal(positions_changed(p, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].expected, STORE_NO_POSITION);
    assert_int_equal(rows[1].expected, 20);
    assert_int_equal(rows[1].next, 21);
    assert_int_equal(positions_commit(p, moved, 2), 2);
    assert_int_equal(positions_changed(p, &rows, &count), 0);
    assert_int_equal(count, 0);
    positions_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_position_the_first_record_says_where_it_begins),
        cmocka_unit_test(records_of_other_partitions_and_old_ones_are_dropped),
        cmocka_unit_test(a_gap_is_taken_only_when_it_shows_again_after_a_restart),
        cmocka_unit_test(rows_carry_the_old_offset_for_the_compare_and_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
