/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/journal_fixture.h"

#include <string.h>

/* Files in the journal's folder that are not what they seem. */

static void copy(struct fixture *f, const char *from, const char *to)
{
    static char bytes[FIXTURE_FILE_MAX];
    fixture_save(f, to, bytes, fixture_load(f, from, bytes));
}

static void foreign_files_are_left_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"notes.txt", "0000000000000abc-00000001.journal~",
                                        "0000000000000ABC-00000001.journal",
                                        "0000000000000000-00000001.journal", "lost+found"};
    static const char *const segments[] = {"0000000000000abc-00000001.journal",
                                           "0000000000000abc-00000002.journal",
                                           "0000000000000abc-00000003.journal"};
    fixture_run_and_die(f, fixture_write_nine);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fixture_save(f, files[i], "not ours", 8);
    }
    assert_int_equal(mkdirat(f->folder_fd, segments[0], 0700), 0);
    assert_int_equal(mkfifoat(f->folder_fd, segments[1], 0600), 0);
    assert_int_equal(symlinkat("nowhere", f->folder_fd, segments[2]), 0);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
    assert_int_equal(fixture_damaged(f), 0);
    fixture_close(f);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_true(fixture_exists(f, files[i]));
    }
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        assert_int_equal(faccessat(f->folder_fd, segments[i], F_OK, AT_SYMLINK_NOFOLLOW), 0);
    }
}

/* A segment put back from a backup, or copied by hand, under any number. */
static void records_of_a_copied_segment_are_read_once(void **state)
{
    struct fixture *f = *state;
    static const uint32_t numbers[] = {0, 2, UINT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char name[SEGMENT_NAME_SIZE], other[SEGMENT_NAME_SIZE];
        uint64_t lane;
        uint32_t number;
        fixture_run_and_die(f, fixture_write_nine);
        fixture_only_segment(f, name);
        assert_true(segment_parse_name(name, &lane, &number));
        segment_format_name(other, lane, numbers[i]);
        copy(f, name, other);
        fixture_open(f);
        fixture_assert_holds(f, lane, 1, 9);
        assert_true(fixture_damaged(f) > 0);
        journal_settle(f->j, lane, 9);
        assert_false(fixture_exists(f, name));
        assert_false(fixture_exists(f, other));
        fixture_close(f);
        fixture_only_segment(f, name);
        assert_int_equal(unlinkat(f->folder_fd, name, 0), 0);
    }
}

static void records_are_not_read_under_another_lanes_name(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    copy(f, name, "0000000000000abc-00000001.journal");
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9); /* the one old lane that has records */
    assert_int_equal(fixture_damaged(f), 2);
    assert_true(fixture_exists(f, "damaged/0000000000000abc-00000001.journal.0"));
    assert_true(fixture_exists(f, "damaged/0000000000000abc-00000001.journal.64"));
}

static void full_damaged_folder_keeps_no_more(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE], path[128];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\xff", 1, SEGMENT_HEADER_SIZE + 5);
    assert_int_equal(mkdirat(f->folder_fd, "damaged", 0700), 0);
    fixture_save(f, "damaged/earlier", "", 0);
    snprintf(path, sizeof path, "%s/damaged/earlier", f->path);
    assert_int_equal(truncate(path, 256 * 1024 * 1024), 0); /* a hole: it takes no room */
    for (int i = 0; i < 2; i++) {
        uint64_t read[16];
        snprintf(path, sizeof path, "damaged/%s.%d", name, SEGMENT_HEADER_SIZE);
        fixture_open(f);
        assert_int_equal(fixture_read_lane(f, fixture_old_lane(f), read, 16), 8);
        assert_int_equal(fixture_damaged(f), 1);
        assert_int_equal(fixture_exists(f, path), i == 1);
        fixture_close(f);
        (void)unlinkat(f->folder_fd, "damaged/earlier", 0); /* now there is room */
    }
}

/* Segments as clocks that jump would write them, in the order of their numbers. */
static void clock_that_jumps_changes_no_order(void **state)
{
    struct fixture *f = *state;
    static const uint64_t created_ms[] = {UINT64_MAX, 0, 1ull << 50, 1, 1700000000000};
    struct journal_status status;
    for (uint32_t i = 0; i < 5; i++) {
        char bytes[256], name[SEGMENT_NAME_SIZE];
        const struct segment_header h = {.lane = 0xabc,
                                         .number = i + 1,
                                         .first_sequence = 2 * i + 1,
                                         .created_ms = created_ms[i]};
        segment_put_header(bytes, &h);
        size_t len = SEGMENT_HEADER_SIZE;
        for (uint64_t sequence = 2 * i + 1; sequence <= 2 * i + 2; sequence++) {
            char key[32], value[32];
            snprintf(key, sizeof key, "k%" PRIu64, sequence);
            snprintf(value, sizeof value, "v%" PRIu64, sequence);
            const struct journal_record r = {.sequence = sequence,
                                             .ts_ms = 1000 + sequence,
                                             .key = slice_of(key),
                                             .value = slice_of(value)};
            len += segment_put_record(bytes + len, segment_crc_seed(0xabc), &r);
        }
        segment_format_name(name, 0xabc, i + 1);
        fixture_save(f, name, bytes, len);
        const struct timespec times[2] = {{.tv_sec = 100 - (long)i}, {.tv_sec = 100 - (long)i}};
        assert_int_equal(utimensat(f->folder_fd, name, times, 0), 0);
    }
    fixture_open(f);
    fixture_assert_holds(f, 0xabc, 1, 10);
    assert_int_equal(fixture_damaged(f), 0);
    for (uint64_t sequence = 2; sequence <= 10; sequence += 2) {
        journal_status(f->j, &status);
        assert_int_equal(status.waiting, 12 - sequence);
        assert_int_equal(fixture_segment_count(f), 1 + 5 - (sequence - 2) / 2);
        journal_settle(f->j, 0xabc, sequence);
    }
    journal_status(f->j, &status);
    assert_int_equal(status.waiting, 0);
    assert_int_equal(fixture_segment_count(f), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(foreign_files_are_left_alone),
        TEST(records_of_a_copied_segment_are_read_once),
        TEST(records_are_not_read_under_another_lanes_name),
        TEST(full_damaged_folder_keeps_no_more),
        TEST(clock_that_jumps_changes_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
