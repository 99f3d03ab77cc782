/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/buffer.h"

static void append_grows_and_keeps_order(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < 1000; i++) {
        buffer_append_text(&b, "0123456789");
    }
    assert_int_equal(b.len, 10000);
    assert_memory_equal(b.data + 9990, "0123456789", 10);
    buffer_fini(&b);
}

static void numbers_at_their_limits_are_written_whole(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_append_uint(&b, UINT64_MAX);
    buffer_append_char(&b, ' ');
    buffer_append_int(&b, INT64_MIN);
    buffer_append_format(&b, " %d", 7);
    assert_true(slice_is(buffer_slice(&b), "18446744073709551615 -9223372036854775808 7"));
    buffer_fini(&b);
}

static void consume_moves_the_rest_to_the_front(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_append_text(&b, "abcdef");
    buffer_consume(&b, 4);
    assert_true(slice_is(buffer_slice(&b), "ef"));
    buffer_consume(&b, 2);
    assert_int_equal(b.len, 0);
    buffer_fini(&b);
}

static void a_buffer_shrinks_when_it_has_grown_past_what_is_kept(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_append_text(&b, "abc");
    size_t capacity = b.capacity;
    buffer_shrink(&b, capacity);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.capacity, capacity);
    assert_false(buffer_reserve(&b, SIZE_MAX));
    buffer_shrink(&b, capacity - 1);
    assert_null(b.data);
    assert_false(buffer_failed(&b));
    buffer_append_text(&b, "x");
    assert_true(slice_is(buffer_slice(&b), "x"));
    buffer_fini(&b);
}

static void a_part_is_a_text_also_where_nothing_was_appended(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_non_null(buffer_part(&b, 0, 0).data);
    assert_int_equal(buffer_part(&b, 0, 0).len, 0);
    buffer_append_text(&b, "abcdef");
    assert_true(slice_is(buffer_part(&b, 2, 3), "cde"));
    assert_true(slice_is(buffer_part(&b, 6, 0), ""));
    buffer_fini(&b);
}

static void an_impossible_size_fails_and_stays_failed(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_false(buffer_reserve(&b, SIZE_MAX));
    buffer_append_text(&b, "x");
    assert_true(buffer_failed(&b));
    assert_int_equal(b.len, 0);
    buffer_reset(&b);
    buffer_append_text(&b, "x");
    assert_false(buffer_failed(&b));
    buffer_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_grows_and_keeps_order),
        cmocka_unit_test(numbers_at_their_limits_are_written_whole),
        cmocka_unit_test(consume_moves_the_rest_to_the_front),
        cmocka_unit_test(a_buffer_shrinks_when_it_has_grown_past_what_is_kept),
        cmocka_unit_test(a_part_is_a_text_also_where_nothing_was_appended),
        cmocka_unit_test(an_impossible_size_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
