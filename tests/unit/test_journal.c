/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

/* ---- Opening ---- */

static void open_makes_the_folder_and_a_lane_per_shard(void **state)
{
    struct fixture *f = *state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s/journal", f->path);
    f->options.dir = dir;
    f->options.shard_count = 3;
    fixture_open(f);
    struct journal_lane lanes[4];
    assert_int_equal(journal_lanes(f->j, lanes, 4), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(lanes[i].current);
        assert_int_equal(lanes[i].first, 1);
        assert_int_equal(lanes[i].last, 0);
        assert_int_equal(lanes[i].partition_count, 0);
        assert_int_not_equal(journal_shard_lane(journal_shard_at(f->j, i)),
                             journal_shard_lane(journal_shard_at(f->j, (i + 1) % 3)));
        assert_int_equal(journal_shard_next(journal_shard_at(f->j, i)), 1);
    }
    assert_int_equal(journal_lanes(f->j, lanes, 1), 3);
}

static void open_fails_with_a_sentence_without_the_parent_folder(void **state)
{
    struct fixture *f = *state;
    f->options.dir = "/nowhere/at/all";
    assert_int_equal(journal_open(&f->j, &f->options, &f->err), -ENOENT);
    assert_non_null(strstr(f->err.text, "/nowhere/at/all"));
    assert_null(f->j);
}

static void second_open_is_refused(void **state)
{
    struct fixture *f = *state;
    struct journal *other = NULL;
    fixture_open(f);
    assert_int_equal(journal_open(&other, &f->options, &f->err), -EBUSY);
    assert_non_null(strstr(f->err.text, "another process"));
    assert_null(other);
    fixture_close(f);
    fixture_open(f);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    journal_close(NULL);
    journal_cursor_close(NULL);
}

static void secret_is_drawn_once(void **state)
{
    struct fixture *f = *state;
    unsigned char first[JOURNAL_SECRET_SIZE], again[JOURNAL_SECRET_SIZE];
    struct stat st;
    fixture_open(f);
    assert_int_equal(journal_secret(f->j, first), 0);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(journal_secret(f->j, again), 0);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(fstatat(f->folder_fd, "secret", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fixture_save(f, "secret", "too short", 9);
    assert_int_equal(journal_secret(f->j, again), 0);
    assert_memory_not_equal(first, again, sizeof first);
}

static void secret_fails_when_its_place_is_taken(void **state)
{
    struct fixture *f = *state;
    unsigned char secret[JOURNAL_SECRET_SIZE];
    assert_int_equal(mkdirat(f->folder_fd, "secret", 0700), 0);
    fixture_open(f);
    assert_int_equal(journal_secret(f->j, secret), -EISDIR);
}

/* ---- Writing and reading ---- */

static void committed_records_are_read_in_order(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fixture_append(fixture_shard(f)), 0);
        assert_int_equal(fixture_append(fixture_shard(f)), 0);
        assert_int_equal(fixture_append(fixture_shard(f)), 0);
        assert_int_equal(journal_commit(fixture_shard(f)), 0);
    }
    fixture_assert_holds(f, fixture_lane(f), 1, 300);
    struct journal_lane lane;
    assert_int_equal(journal_lanes(f->j, &lane, 1), 1);
    assert_int_equal(lane.last, 300);
}

static void nothing_is_read_before_its_commit(void **state)
{
    struct fixture *f = *state;
    struct journal_record r;
    struct journal_cursor *c = NULL;
    fixture_open(f);
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    assert_int_equal(journal_read(c, &r, 1), 0);
    assert_int_equal(fixture_append(fixture_shard(f)), 0);
    assert_int_equal(journal_read(c, &r, 1), 0);
    assert_int_equal(journal_commit(fixture_shard(f)), 0);
    assert_int_equal(journal_read(c, &r, 1), 1);
    fixture_check_record(&r);
    assert_int_equal(journal_read(c, &r, 1), 0);
    journal_cursor_close(c);
}

static void cursor_needs_a_lane(void **state)
{
    struct fixture *f = *state;
    struct journal_cursor *c = NULL;
    fixture_open(f);
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f) + 1), -ENOENT);
    assert_null(c);
}

static void discarded_batch_is_never_written(void **state)
{
    struct fixture *f = *state;
    uint64_t read[4];
    fixture_open(f);
    fixture_write(f, 1);
    assert_int_equal(fixture_append(fixture_shard(f)), 0);
    journal_discard(fixture_shard(f));
    assert_int_equal(journal_commit(fixture_shard(f)), 0);
    fixture_write(f, 1);
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 4), 2);
    assert_int_equal(read[1], 3);
}

static void largest_records_are_read_and_larger_refused(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    char *value = malloc(SEGMENT_PAYLOAD_MAX + 1);
    assert_non_null(value);
    memset(value, 'x', SEGMENT_PAYLOAD_MAX + 1);
    struct journal_shard *s = fixture_shard(f);
    struct slice key = slice_of("key");
    assert_int_equal(journal_append(s, 1, key, slice_make(value, SEGMENT_PAYLOAD_MAX - 2)),
                     -EMSGSIZE);
    assert_int_equal(journal_append(s, 1, slice_make(value, 65536), slice_of("")), -EMSGSIZE);
    assert_int_equal(journal_append(s, 1, key, slice_make(value, SIZE_MAX)), -EMSGSIZE);
    for (int i = 0; i < 12; i++) { /* more than a window */
        assert_int_equal(journal_append(s, 1, key, slice_make(value, SEGMENT_PAYLOAD_MAX - 3)), 0);
    }
    assert_int_equal(journal_shard_next(s), 13);
    assert_int_equal(journal_commit(s), 0);
    struct journal_record records[12];
    struct journal_cursor *c = NULL;
    int total = 0;
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    for (int n = 1; n > 0; total += n) {
        n = journal_read(c, records, 12);
        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
            assert_int_equal(records[i].sequence, total + i + 1);
            assert_int_equal(records[i].value.len, SEGMENT_PAYLOAD_MAX - 3);
            assert_memory_equal(records[i].value.data, value, records[i].value.len);
        }
    }
    assert_int_equal(total, 12);
    journal_cursor_close(c);
    free(value);
}

static void rewind_goes_back_to_the_lowest_unsettled(void **state)
{
    struct fixture *f = *state;
    uint64_t read[2000];
    struct journal_cursor *c = NULL;
    f->options.segment_bytes = 4096;
    fixture_open(f);
    fixture_write(f, 1000);
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    assert_int_equal(fixture_read(c, read, 2000), 1000);
    journal_settle(f->j, fixture_lane(f), 400);
    journal_cursor_rewind(c);
    fixture_write(f, 10);
    assert_int_equal(fixture_read(c, read, 2000), 610);
    assert_int_equal(read[0], 401);
    assert_int_equal(read[609], 1010);
    journal_cursor_close(c);
}

static void bytes_past_the_commit_are_never_looked_at(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    fixture_open(f);
    fixture_write(f, 3);
    fixture_list(f, &names);
    static char bytes[FIXTURE_FILE_MAX];
    size_t len = fixture_load(f, names.name[0], bytes);
    fixture_patch(f, names.name[0], "garbage garbage garbage garbage garbage", 39, len);
    fixture_assert_holds(f, fixture_lane(f), 1, 3);
    assert_int_equal(fixture_damaged(f), 0);
    fixture_write(f, 2);
    fixture_assert_holds(f, fixture_lane(f), 1, 5);
}

/* ---- Settling ---- */

static void settle_frees_segments_but_the_one_being_written(void **state)
{
    struct fixture *f = *state;
    f->options.segment_bytes = 512;
    fixture_open(f);
    fixture_write(f, 100);
    size_t before = fixture_segment_count(f);
    assert_true(before > 4);
    journal_settle(f->j, fixture_lane(f), 1);
    assert_int_equal(fixture_segment_count(f), before);
    journal_settle(f->j, fixture_lane(f), 50);
    size_t half = fixture_segment_count(f);
    assert_true(half < before && half > 1);
    fixture_assert_holds(f, fixture_lane(f), 51, 100);
    journal_settle(f->j, fixture_lane(f), UINT64_MAX); /* no more than there is */
    assert_int_equal(fixture_segment_count(f), 1);
    fixture_write(f, 1);
    fixture_assert_holds(f, fixture_lane(f), 101, 101);
}

static void settling_backwards_or_unknown_lanes_does_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 10);
    journal_settle(f->j, fixture_lane(f), 5);
    journal_settle(f->j, fixture_lane(f), 2);
    journal_settle(f->j, fixture_lane(f) + 1, 9);
    fixture_assert_holds(f, fixture_lane(f), 6, 10);
}

static void segment_freed_under_a_cursor_is_read_to_its_end(void **state)
{
    struct fixture *f = *state;
    struct journal_record records[2];
    uint64_t read[100];
    struct journal_cursor *c = NULL;
    f->options.segment_bytes = 1024;
    fixture_open(f);
    fixture_write(f, 100);
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    assert_int_equal(journal_read(c, records, 2), 2);
    journal_settle(f->j, fixture_lane(f), 60);
    assert_int_equal(fixture_read(c, read, 100), 40);
    assert_int_equal(read[0], 61);
    journal_cursor_close(c);
}

static void status_counts_what_waits(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    fixture_open(f);
    journal_status(f->j, &status);
    assert_int_equal(status.waiting, 0);
    assert_int_equal(status.oldest_ms, 0);
    fixture_write(f, 10);
    journal_settle(f->j, fixture_lane(f), 4);
    journal_status(f->j, &status);
    assert_int_equal(status.waiting, 6);
    assert_true(status.oldest_ms > 1600000000000);
    assert_int_equal(status.max_bytes, f->options.max_bytes);
    assert_int_equal(status.last_error, 0);
}

/* ---- Waking ---- */

static bool was_woken(int fd)
{
    uint64_t count = 0;
    ssize_t n = read(fd, &count, sizeof count);
    assert_true(n < 0 || count == 1);
    return n == (ssize_t)sizeof count;
}

static void commit_wakes_a_waiting_reader_once(void **state)
{
    struct fixture *f = *state;
    int fd = eventfd(0, EFD_NONBLOCK);
    fixture_open(f);
    journal_set_wake(f->j, fd);
    assert_true(journal_prepare_wait(f->j));
    fixture_write(f, 1);
    assert_true(was_woken(fd));
    fixture_write(f, 1);
    assert_false(was_woken(fd));
    journal_set_wake(f->j, -1);
    close(fd);
}

static void reader_must_not_sleep_on_what_it_has_not_read(void **state)
{
    struct fixture *f = *state;
    uint64_t read[4];
    struct journal_cursor *c = NULL;
    fixture_open(f);
    assert_int_equal(journal_cursor_open(&c, f->j, fixture_lane(f)), 0);
    assert_int_equal(fixture_read(c, read, 4), 0);
    assert_true(journal_prepare_wait(f->j));
    fixture_write(f, 1);
    assert_false(journal_prepare_wait(f->j));
    assert_int_equal(fixture_read(c, read, 4), 1);
    assert_true(journal_prepare_wait(f->j));
    journal_cursor_rewind(c);
    assert_false(journal_prepare_wait(f->j));
    journal_cursor_close(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_makes_the_folder_and_a_lane_per_shard),
        TEST(open_fails_with_a_sentence_without_the_parent_folder),
        TEST(second_open_is_refused),
        TEST(closing_nothing_is_fine),
        TEST(secret_is_drawn_once),
        TEST(secret_fails_when_its_place_is_taken),
        TEST(committed_records_are_read_in_order),
        TEST(nothing_is_read_before_its_commit),
        TEST(cursor_needs_a_lane),
        TEST(discarded_batch_is_never_written),
        TEST(largest_records_are_read_and_larger_refused),
        TEST(rewind_goes_back_to_the_lowest_unsettled),
        TEST(bytes_past_the_commit_are_never_looked_at),
        TEST(settle_frees_segments_but_the_one_being_written),
        TEST(settling_backwards_or_unknown_lanes_does_nothing),
        TEST(segment_freed_under_a_cursor_is_read_to_its_end),
        TEST(status_counts_what_waits),
        TEST(commit_wakes_a_waiting_reader_once),
        TEST(reader_must_not_sleep_on_what_it_has_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
