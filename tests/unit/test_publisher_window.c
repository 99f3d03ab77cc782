/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/publisher_window.h"

#include <errno.h>

static struct window *new_window(size_t record_max, size_t byte_max)
{
    struct window *w = NULL;
    assert_int_equal(window_new(&w, record_max, byte_max), 0);
    return w;
}

static void reports_in_order_settle_one_after_the_other(void **state)
{
    (void)state;
    struct window *w = new_window(10, 1000);
    struct window_lane l;
    window_lane_init(&l, 7, 0);
    struct window_slot *a = window_add(w, &l, 1, 10);
    struct window_slot *b = window_add(w, &l, 2, 10);
    assert_int_equal(window_in_flight(w), 2);
    window_deliver(w, a);
    assert_int_equal(l.settled, 1);
    window_deliver(w, b);
    assert_int_equal(l.settled, 2);
    assert_true(window_lane_is_empty(&l));
    assert_int_equal(window_in_flight(w), 0);
    window_free(w);
}

static void a_report_out_of_order_waits_for_those_before_it(void **state)
{
    (void)state;
    struct window *w = new_window(10, 1000);
    struct window_lane l;
    window_lane_init(&l, 7, 10);
    struct window_slot *slots[4];
    const uint64_t sequences[4] = {11, 12, 15, 16}; /* a gap, as a failed commit leaves it */
    for (size_t i = 0; i < 4; i++) {
        slots[i] = window_add(w, &l, sequences[i], 10);
    }
    window_deliver(w, slots[3]);
    window_deliver(w, slots[1]);
    assert_int_equal(l.settled, 10);
    window_deliver(w, slots[0]);
    assert_int_equal(l.settled, 12);
    assert_false(window_lane_is_empty(&l));
    window_deliver(w, slots[2]);
    assert_int_equal(l.settled, 16);
    assert_true(window_lane_is_empty(&l));
    window_free(w);
}

static void lanes_settle_apart(void **state)
{
    (void)state;
    struct window *w = new_window(10, 1000);
    struct window_lane a, b;
    window_lane_init(&a, 1, 0);
    window_lane_init(&b, 2, 40);
    struct window_slot *a1 = window_add(w, &a, 1, 10);
    struct window_slot *b1 = window_add(w, &b, 41, 10);
    struct window_record r = window_record_of(b1);
    assert_ptr_equal(r.lane, &b);
    assert_int_equal(r.sequence, 41);
    assert_int_equal(r.size_bytes, 10);
    window_deliver(w, b1);
    assert_int_equal(a.settled, 0);
    assert_int_equal(b.settled, 41);
    window_deliver(w, a1);
    assert_int_equal(a.settled, 1);
    window_free(w);
}

static void the_count_of_records_is_bounded(void **state)
{
    (void)state;
    struct window *w = new_window(2, 1000);
    struct window_lane l;
    window_lane_init(&l, 7, 0);
    struct window_slot *a = window_add(w, &l, 1, 1);
    struct window_slot *b = window_add(w, &l, 2, 1);
    assert_null(window_add(w, &l, 3, 1));
    window_deliver(w, b); /* still held: it waits for the first */
    assert_null(window_add(w, &l, 3, 1));
    window_deliver(w, a);
    assert_non_null(window_add(w, &l, 3, 1));
    assert_non_null(window_add(w, &l, 4, 1));
    assert_null(window_add(w, &l, 5, 1));
    window_free(w);
}

static void the_bytes_in_flight_are_bounded(void **state)
{
    (void)state;
    struct window *w = new_window(100, 100);
    struct window_lane l;
    window_lane_init(&l, 7, 0);
    struct window_slot *a = window_add(w, &l, 1, 60);
    assert_null(window_add(w, &l, 2, 41));
    struct window_slot *b = window_add(w, &l, 2, 40);
    assert_non_null(b);
    assert_null(window_add(w, &l, 3, 1));
    window_deliver(w, b); /* its bytes are Kafka's now, though it waits for the first */
    assert_non_null(window_add(w, &l, 3, 40));
    window_deliver(w, a);
    window_free(w);
}

static void a_record_larger_than_the_bound_goes_alone(void **state)
{
    (void)state;
    struct window *w = new_window(100, 100);
    struct window_lane l;
    window_lane_init(&l, 7, 0);
    struct window_slot *a = window_add(w, &l, 1, 5000);
    assert_non_null(a);
    assert_null(window_add(w, &l, 2, 1));
    window_deliver(w, a);
    struct window_slot *b = window_add(w, &l, 2, 1);
    assert_non_null(b);
    assert_null(window_add(w, &l, 3, 5000));
    window_free(w);
}

static void a_cancelled_record_leaves_no_trace(void **state)
{
    (void)state;
    struct window *w = new_window(2, 100);
    struct window_lane l;
    window_lane_init(&l, 7, 0);
    window_cancel(w, window_add(w, &l, 1, 100));
    assert_true(window_lane_is_empty(&l));
    assert_int_equal(window_in_flight(w), 0);
    struct window_slot *a = window_add(w, &l, 1, 50);
    window_cancel(w, window_add(w, &l, 2, 50));
    struct window_slot *b = window_add(w, &l, 2, 50);
    assert_non_null(b);
    window_deliver(w, b);
    window_deliver(w, a);
    assert_int_equal(l.settled, 2);
    window_free(w);
}

static void a_failed_record_holds_its_lane_until_all_is_cleared(void **state)
{
    (void)state;
    struct window *w = new_window(3, 100);
    struct window_lane a, b;
    window_lane_init(&a, 1, 0);
    window_lane_init(&b, 2, 0);
    struct window_slot *a1 = window_add(w, &a, 1, 50);
    struct window_slot *a2 = window_add(w, &a, 2, 50);
    window_deliver(w, a2);
    window_fail(w, a1);
    assert_int_equal(a.settled, 0);
    assert_int_equal(window_in_flight(w), 0);
    assert_non_null(window_add(w, &b, 1, 50)); /* never reported */
    window_clear(w);
    assert_true(window_lane_is_empty(&a) && window_lane_is_empty(&b));
    assert_int_equal(window_in_flight(w), 0);
    a1 = window_add(w, &a, 1, 50);
    a2 = window_add(w, &a, 2, 50);
    struct window_slot *b1 = window_add(w, &b, 1, 0);
    assert_true(a1 != NULL && a2 != NULL && b1 != NULL);
    window_deliver(w, a1);
    window_deliver(w, a2);
    window_deliver(w, b1);
    assert_int_equal(a.settled, 2);
    assert_int_equal(b.settled, 1);
    window_free(w);
}

static void what_kafka_refuses_is_kept_by_its_bounds(void **state)
{
    (void)state;
    struct window *w = new_window(10, 1000);
    struct window_lane l;
    window_lane_init(&l, 1, 0);
    struct window_slot *slots[4];
    for (size_t i = 0; i < 4; i++) {
        slots[i] = window_add(w, &l, i + 1, 10);
    }
    assert_int_equal(l.refused_first, 0);
    window_refuse(w, slots[2]);
    window_refuse(w, slots[1]);
    window_deliver(w, slots[3]);
    window_deliver(w, slots[0]);
    assert_int_equal(l.settled, 1);
    assert_int_equal(l.refused_first, 2);
    assert_int_equal(l.refused_last, 3);
    assert_int_equal(window_in_flight(w), 0);
    window_clear(w);
    assert_int_equal(l.refused_last, 3);
    window_free(w);
}

static void a_record_that_went_elsewhere_is_settled(void **state)
{
    (void)state;
    struct window *w = new_window(10, 1000);
    struct window_lane l;
    window_lane_init(&l, 1, 4);
    window_skip(&l, 6);
    assert_int_equal(l.settled, 6);
    window_deliver(w, window_add(w, &l, 7, 10));
    assert_int_equal(l.settled, 7);
    window_free(w);
}

static void an_impossible_size_is_refused(void **state)
{
    (void)state;
    struct window *w = NULL;
    assert_int_equal(window_new(&w, SIZE_MAX, 1), -ENOMEM);
    assert_null(w);
    window_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_in_order_settle_one_after_the_other),
        cmocka_unit_test(a_report_out_of_order_waits_for_those_before_it),
        cmocka_unit_test(lanes_settle_apart),
        cmocka_unit_test(the_count_of_records_is_bounded),
        cmocka_unit_test(the_bytes_in_flight_are_bounded),
        cmocka_unit_test(a_record_larger_than_the_bound_goes_alone),
        cmocka_unit_test(a_cancelled_record_leaves_no_trace),
        cmocka_unit_test(a_failed_record_holds_its_lane_until_all_is_cleared),
        cmocka_unit_test(what_kafka_refuses_is_kept_by_its_bounds),
        cmocka_unit_test(a_record_that_went_elsewhere_is_settled),
        cmocka_unit_test(an_impossible_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
