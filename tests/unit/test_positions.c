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
    struct positions *p = assigned((const int32_t[]){4}, 1);
    positions_load(p, 4, 10);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_GAP);
    positions_unload(p);
    positions_load(p, 4, 10);
    assert_int_equal(positions_accept(p, 4, 10), POSITIONS_TAKE); /* it was no gap */
    positions_move(p, 4, 11, 1);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_GAP);
    positions_unload(p);
    positions_load(p, 4, 11);
    assert_int_equal(positions_accept(p, 4, 15), POSITIONS_TAKE); /* it is one */
    positions_free(p);
}

static void rows_carry_the_old_offset_for_the_compare_and_set(void **state)
{
    (void)state;
    const struct poll_offset *moved = NULL;
    const struct store_position *rows = NULL;
    struct positions *p = assigned((const int32_t[]){4, 5, 6}, 3);
    positions_load(p, 5, 20);
    positions_load(p, 6, 30);
    positions_move(p, 4, 3, 1);
    positions_move(p, 5, 21, 1);
    assert_int_equal(positions_changed(p, &rows), 2);
    assert_int_equal(rows[0].expected, STORE_NO_POSITION);
    assert_int_equal(rows[1].expected, 20);
    assert_int_equal(rows[1].next, 21);
    assert_int_equal(positions_commit(p, &moved), 2);
    assert_int_equal(moved[1].partition, 5);
    assert_int_equal(moved[1].offset, 21);
    assert_int_equal(positions_changed(p, &rows), 0);
    positions_free(p);
}

static void a_jump_goes_to_the_store_as_a_move_does(void **state)
{
    (void)state;
    const struct store_position *rows = NULL;
    struct positions *p = assigned((const int32_t[]){4}, 1);
    positions_load(p, 4, 100);
    positions_jump(p, 4, 7);
    positions_jump(p, 5, 7); /* of another: passed over */
    assert_int_equal(positions_changed(p, &rows), 1);
    assert_int_equal(rows[0].expected, 100);
    assert_int_equal(rows[0].next, 7);
    assert_int_equal(positions_accept(p, 4, 7), POSITIONS_TAKE);
    positions_free(p);
}

static void a_partition_that_does_not_run_drops_its_records_and_is_not_started(void **state)
{
    (void)state;
    const enum positions_state states[] = {POSITIONS_HELD, POSITIONS_LOST, POSITIONS_STOPPED};
    const struct poll_offset *offsets = NULL;
    struct positions *p = assigned((const int32_t[]){4, 5}, 2);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        positions_set_state(p, 4, states[i]);
        positions_unload(p); /* the state outlives it */
        positions_load(p, 4, 10);
        assert_int_equal(positions_accept(p, 4, 10), POSITIONS_DROP);
        assert_int_equal(positions_in_state(p, states[i]), 1);
        assert_int_equal(positions_offsets(p, &offsets), 1);
        assert_int_equal(offsets[0].partition, 5);
        assert_int_equal(offsets[0].offset, POLL_FROM_START);
    }
    positions_set_state(p, 4, POSITIONS_RUNNING);
    assert_int_equal(positions_accept(p, 4, 10), POSITIONS_TAKE);
    assert_int_equal(positions_offsets(p, &offsets), 2);
    assert_int_equal(offsets[0].offset, 10);
    positions_free(p);
}

static void a_new_assignment_lets_all_run(void **state)
{
    (void)state;
    const struct poll_offset offsets[] = {{4, POLL_FROM_START}};
    struct positions *p = assigned((const int32_t[]){4, 5}, 2);
    positions_set_state(p, 4, POSITIONS_STOPPED);
    assert_int_equal(positions_assign(p, offsets, 1), 0);
    assert_int_equal(positions_count(p), 1);
    assert_int_equal(positions_at(p, 0).state, POSITIONS_RUNNING);
    positions_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_position_the_first_record_says_where_it_begins),
        cmocka_unit_test(records_of_other_partitions_and_old_ones_are_dropped),
        cmocka_unit_test(a_gap_is_taken_only_when_it_shows_again_after_a_restart),
        cmocka_unit_test(rows_carry_the_old_offset_for_the_compare_and_set),
        cmocka_unit_test(a_jump_goes_to_the_store_as_a_move_does),
        cmocka_unit_test(a_partition_that_does_not_run_drops_its_records_and_is_not_started),
        cmocka_unit_test(a_new_assignment_lets_all_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
