/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "ingest/journal_io.h"
#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <string.h>

enum fault { FAULT_NONE, FAULT_FAIL, FAULT_HALF_THEN_FAIL, FAULT_BYTE_AT_A_TIME };

static struct {
    enum fault write;
    int write_errno;
    int sync_errno;
    int truncate_errno;
    off_t unreadable_from, unreadable_to;
} faults;

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    switch (faults.write) {
    case FAULT_NONE:
        break;
    case FAULT_BYTE_AT_A_TIME:
        return pwrite(fd, data, 1, offset);
    case FAULT_HALF_THEN_FAIL:
        faults.write = FAULT_FAIL;
        return pwrite(fd, data, len / 2, offset);
    case FAULT_FAIL:
        errno = faults.write_errno;
        return -1;
    }
    return pwrite(fd, data, len, offset);
}

static int faulty_fdatasync(int fd)
{
    errno = faults.sync_errno;
    return faults.sync_errno == 0 ? fdatasync(fd) : -1;
}

static int faulty_ftruncate(int fd, off_t len)
{
    errno = faults.truncate_errno;
    return faults.truncate_errno == 0 ? ftruncate(fd, len) : -1;
}

/* Each byte of the stretch cannot be read, however it is asked for. */
static ssize_t faulty_pread(int fd, void *data, size_t len, off_t offset)
{
    if (faults.unreadable_from < faults.unreadable_to && offset < faults.unreadable_to &&
        offset + (off_t)len > faults.unreadable_from) {
        errno = EIO;
        return -1;
    }
    return pread(fd, data, len, offset);
}

static const struct journal_io faulty_io = {faulty_pwrite, faulty_fdatasync, faulty_ftruncate,
                                            faulty_pread};

static int set_up_faulty(void **state)
{
    struct fixture *f = fixture_new();
    memset(&faults, 0, sizeof faults);
    f->options.io = &faulty_io;
    *state = f;
    return 0;
}

static int commit_one(struct fixture *f)
{
    assert_int_equal(fixture_append(fixture_shard(f)), 0);
    return journal_commit(fixture_shard(f));
}

static int last_error(struct fixture *f)
{
    struct journal_status status;
    journal_status(f->j, &status);
    return status.last_error;
}

static void append_fails_when_full_and_works_once_settled(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    f->options.max_bytes = 64 * 1024;
    f->options.segment_bytes = 1 << 20; /* more than all: it must come down by itself */
    fixture_open(f);
    for (int round = 0; round < 5; round++) {
        int result = 0;
        uint64_t next = 0;
        while (result == 0) {
            next = journal_shard_next(fixture_shard(f));
            result = fixture_append(fixture_shard(f));
            assert_int_equal(journal_commit(fixture_shard(f)), 0);
        }
        assert_int_equal(result, -ENOSPC);
        assert_int_equal(journal_shard_next(fixture_shard(f)), next); /* not used up */
        journal_status(f->j, &status);
        assert_true(status.bytes <= status.max_bytes && status.bytes > 60 * 1024);
        journal_settle(f->j, fixture_lane(f), next - 1);
        journal_status(f->j, &status);
        assert_true(status.bytes <= 33 * 1024);
        assert_int_equal(status.waiting, 0);
    }
}

static void limit_holds_over_all_shards(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    f->options.max_bytes = 16 * 1024;
    f->options.shard_count = 2;
    fixture_open(f);
    struct journal_shard *a = journal_shard_at(f->j, 0), *b = journal_shard_at(f->j, 1);
    while (fixture_append(a) == 0) {
    }
    while (fixture_append(b) == 0) {
    }
    int results[] = {journal_commit(a), journal_commit(b)};
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], -ENOSPC);
    journal_status(f->j, &status);
    assert_true(status.bytes <= status.max_bytes);
    assert_int_equal(status.last_error, -ENOSPC);
}

static void limit_counts_what_is_left_from_before(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 100);
    fixture_close(f);
    f->options.max_bytes = 1024;
    fixture_open(f); /* it starts all the same */
    assert_int_equal(fixture_append(fixture_shard(f)), -ENOSPC);
    uint64_t lane = fixture_old_lane(f);
    fixture_assert_holds(f, lane, 1, 100);
    journal_settle(f->j, lane, 100);
    assert_int_equal(fixture_append(fixture_shard(f)), 0);
}

static void short_writes_are_gone_on_with(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    faults.write = FAULT_BYTE_AT_A_TIME;
    fixture_write(f, 5);
    fixture_assert_holds(f, fixture_lane(f), 1, 5);
}

static void failed_commit_on_a_full_disk_is_cut_away(void **state)
{
    struct fixture *f = *state;
    uint64_t read[8];
    struct journal_status before, after;
    fixture_open(f);
    fixture_write(f, 2);
    journal_status(f->j, &before);
    faults.write = FAULT_HALF_THEN_FAIL;
    faults.write_errno = ENOSPC;
    assert_int_equal(commit_one(f), -ENOSPC);
    assert_int_equal(commit_one(f), -ENOSPC);
    assert_int_equal(last_error(f), -ENOSPC);
    journal_status(f->j, &after);
    assert_int_equal(after.bytes, before.bytes);
    faults.write = FAULT_NONE;
    assert_int_equal(commit_one(f), 0);
    assert_int_equal(last_error(f), 0);
    assert_int_equal(fixture_segment_count(f), 2); /* so that the first can go once it is settled */
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 8), 3);
    assert_int_equal(read[2], 5); /* 3 and 4 are never used again */
    assert_int_equal(fixture_damaged(f), 0);
}

static void probe_tells_when_there_is_space_again(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 2);
    faults.write = FAULT_FAIL;
    faults.write_errno = ENOSPC;
    assert_int_equal(commit_one(f), -ENOSPC);
    uint64_t bytes = fixture_bytes(f);
    journal_shard_probe(fixture_shard(f));
    assert_int_equal(last_error(f), -ENOSPC);
    assert_int_equal(fixture_bytes(f), bytes);
    faults.write = FAULT_NONE;
    journal_shard_probe(fixture_shard(f));
    assert_int_equal(last_error(f), 0);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    assert_int_equal(commit_one(f), 0);
    uint64_t read[8];
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 8), 3);
}

static void disk_error_closes_the_segment_for_ever(void **state)
{
    struct fixture *f = *state;
    uint64_t read[8];
    fixture_open(f);
    fixture_write(f, 2);
    faults.write = FAULT_HALF_THEN_FAIL;
    faults.write_errno = EIO;
    assert_int_equal(commit_one(f), -EIO);
    faults.write = FAULT_NONE;
    fixture_write(f, 2);
    assert_int_equal(fixture_segment_count(f), 2);
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 8), 4);
    assert_int_equal(read[2], 4);
    journal_settle(f->j, fixture_lane(f), 2);
    assert_int_equal(fixture_segment_count(f), 1);
}

static void segment_that_cannot_be_cut_is_closed_for_ever(void **state)
{
    struct fixture *f = *state;
    uint64_t read[8];
    fixture_open(f);
    fixture_write(f, 2);
    faults.write = FAULT_HALF_THEN_FAIL;
    faults.write_errno = ENOSPC;
    faults.truncate_errno = EIO;
    assert_int_equal(commit_one(f), -ENOSPC);
    faults.write = FAULT_NONE;
    fixture_write(f, 2);
    assert_int_equal(fixture_segment_count(f), 2);
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 8), 4);
    assert_int_equal(fixture_damaged(f), 0);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    journal_settle(f->j, fixture_lane(f), 5);
    assert_int_equal(fixture_segment_count(f), 1);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
}

static void failed_rotation_leaves_no_file_and_is_tried_again(void **state)
{
    struct fixture *f = *state;
    f->options.segment_bytes = 256;
    fixture_open(f);
    fixture_write(f, 5);
    faults.write = FAULT_FAIL;
    faults.write_errno = ENOSPC;
    size_t before = fixture_segment_count(f);
    assert_int_equal(commit_one(f), -ENOSPC);
    assert_int_equal(fixture_segment_count(f), before);
    faults.write = FAULT_NONE;
    assert_int_equal(commit_one(f), 0);
    assert_int_equal(fixture_segment_count(f), before + 1);
}

static void open_fails_when_the_lane_cannot_be_synced(void **state)
{
    struct fixture *f = *state;
    faults.sync_errno = EIO;
    assert_int_equal(journal_open(&f->j, &f->options, &f->err), -EIO);
    assert_int_not_equal(strlen(f->err.text), 0);
    assert_int_equal(fixture_segment_count(f), 0);
}

static void start_on_a_full_disk_drains_and_takes_reports_once_there_is_room(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    fixture_open(f);
    fixture_write(f, 9);
    fixture_close(f);
    faults.write = FAULT_FAIL;
    faults.write_errno = ENOSPC;
    fixture_open(f);
    assert_int_equal(last_error(f), -ENOSPC);
    uint64_t lane = fixture_old_lane(f);
    fixture_assert_holds(f, lane, 1, 9);
    fixture_assert_holds(f, fixture_lane(f), 1, 0);
    assert_int_equal(commit_one(f), -ENOSPC);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    journal_settle(f->j, lane, 9);
    faults.write = FAULT_NONE;
    faults.sync_errno = EIO; /* the lane must be on disk before its first record */
    assert_int_equal(commit_one(f), -EIO);
    faults.sync_errno = 0;
    assert_int_equal(commit_one(f), 0);
    assert_int_equal(last_error(f), 0);
    journal_status(f->j, &status);
    assert_int_equal(status.bytes, fixture_bytes_on_disk(f));
    uint64_t read[8];
    assert_int_equal(fixture_read_lane(f, fixture_lane(f), read, 8), 1);
}

static void write_four_blocks(struct fixture *f)
{
    while (fixture_bytes(f) < 16 * 1024) {
        fixture_write(f, 1);
    }
}

/* Reads on past errors, as the publisher does; the sequences go to out. */
static size_t read_past_errors(struct fixture *f, uint64_t lane, uint64_t *out, int *errors)
{
    struct journal_cursor *c = NULL;
    struct journal_record r;
    size_t count = 0;
    *errors = 0;
    assert_int_equal(journal_cursor_open(&c, f->j, lane), 0);
    for (int n = 1; n != 0;) {
        n = journal_read(c, &r, 1);
        if (n == 1) {
            out[count++] = r.sequence;
        } else if (n < 0) {
            assert_int_equal(n, -EIO);
            ++*errors;
        }
    }
    journal_cursor_close(c);
    return count;
}

static void unreadable_block_loses_its_records_alone(void **state)
{
    struct fixture *f = *state;
    static uint64_t read[1024];
    char name[SEGMENT_NAME_SIZE];
    int errors = 0;
    fixture_run_and_die(f, write_four_blocks);
    fixture_only_segment(f, name);
    fixture_open(f);
    uint64_t lane = fixture_old_lane(f);
    size_t all = read_past_errors(f, lane, read, &errors);
    assert_int_equal(errors, 0);
    fixture_close(f);
    faults.unreadable_from = 2 * 4096 + 100; /* the whole block with it */
    faults.unreadable_to = faults.unreadable_from + 1;
    fixture_open(f);
    size_t count = read_past_errors(f, lane, read, &errors);
    assert_true(errors > 1); /* not given up at once */
    assert_int_equal(fixture_damaged(f), 1);
    assert_int_equal(read[0], 1);
    assert_int_equal(read[count - 1], all);
    size_t lost = all - count, holes = 0;
    assert_true(lost > 90 && lost <= 4096 / 36 + 2);
    for (size_t i = 1; i < count; i++) {
        holes += read[i] != read[i - 1] + 1;
    }
    assert_int_equal(holes, 1);
    char kept[128];
    snprintf(kept, sizeof kept, "damaged/%s", name);
    journal_settle(f->j, lane, all);
    assert_false(fixture_exists(f, name));
    assert_true(fixture_exists(f, kept)); /* the bad bytes could not be copied: the file is */
}

static void unreadable_end_is_the_end(void **state)
{
    struct fixture *f = *state;
    static uint64_t read[1024];
    struct journal_lane lane;
    int errors = 0;
    fixture_run_and_die(f, write_four_blocks);
    faults.unreadable_from = 3 * 4096;
    faults.unreadable_to = 1 << 20;
    fixture_open(f);
    assert_true(fixture_find_old(f, &lane));
    size_t count = read_past_errors(f, lane.lane, read, &errors);
    assert_int_equal(errors, 0); /* known since the start */
    assert_int_equal(count, lane.last);
    assert_int_equal(fixture_damaged(f), 1);
    journal_settle(f->j, lane.lane, lane.last);
    assert_false(fixture_find_old(f, &lane));
}

static void unreadable_file_is_kept_and_stops_nothing(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    char name[SEGMENT_NAME_SIZE], kept[128];
    fixture_run_and_die(f, write_four_blocks);
    fixture_only_segment(f, name);
    faults.unreadable_to = 1 << 20;
    fixture_open(f);
    assert_false(fixture_find_old(f, &lane));
    assert_int_equal(fixture_damaged(f), 2); /* the header, and the rest */
    snprintf(kept, sizeof kept, "damaged/%s", name);
    assert_true(fixture_exists(f, kept));
    assert_false(fixture_exists(f, name));
    fixture_write(f, 1);
}

static void failed_checkpoint_is_tried_again(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 2);
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_false(fixture_exists(f, "checkpoint")); /* nothing to tell */
    journal_settle(f->j, fixture_lane(f), 1);
    faults.sync_errno = EIO;
    assert_int_equal(journal_checkpoint(f->j), -EIO);
    assert_int_equal(journal_checkpoint(f->j), -EIO);
    faults.sync_errno = 0;
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_true(fixture_exists(f, "checkpoint"));
}

static void partition_count_that_cannot_be_written_is_not_set(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    fixture_open(f);
    assert_int_equal(journal_lane_set_partitions(f->j, fixture_lane(f), 12), 0);
    faults.sync_errno = EIO;
    assert_int_equal(journal_lane_set_partitions(f->j, fixture_lane(f), 24), -EIO);
    assert_int_equal(journal_lane_set_partitions(f->j, fixture_lane(f) + 1, 24), -ENOENT);
    faults.sync_errno = 0;
    assert_int_equal(journal_lanes(f->j, &lane, 1), 1);
    assert_int_equal(lane.partition_count, 12);
}

static void metrics_tell_what_happened(void **state)
{
    struct fixture *f = *state;
    struct buffer page;
    buffer_init(&page);
    f->options.metrics = metrics_new();
    assert_non_null(f->options.metrics);
    fixture_open(f);
    fixture_write(f, 3);
    faults.write = FAULT_FAIL;
    faults.write_errno = ENOSPC;
    assert_int_equal(commit_one(f), -ENOSPC);
    metrics_render(f->options.metrics, &page);
    buffer_append(&page, "", 1);
    assert_non_null(strstr(page.data, "playreport_journal_records_total 3\n"));
    assert_non_null(strstr(page.data, "playreport_journal_written_bytes_total 108\n"));
    assert_non_null(strstr(page.data, "playreport_journal_commit_failures_total 1\n"));
    assert_non_null(strstr(page.data, "playreport_journal_damaged_total 0\n"));
    assert_non_null(strstr(page.data, "playreport_journal_bytes 172\n"));
    assert_non_null(strstr(page.data, "playreport_journal_waiting_records 3\n"));
    buffer_fini(&page);
    faults.write = FAULT_NONE;
    fixture_close(f);
    metrics_free(f->options.metrics);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_faulty, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append_fails_when_full_and_works_once_settled),
        TEST(limit_holds_over_all_shards),
        TEST(limit_counts_what_is_left_from_before),
        TEST(short_writes_are_gone_on_with),
        TEST(failed_commit_on_a_full_disk_is_cut_away),
        TEST(probe_tells_when_there_is_space_again),
        TEST(disk_error_closes_the_segment_for_ever),
        TEST(segment_that_cannot_be_cut_is_closed_for_ever),
        TEST(failed_rotation_leaves_no_file_and_is_tried_again),
        TEST(open_fails_when_the_lane_cannot_be_synced),
        TEST(start_on_a_full_disk_drains_and_takes_reports_once_there_is_room),
        TEST(unreadable_block_loses_its_records_alone),
        TEST(unreadable_end_is_the_end),
        TEST(unreadable_file_is_kept_and_stops_nothing),
        TEST(failed_checkpoint_is_tried_again),
        TEST(partition_count_that_cannot_be_written_is_not_set),
        TEST(metrics_tell_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
