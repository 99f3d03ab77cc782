/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/acks.h"

#include <errno.h>

enum { TIMEOUT_US = 1000 };

static int set_up(void **state)
{
    struct acks *a = NULL;
    assert_int_equal(acks_new(&a, TIMEOUT_US), 0);
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    acks_free(*state);
    return 0;
}

/* Turn n begins at n us, has one reply and ends at sequence 10 * n. */
static void add(struct acks *a, uint64_t n, int outcome)
{
    const struct acks_turn turn = {
        .ticket = n, .last_sequence = 10 * n, .begun_us = n, .count = 1, .outcome = outcome};
    acks_add(a, &turn);
}

static void expect(struct acks *a, uint64_t now_us, uint64_t ticket, int outcome)
{
    struct acks_turn turn;
    assert_true(acks_take(a, now_us, &turn));
    assert_int_equal(turn.ticket, ticket);
    assert_int_equal(turn.last_sequence, 10 * ticket);
    assert_int_equal(turn.outcome, outcome);
}

static void expect_none(struct acks *a, uint64_t now_us)
{
    struct acks_turn turn;
    assert_false(acks_take(a, now_us, &turn));
}

static void turns_come_out_once_their_last_record_is_confirmed(void **state)
{
    struct acks *a = *state;
    expect_none(a, 0);
    add(a, 1, 0);
    add(a, 2, 0);
    expect_none(a, 5);
    acks_confirm(a, 9, 0); /* not all of the first */
    expect_none(a, 5);
    acks_confirm(a, 10, 0);
    expect(a, 5, 1, 0);
    expect_none(a, 5);
    acks_confirm(a, 25, 0);
    expect(a, 5, 2, 0);
    expect_none(a, 5);
}

static void each_verdict_is_of_the_turns_since_the_one_before(void **state)
{
    struct acks *a = *state;
    for (uint64_t n = 1; n <= 4; n++) {
        add(a, n, 0);
    }
    acks_confirm(a, 10, 0);
    acks_confirm(a, 30, -EIO);
    acks_confirm(a, 40, 0);
    expect(a, 5, 1, 0);
    expect(a, 5, 2, -EIO);
    expect(a, 5, 3, -EIO);
    expect(a, 5, 4, 0);
}

static void failed_commit_waits_for_its_turn_and_stays_failed(void **state)
{
    struct acks *a = *state;
    add(a, 1, 0);
    add(a, 2, -ENOSPC);
    add(a, 3, 0);
    expect_none(a, 5); /* answers leave in order */
    acks_confirm(a, 30, 0);
    expect(a, 5, 1, 0);
    expect(a, 5, 2, -ENOSPC);
    expect(a, 5, 3, 0);
}

static void turn_whose_time_is_up_is_unconfirmed(void **state)
{
    struct acks *a = *state;
    assert_int_equal(acks_deadline_us(a), 0);
    add(a, 1, 0);
    add(a, 2, 0);
    assert_int_equal(acks_deadline_us(a), 1 + TIMEOUT_US);
    expect_none(a, TIMEOUT_US);
    expect(a, 1 + TIMEOUT_US, 1, ACKS_UNCONFIRMED);
    expect_none(a, 1 + TIMEOUT_US);
    assert_int_equal(acks_deadline_us(a), 2 + TIMEOUT_US);
    acks_confirm(a, 20, 0); /* the first one's confirmation comes too late, and harms nothing */
    assert_int_equal(acks_deadline_us(a), 0);
    expect(a, 10 * TIMEOUT_US, 2, 0);
}

static void without_a_timeout_they_wait_for_ever(void **state)
{
    (void)state;
    struct acks *a = NULL;
    assert_int_equal(acks_new(&a, 0), 0);
    add(a, 1, 0);
    assert_int_equal(acks_deadline_us(a), 0);
    expect_none(a, UINT64_MAX);
    acks_give_up(a, -ETIMEDOUT);
    expect(a, 0, 1, -ETIMEDOUT);
    acks_free(a);
}

static void giving_up_leaves_what_is_known(void **state)
{
    struct acks *a = *state;
    add(a, 1, 0);
    add(a, 2, -EIO);
    add(a, 3, 0);
    acks_confirm(a, 10, 0);
    acks_give_up(a, ACKS_UNCONFIRMED);
    expect(a, 0, 1, 0);
    expect(a, 0, 2, -EIO);
    expect(a, 0, 3, ACKS_UNCONFIRMED);
    expect_none(a, UINT64_MAX);
}

static void many_turns_keep_their_order(void **state)
{
    struct acks *a = *state;
    uint64_t taken = 0;
    for (uint64_t n = 1; n <= 5000; n++) {
        add(a, n, 0);
        if (n % 3 == 0) { /* so that the ring turns while it grows */
            acks_confirm(a, 10 * (taken + 1), 0);
            expect(a, 0, ++taken, 0);
        }
    }
    assert_int_equal(acks_held(a), 5000 - taken);
    acks_confirm(a, 50000, 0);
    while (taken < 5000) {
        taken++;
        expect(a, 0, taken, 0);
    }
    assert_int_equal(acks_held(a), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turns_come_out_once_their_last_record_is_confirmed),
        TEST(each_verdict_is_of_the_turns_since_the_one_before),
        TEST(failed_commit_waits_for_its_turn_and_stays_failed),
        TEST(turn_whose_time_is_up_is_unconfirmed),
        TEST(without_a_timeout_they_wait_for_ever),
        TEST(giving_up_leaves_what_is_known),
        TEST(many_turns_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
