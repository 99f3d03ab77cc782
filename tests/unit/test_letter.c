/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/letter.h"

static struct letter_origin origin_of(const char *topic, int64_t epoch, int32_t partition,
                                      int64_t offset)
{
    return (struct letter_origin){
        .topic = slice_of(topic), .epoch = epoch, .partition = partition, .offset = offset};
}

static void the_lane_is_the_documented_hash(void **state)
{
    (void)state;
    const struct {
        const char *topic;
        int64_t epoch;
        int32_t partition;
        uint64_t lane; /* FNV-1a of 64 bits, by another implementation */
    } cases[] = {
        {"video.player.reports.v1", 0, 0, 0xdeec33f472b0a755},
        {"video.player.reports.v1", 0, 11, 0x7c00285ee22958c9},
        {"video.player.reports.v1", 3, 11, 0xfb42a8560cc61d46},
        {"video.player.reports.v1.dlq", 0, 0, 0xdf33b30e1536f658},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct letter_origin o = origin_of(cases[i].topic, cases[i].epoch, cases[i].partition, 7);
        assert_true(letter_lane(&o) == cases[i].lane);
    }
}

static void a_letter_of_ingest_keeps_the_sequence_of_its_id(void **state)
{
    (void)state;
    struct letter_origin o = origin_of("t", 0, 4, -1);
    o.is_of_ingest = true;
    o.lane = 0xfedcba9876543210;
    o.sequence = 77;
    assert_true(letter_lane(&o) == 0xa7a7b29fbd0230c); /* of "t/0/4/fedcba9876543210" */
    assert_int_equal(letter_sequence(&o), 77);
}

static void the_sequence_rises_with_the_offset_and_begins_at_one(void **state)
{
    (void)state;
    struct letter_origin first = origin_of("t", 0, 0, 0);
    struct letter_origin last = origin_of("t", 0, 0, INT64_MAX - 1);
    assert_int_equal(letter_sequence(&first), 1);
    assert_true(letter_sequence(&last) == INT64_MAX);
}

static void numbers_are_digits_that_fit(void **state)
{
    (void)state;
    int64_t number = -1;
    assert_true(letter_number(slice_of("0"), &number));
    assert_int_equal(number, 0);
    assert_true(letter_number(slice_of("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    const char *wrong[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "9223372036854775808", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        number = 5;
        assert_false(letter_number(slice_of(wrong[i]), &number));
        assert_int_equal(number, 5);
    }
    assert_false(letter_number(slice_make(NULL, 0), &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lane_is_the_documented_hash),
        cmocka_unit_test(a_letter_of_ingest_keeps_the_sequence_of_its_id),
        cmocka_unit_test(the_sequence_rises_with_the_offset_and_begins_at_one),
        cmocka_unit_test(numbers_are_digits_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
