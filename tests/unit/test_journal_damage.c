/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/crc32c.h"
#include "tests/unit/journal_fixture.h"

#include <string.h>

enum { RECORD_SIZE = 36 }; /* of the records 1 to 9: k1 and v1 */

static uint64_t record_offset(unsigned sequence)
{
    return SEGMENT_HEADER_SIZE + (uint64_t)(sequence - 1) * RECORD_SIZE;
}

static void assert_reads(struct fixture *f, uint64_t lane, const uint64_t *expected, size_t count)
{
    uint64_t read[128];
    assert_int_equal(fixture_read_lane(f, lane, read, 128), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i], expected[i]);
    }
}

static void torn_tail_at_every_byte_keeps_what_is_whole(void **state)
{
    struct fixture *f = *state;
    static char bytes[FIXTURE_FILE_MAX];
    char name[SEGMENT_NAME_SIZE], kept[128];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    size_t len = fixture_load(f, name, bytes);
    assert_int_equal(len, record_offset(10));
    for (size_t cut = record_offset(7); cut <= len; cut++) {
        fixture_save(f, name, bytes, cut);
        fixture_open(f);
        size_t torn = (cut - SEGMENT_HEADER_SIZE) % RECORD_SIZE;
        uint64_t last = (cut - SEGMENT_HEADER_SIZE) / RECORD_SIZE, lane = fixture_old_lane(f);
        fixture_assert_holds(f, lane, 1, last);
        assert_int_equal(fixture_damaged(f), torn == 0 ? 0 : 1);
        if (torn > 0) {
            static char aside[FIXTURE_FILE_MAX];
            snprintf(kept, sizeof kept, "damaged/%s.%zu", name, cut - torn);
            assert_int_equal(fixture_load(f, kept, aside), torn);
            assert_memory_equal(aside, bytes + cut - torn, torn);
        }
        assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
        journal_settle(f->j, lane, last);
        assert_false(fixture_exists(f, name));
        assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
        fixture_close(f);
        assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0); /* the lane comes again */
    }
}

static void any_flipped_bit_loses_its_record_alone(void **state)
{
    struct fixture *f = *state;
    static char bytes[FIXTURE_FILE_MAX], aside[FIXTURE_FILE_MAX];
    static const uint64_t others[] = {1, 2, 3, 4, 6, 7, 8, 9};
    char name[SEGMENT_NAME_SIZE], kept[128];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    size_t len = fixture_load(f, name, bytes);
    for (size_t bit = 8 * record_offset(5); bit < 8 * record_offset(6); bit++) {
        size_t at = bit / 8;
        bytes[at] = (char)(bytes[at] ^ 1 << bit % 8);
        fixture_save(f, name, bytes, len);
        fixture_open(f);
        uint64_t lane = fixture_old_lane(f);
        assert_reads(f, lane, others, 8);
        assert_int_equal(fixture_damaged(f), 1);
        snprintf(kept, sizeof kept, "damaged/%s.%" PRIu64, name, record_offset(5));
        assert_int_equal(fixture_load(f, kept, aside), RECORD_SIZE);
        assert_memory_equal(aside, bytes + record_offset(5), RECORD_SIZE);
        journal_settle(f->j, lane, 9);
        fixture_close(f);
        assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0); /* the lane comes again */
        bytes[at] = (char)(bytes[at] ^ 1 << bit % 8);
    }
}

static void impossible_length_loses_its_record_alone(void **state)
{
    struct fixture *f = *state;
    static const uint64_t others[] = {1, 2, 4, 5, 6, 7, 8, 9};
    static const char *const lengths[] = {
        "\xff\xff\xff\xff", "\x00\x00\x01\x00", "\x00\xff\x00\x00", "\x00\x00\x00\x00",
        "\x03\x00\x00\x00", "\x28\x00\x00\x00"}; /* 40: ends where the next record does */
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[SEGMENT_NAME_SIZE];
        fixture_run_and_die(f, fixture_write_nine);
        fixture_only_segment(f, name);
        fixture_patch(f, name, lengths[i], 4, record_offset(3));
        fixture_open(f);
        uint64_t lane = fixture_old_lane(f);
        assert_reads(f, lane, others, 8);
        assert_int_equal(fixture_damaged(f), 1);
        journal_settle(f->j, lane, 9);
        fixture_close(f);
        fixture_only_segment(f, name);
        assert_int_equal(unlinkat(f->folder_fd, name, 0), 0);
    }
}

static void damage_is_counted_once_however_often_it_is_read(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\xff\xff", 2, record_offset(3) + 20);
    fixture_patch(f, name, "\xff\xff", 2, record_offset(7) + 20);
    fixture_open(f);
    for (int i = 0; i < 3; i++) {
        uint64_t read[16];
        assert_int_equal(fixture_read_lane(f, fixture_old_lane(f), read, 16), 7);
    }
    assert_int_equal(fixture_damaged(f), 2);
}

static void damage_in_the_segment_being_written_is_passed_over(void **state)
{
    struct fixture *f = *state;
    static const uint64_t others[] = {1, 3, 5, 6};
    char name[SEGMENT_NAME_SIZE];
    fixture_open(f);
    fixture_write(f, 4);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\xff", 1, record_offset(2) + 33);
    fixture_patch(f, name, "\xff", 1,
                  record_offset(4)); /* makes it longer than all that is there */
    uint64_t read[16];
    struct journal_cursor *c = NULL;
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    assert_int_equal(fixture_read(c, read, 16), 2);
    fixture_write(f, 2);
    assert_int_equal(fixture_read(c, read + 2, 14), 2);
    assert_memory_equal(read, others, sizeof others);
    assert_int_equal(fixture_damaged(f), 2);
    journal_cursor_close(c);
}

static void lane_whose_end_is_damaged_after_the_start_is_drained(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    struct journal_lane lane;
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    fixture_open(f);
    fixture_patch(f, name, "\xff", 1, record_offset(9) + 33);
    assert_true(fixture_find_old(f, &lane));
    fixture_assert_holds(f, lane.lane, 1, 8);
    assert_true(fixture_find_old(f, &lane));
    assert_int_equal(lane.last, 8);
    journal_settle(f->j, lane.lane, 8);
    assert_false(fixture_find_old(f, &lane));
    assert_false(fixture_exists(f, name));
}

static void damaged_header_loses_no_record(void **state)
{
    struct fixture *f = *state;
    static char bytes[FIXTURE_FILE_MAX];
    char name[SEGMENT_NAME_SIZE];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    size_t len = fixture_load(f, name, bytes);
    for (size_t at = 0; at < SEGMENT_HEADER_SIZE; at++) {
        bytes[at] = (char)(bytes[at] ^ 0x5a);
        fixture_save(f, name, bytes, len);
        fixture_open(f);
        uint64_t lane = fixture_old_lane(f);
        fixture_assert_holds(f, lane, 1, 9);
        assert_int_equal(fixture_damaged(f), 1);
        journal_settle(f->j, lane, 9);
        fixture_close(f);
        assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0); /* the lane comes again */
        bytes[at] = (char)(bytes[at] ^ 0x5a);
    }
}

static void header_cut_at_any_byte_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    static char bytes[FIXTURE_FILE_MAX];
    char name[SEGMENT_NAME_SIZE];
    struct journal_lane lane;
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    assert_int_equal(fixture_load(f, name, bytes), record_offset(10));
    for (size_t cut = 0; cut <= SEGMENT_HEADER_SIZE; cut++) {
        fixture_save(f, name, bytes, cut);
        fixture_open(f);
        assert_false(fixture_find_old(f, &lane));
        assert_false(fixture_exists(f, name));
        assert_int_equal(fixture_damaged(f), cut == 0 || cut == SEGMENT_HEADER_SIZE ? 0 : 1);
        assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
        fixture_close(f);
    }
}

static void segment_of_a_newer_version_is_set_aside_whole(void **state)
{
    struct fixture *f = *state;
    static char bytes[FIXTURE_FILE_MAX], aside[FIXTURE_FILE_MAX];
    char name[SEGMENT_NAME_SIZE], kept[128];
    struct journal_lane lane;
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    size_t len = fixture_load(f, name, bytes);
    bytes[8] = SEGMENT_VERSION + 1;
    uint32_t crc = crc32c(0, bytes, 60);
    for (int i = 0; i < 4; i++) {
        bytes[60 + i] = (char)(crc >> (8 * i) & 0xff);
    }
    fixture_save(f, name, bytes, len);
    fixture_open(f);
    assert_false(fixture_find_old(f, &lane));
    assert_false(fixture_exists(f, name));
    snprintf(kept, sizeof kept, "damaged/%s", name);
    assert_int_equal(fixture_load(f, kept, aside), len);
    assert_memory_equal(aside, bytes, len);
    assert_int_equal(fixture_damaged(f), 1);
}

static void orphans_after_the_last_segment_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static char junk[1000];
    memset(junk, 0xff, sizeof junk);
    static const struct {
        size_t len;
        unsigned damaged;
    } cases[] = {{0, 0}, {10, 1}, {sizeof junk, 2}}; /* the header, and the rest */
    for (size_t i = 0; i < 3; i++) {
        char name[SEGMENT_NAME_SIZE], orphan[SEGMENT_NAME_SIZE];
        uint64_t lane;
        uint32_t number;
        fixture_run_and_die(f, fixture_write_nine);
        fixture_only_segment(f, name);
        assert_true(segment_parse_name(name, &lane, &number));
        segment_format_name(orphan, lane, number + 1);
        fixture_save(f, orphan, junk, cases[i].len);
        fixture_open(f);
        fixture_assert_holds(f, lane, 1, 9);
        assert_int_equal(fixture_damaged(f), cases[i].damaged);
        journal_settle(f->j, lane, 9);
        assert_false(fixture_exists(f, name));
        assert_false(fixture_exists(f, orphan));
        fixture_close(f);
        fixture_only_segment(f, name);
        assert_int_equal(unlinkat(f->folder_fd, name, 0), 0);
    }
}

static void segments_missing_in_the_middle_do_not_stop_the_rest(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    uint64_t read[128];
    f->options.segment_bytes = 512;
    fixture_run_and_die(f, fixture_write_hundred);
    fixture_list(f, &names);
    assert_int_equal(unlinkat(f->folder_fd, names.name[1], 0), 0);
    fixture_open(f);
    uint64_t lane = fixture_old_lane(f);
    size_t before = fixture_read_lane(f, lane, read, 128);
    assert_true(before < 100 && before > 80);
    assert_int_equal(unlinkat(f->folder_fd, names.name[3], 0), 0); /* while it is open too */
    assert_true(fixture_read_lane(f, lane, read, 128) < before);
    assert_int_equal(fixture_damaged(f), 1);
    journal_settle(f->j, lane, 100);
    assert_int_equal(fixture_segment_count(f), 1);
}

static void file_that_shrinks_while_open_is_told(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE], path[128];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    fixture_open(f);
    assert_int_equal(truncate(path, (off_t)record_offset(4)), 0);
    uint64_t lane = fixture_old_lane(f);
    fixture_assert_holds(f, lane, 1, 3);
    assert_int_equal(fixture_damaged(f), 1);
}

/* What a player sends cannot become a record, not even where damage makes the reader search. */
static void record_inside_a_value_is_never_found(void **state)
{
    struct fixture *f = *state;
    char inner[64], name[SEGMENT_NAME_SIZE];
    const struct journal_record forged = {
        .sequence = 1ull << 60, .key = slice_of("k"), .value = slice_of("forged")};
    size_t len = segment_put_record(inner, segment_crc_seed(0), &forged);
    fixture_open(f);
    fixture_write(f, 1);
    assert_int_equal(journal_append(fixture_shard(f), 1, slice_of("key"), slice_make(inner, len)),
                     0);
    assert_int_equal(journal_commit(fixture_shard(f)), 0);
    fixture_write(f, 2);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\xff", 1, record_offset(2) + 3);
    static const uint64_t others[] = {1, 3, 4};
    assert_reads(f, fixture_lane(f), others, 3);
}

static size_t put_segment(char *out, uint32_t number, uint64_t first_sequence)
{
    struct segment_header h = {.lane = 0xabc, .number = number, .first_sequence = first_sequence};
    segment_put_header(out, &h);
    return SEGMENT_HEADER_SIZE;
}

static size_t put_record(char *out, uint64_t sequence)
{
    char key[32], value[32];
    snprintf(key, sizeof key, "k%" PRIu64, sequence);
    snprintf(value, sizeof value, "v%" PRIu64, sequence);
    const struct journal_record r = {.sequence = sequence,
                                     .ts_ms = 1000 + sequence,
                                     .key = slice_of(key),
                                     .value = slice_of(value)};
    return segment_put_record(out, segment_crc_seed(0xabc), &r);
}

static void sequences_that_fall_from_one_segment_to_the_next_are_damage(void **state)
{
    struct fixture *f = *state;
    static const uint64_t rising[] = {5, 6};
    char bytes[512] = {0}, name[SEGMENT_NAME_SIZE];
    size_t len = put_segment(bytes, 1, 1);
    len += put_record(bytes + len, 5);
    segment_format_name(name, 0xabc, 1);
    fixture_save(f, name, bytes, len);
    memset(bytes, 0, sizeof bytes); /* no header that would say where the sequences begin */
    len = SEGMENT_HEADER_SIZE;
    len += put_record(bytes + len, 3);
    len += put_record(bytes + len, 6);
    segment_format_name(name, 0xabc, 2);
    fixture_save(f, name, bytes, len);
    fixture_open(f);
    assert_reads(f, 0xabc, rising, 2);
    assert_int_equal(fixture_damaged(f), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(torn_tail_at_every_byte_keeps_what_is_whole),
        TEST(any_flipped_bit_loses_its_record_alone),
        TEST(impossible_length_loses_its_record_alone),
        TEST(damage_is_counted_once_however_often_it_is_read),
        TEST(damage_in_the_segment_being_written_is_passed_over),
        TEST(lane_whose_end_is_damaged_after_the_start_is_drained),
        TEST(damaged_header_loses_no_record),
        TEST(header_cut_at_any_byte_leaves_nothing_behind),
        TEST(segment_of_a_newer_version_is_set_aside_whole),
        TEST(orphans_after_the_last_segment_do_no_harm),
        TEST(segments_missing_in_the_middle_do_not_stop_the_rest),
        TEST(file_that_shrinks_while_open_is_told),
        TEST(record_inside_a_value_is_never_found),
        TEST(sequences_that_fall_from_one_segment_to_the_next_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
