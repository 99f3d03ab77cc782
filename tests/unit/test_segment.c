/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/crc32c.h"
#include "ingest/segment.h"

#include <stdlib.h>

static const uint64_t lane = 0x0123456789abcdef;

static const struct segment_header sample_header = {.lane = 0x0123456789abcdef,
                                                    .number = 7,
                                                    .shard = 3,
                                                    .first_sequence = 1001,
                                                    .created_ms = 1700000000123};

static struct journal_record sample_record(void)
{
    return (struct journal_record){.sequence = 42,
                                   .ts_ms = 1700000000456,
                                   .key = slice_of("1234"),
                                   .value = slice_of("value")};
}

static size_t put_sample(char *out)
{
    struct journal_record r = sample_record();
    return segment_put_record(out, segment_crc_seed(lane), &r);
}

static enum segment_record_result get(const char *data, size_t len, uint64_t after,
                                      struct journal_record *out)
{
    size_t size = 0;
    enum segment_record_result result =
        segment_get_record(data, len, segment_crc_seed(lane), after, out, &size);
    if (result == SEGMENT_RECORD_OK) {
        assert_int_equal(size, SEGMENT_RECORD_HEADER_SIZE + segment_payload_size(out));
    }
    return result;
}

static void names_come_back_from_their_text(void **state)
{
    (void)state;
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, lane, 0x1f);
    assert_string_equal(name, "0123456789abcdef-0000001f.journal");
    uint64_t lane_read = 0;
    uint32_t number = 0;
    assert_true(segment_parse_name(name, &lane_read, &number));
    assert_int_equal(lane_read, lane);
    assert_int_equal(number, 0x1f);
}

static void other_names_are_no_segments(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        ".",
                                        "lock",
                                        "checkpoint",
                                        "checkpoint.tmp",
                                        "0123456789abcdef-0000001f.journal.tmp",
                                        "0123456789abcdef-0000001F.journal",
                                        "0123456789abcdeg-0000001f.journal",
                                        "0123456789abcdef_0000001f.journal",
                                        "0123456789abcdef-0000001f.journax",
                                        "123456789abcdef-0000001f.journal",
                                        "0000000000000000-00000001.journal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t lane_read;
        uint32_t number;
        assert_false(segment_parse_name(names[i], &lane_read, &number));
    }
}

static void header_comes_back(void **state)
{
    (void)state;
    char bytes[SEGMENT_HEADER_SIZE];
    struct segment_header h = {0};
    segment_put_header(bytes, &sample_header);
    assert_int_equal(segment_get_header(bytes, sizeof bytes, &h), SEGMENT_HEADER_OK);
    assert_memory_equal(&h, &sample_header, sizeof h);
}

static void header_with_any_flipped_byte_or_cut_is_damaged(void **state)
{
    (void)state;
    char bytes[SEGMENT_HEADER_SIZE];
    struct segment_header h;
    segment_put_header(bytes, &sample_header);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x40);
        assert_int_equal(segment_get_header(bytes, sizeof bytes, &h), SEGMENT_HEADER_DAMAGED);
        bytes[i] = (char)(bytes[i] ^ 0x40);
        assert_int_equal(segment_get_header(bytes, i, &h), SEGMENT_HEADER_DAMAGED);
    }
}

static void whole_header_of_a_higher_version_is_newer(void **state)
{
    (void)state;
    char bytes[SEGMENT_HEADER_SIZE];
    struct segment_header h;
    segment_put_header(bytes, &sample_header);
    bytes[8] = SEGMENT_VERSION + 1;
    uint32_t crc = crc32c(0, bytes, 60);
    for (int i = 0; i < 4; i++) {
        bytes[60 + i] = (char)(crc >> (8 * i) & 0xff);
    }
    assert_int_equal(segment_get_header(bytes, sizeof bytes, &h), SEGMENT_HEADER_NEWER);
}

/* The format on disk is settled: these bytes may never change under version 1. */
static void record_is_laid_out_as_drawn(void **state)
{
    (void)state;
    static const unsigned char expected_head[] = {9, 0, 0, 0}; /* payload length */
    static const unsigned char expected_rest[] = {
        42,   0,    0,    0,    0,    0, 0, 0, /* sequence */
        0xc8, 0x69, 0xe5, 0xcf, 0x8b, 1, 0, 0, /* ts */
        1,    0,    4,    0,    0,    0, 0, 0};
    char bytes[SEGMENT_RECORD_HEADER_SIZE + 9];
    assert_int_equal(put_sample(bytes), sizeof bytes);
    assert_memory_equal(bytes, expected_head, sizeof expected_head);
    assert_memory_equal(bytes + 8, expected_rest, sizeof expected_rest);
    assert_memory_equal(bytes + 32, "1234value", 9);
    static const char covered[] = "\xef\xcd\xab\x89\x67\x45\x23\x01\x09\0\0";
    uint32_t crc = crc32c(crc32c(0, covered, 12), bytes + 8, sizeof bytes - 8);
    const unsigned char little[] = {(unsigned char)crc, (unsigned char)(crc >> 8),
                                    (unsigned char)(crc >> 16), (unsigned char)(crc >> 24)};
    assert_memory_equal(bytes + 4, little, 4);
}

static void record_comes_back(void **state)
{
    (void)state;
    char bytes[256];
    struct journal_record out;
    size_t len = put_sample(bytes);
    assert_int_equal(get(bytes, len, 41, &out), SEGMENT_RECORD_OK);
    assert_int_equal(out.sequence, 42);
    assert_int_equal(out.ts_ms, 1700000000456);
    assert_true(slice_is(out.key, "1234"));
    assert_true(slice_is(out.value, "value"));
}

static void smallest_and_largest_records_come_back(void **state)
{
    (void)state;
    char *value = calloc(1, SEGMENT_PAYLOAD_MAX), *bytes = malloc(SEGMENT_RECORD_MAX);
    assert_non_null(value);
    assert_non_null(bytes);
    struct journal_record out, r = {.sequence = 1, .key = slice_of(""), .value = slice_of("")};
    assert_int_equal(segment_put_record(bytes, segment_crc_seed(lane), &r), 32);
    assert_int_equal(get(bytes, 32, 0, &out), SEGMENT_RECORD_OK);
    assert_int_equal(out.key.len + out.value.len, 0);
    r.value = slice_make(value, SEGMENT_PAYLOAD_MAX);
    assert_int_equal(segment_put_record(bytes, segment_crc_seed(lane), &r), SEGMENT_RECORD_MAX);
    assert_int_equal(get(bytes, SEGMENT_RECORD_MAX, 0, &out), SEGMENT_RECORD_OK);
    assert_int_equal(out.value.len, SEGMENT_PAYLOAD_MAX);
    free(bytes);
    free(value);
}

static void record_with_any_flipped_bit_never_comes_back(void **state)
{
    (void)state;
    char bytes[256] = {0};
    struct journal_record out;
    size_t len = put_sample(bytes);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        assert_int_not_equal(get(bytes, sizeof bytes, 0, &out), SEGMENT_RECORD_OK);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
}

static void cut_record_is_short(void **state)
{
    (void)state;
    char bytes[256];
    struct journal_record out;
    size_t len = put_sample(bytes);
    for (size_t cut = 0; cut < len; cut++) {
        char *exact = malloc(cut + 1); /* so that the sanitizer sees a read past it */
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        assert_int_equal(get(exact, cut, 0, &out), SEGMENT_RECORD_SHORT);
        free(exact);
    }
}

static void impossible_lengths_are_bad_at_once(void **state)
{
    (void)state;
    struct journal_record out;
    static const struct {
        unsigned char length[4], key_len[2];
    } cases[] = {
        {{0xff, 0xff, 0xff, 0xff}, {0, 0}}, {{1, 0, 1, 0}, {0, 0}}, {{3, 0, 0, 0}, {4, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[256] = {0};
        size_t len = put_sample(bytes);
        memcpy(bytes, cases[i].length, 4);
        memcpy(bytes + 26, cases[i].key_len, 2);
        assert_int_equal(get(bytes, len, 0, &out), SEGMENT_RECORD_BAD);
    }
}

static void record_of_another_lane_is_bad(void **state)
{
    (void)state;
    char bytes[256];
    struct journal_record out, r = sample_record();
    size_t len = segment_put_record(bytes, segment_crc_seed(lane + 1), &r);
    assert_int_equal(get(bytes, len, 0, &out), SEGMENT_RECORD_BAD);
}

static void sequence_that_does_not_rise_is_bad(void **state)
{
    (void)state;
    char bytes[256];
    struct journal_record out;
    size_t len = put_sample(bytes);
    assert_int_equal(get(bytes, len, 42, &out), SEGMENT_RECORD_BAD);
    assert_int_equal(get(bytes, len, UINT64_MAX, &out), SEGMENT_RECORD_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back_from_their_text),
        cmocka_unit_test(other_names_are_no_segments),
        cmocka_unit_test(header_comes_back),
        cmocka_unit_test(header_with_any_flipped_byte_or_cut_is_damaged),
        cmocka_unit_test(whole_header_of_a_higher_version_is_newer),
        cmocka_unit_test(record_is_laid_out_as_drawn),
        cmocka_unit_test(record_comes_back),
        cmocka_unit_test(smallest_and_largest_records_come_back),
        cmocka_unit_test(record_with_any_flipped_bit_never_comes_back),
        cmocka_unit_test(cut_record_is_short),
        cmocka_unit_test(impossible_lengths_are_bad_at_once),
        cmocka_unit_test(record_of_another_lane_is_bad),
        cmocka_unit_test(sequence_that_does_not_rise_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
