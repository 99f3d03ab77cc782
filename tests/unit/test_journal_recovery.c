/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/checkpoint.h"
#include "ingest/crc32c.h"
#include "ingest/journal_io.h"
#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <string.h>

static void write_nothing(struct fixture *f)
{
    (void)f;
}

static void write_and_settle_half(struct fixture *f)
{
    fixture_write(f, 9);
    assert_int_equal(journal_lane_set_partitions(f->j, fixture_lane(f), 12), 0);
    journal_settle(f->j, fixture_lane(f), 5);
    assert_int_equal(journal_checkpoint(f->j), 0);
}

static void write_and_settle_all(struct fixture *f)
{
    fixture_write(f, 9);
    journal_settle(f->j, fixture_lane(f), 9);
    assert_int_equal(journal_checkpoint(f->j), 0);
}

/* ---- Starts and ends ---- */

static void records_outlive_a_sudden_end(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    fixture_run_and_die(f, fixture_write_hundred);
    fixture_open(f);
    assert_true(fixture_find_old(f, &lane));
    assert_int_equal(lane.first, 1);
    assert_int_equal(lane.last, 100);
    fixture_assert_holds(f, lane.lane, 1, 100);
    assert_int_equal(fixture_damaged(f), 0);
    assert_int_not_equal(lane.lane, fixture_lane(f));
    assert_int_equal(journal_shard_next(fixture_shard(f)), 1);
}

static void records_over_many_segments_and_starts_are_all_kept(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lanes[8];
    f->options.segment_bytes = 512;
    for (int i = 0; i < 4; i++) {
        fixture_run_and_die(f, fixture_write_hundred);
    }
    fixture_open(f);
    assert_int_equal(journal_lanes(f->j, lanes, 8), 5);
    for (int i = 0; i < 5; i++) {
        fixture_assert_holds(f, lanes[i].lane, 1, lanes[i].current ? 0 : 100);
    }
}

static void settled_segments_of_an_old_lane_are_freed_one_by_one(void **state)
{
    struct fixture *f = *state;
    f->options.segment_bytes = 512;
    fixture_run_and_die(f, fixture_write_hundred);
    fixture_open(f);
    size_t before = fixture_segment_count(f);
    uint64_t lane = fixture_old_lane(f);
    journal_settle(f->j, lane, 50);
    assert_true(fixture_segment_count(f) < before - 2);
    fixture_assert_holds(f, lane, 51, 100);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    fixture_close(f);
    /* Even without the checkpoint: what came before the first segment left was settled. */
    (void)unlinkat(f->folder_fd, "checkpoint", 0);
    fixture_open(f);
    struct journal_lane left = {0};
    assert_true(fixture_find_old(f, &left));
    assert_true(left.first > 30 && left.first <= 51);
    fixture_assert_holds(f, lane, left.first, 100);
}

static void lanes_of_workers_that_are_gone_are_drained(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lanes[8];
    f->options.shard_count = 3;
    fixture_open(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fixture_append(journal_shard_at(f->j, i)), 0);
        assert_int_equal(journal_commit(journal_shard_at(f->j, i)), 0);
    }
    fixture_close(f);
    f->options.shard_count = 1;
    fixture_open(f);
    assert_int_equal(journal_lanes(f->j, lanes, 8), 4);
    for (int i = 0; i < 4; i++) {
        if (!lanes[i].current) {
            fixture_assert_holds(f, lanes[i].lane, 1, 1);
            journal_settle(f->j, lanes[i].lane, 1);
        }
    }
    assert_int_equal(journal_lanes(f->j, lanes, 8), 1);
    assert_int_equal(fixture_segment_count(f), 1);
}

static void empty_lanes_leave_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    for (int i = 0; i < 3; i++) {
        fixture_run_and_die(f, write_nothing);
    }
    fixture_open(f);
    assert_false(fixture_find_old(f, &lane));
    assert_int_equal(fixture_segment_count(f), 1);
    assert_int_equal(fixture_damaged(f), 0);
}

static void drained_lane_leaves_the_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct checkpoint_entry *entries = NULL;
    size_t count = 0;
    fixture_run_and_die(f, write_and_settle_half);
    fixture_open(f);
    uint64_t lane = fixture_old_lane(f);
    journal_settle(f->j, lane, 9);
    /* The first still names it: until then the removal of its segments may be undone. */
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_int_equal(checkpoint_read(f->folder_fd, &entries, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].lane, lane);
    assert_int_equal(entries[0].settled, 9);
    free(entries);
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_int_equal(checkpoint_read(f->folder_fd, &entries, &count), 0);
    assert_int_equal(count, 0);
    free(entries);
}

static void temporary_files_are_removed(void **state)
{
    struct fixture *f = *state;
    fixture_save(f, "checkpoint.tmp", "half a check", 12);
    fixture_save(f, "secret.tmp", "half", 4);
    fixture_open(f);
    assert_false(fixture_exists(f, "checkpoint.tmp"));
    assert_false(fixture_exists(f, "secret.tmp"));
}

/* ---- Checkpoints ---- */

static void checkpoint_says_where_to_go_on(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    fixture_run_and_die(f, write_and_settle_half);
    fixture_open(f);
    assert_true(fixture_find_old(f, &lane));
    assert_int_equal(lane.first, 6);
    assert_int_equal(lane.partition_count, 12);
    fixture_assert_holds(f, lane.lane, 6, 9);
}

static void close_writes_the_checkpoint(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 9);
    journal_settle(f->j, fixture_lane(f), 7);
    fixture_close(f);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 8, 9);
}

static void settled_lane_is_gone_at_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lane;
    fixture_run_and_die(f, write_and_settle_all);
    fixture_open(f);
    assert_false(fixture_find_old(f, &lane));
    assert_int_equal(fixture_segment_count(f), 1);
}

static void missing_checkpoint_sends_all_again(void **state)
{
    struct fixture *f = *state;
    fixture_run_and_die(f, write_and_settle_half);
    assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
    assert_int_equal(fixture_damaged(f), 0);
}

static void damaged_checkpoint_sends_all_again_and_is_kept(void **state)
{
    struct fixture *f = *state;
    fixture_run_and_die(f, write_and_settle_half);
    fixture_patch(f, "checkpoint", "\xff", 1, 20);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
    assert_int_equal(fixture_damaged(f), 1);
    assert_false(fixture_exists(f, "checkpoint"));
    struct dirent **entries = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/damaged", f->path);
    int count = scandir(path, &entries, NULL, alphasort);
    assert_int_equal(count, 3);
    assert_int_equal(strncmp(entries[2]->d_name, "checkpoint.", 11), 0);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

static void newer_checkpoint_sends_all_again_and_is_kept(void **state)
{
    struct fixture *f = *state;
    char bytes[FIXTURE_FILE_MAX];
    fixture_run_and_die(f, write_and_settle_half);
    size_t len = fixture_load(f, "checkpoint", bytes);
    bytes[8] = CHECKPOINT_VERSION + 1;
    uint32_t crc = crc32c(0, bytes, len - 4);
    for (int i = 0; i < 4; i++) {
        bytes[len - 4 + (size_t)i] = (char)(crc >> (8 * i) & 0xff);
    }
    fixture_save(f, "checkpoint", bytes, len);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
    assert_int_equal(fixture_damaged(f), 1);
}

static void checkpoint_cut_at_any_byte_sends_all_again(void **state)
{
    struct fixture *f = *state;
    char bytes[FIXTURE_FILE_MAX];
    fixture_run_and_die(f, write_and_settle_half);
    size_t len = fixture_load(f, "checkpoint", bytes);
    for (size_t cut = 0; cut < len; cut++) {
        fixture_save(f, "checkpoint", bytes, cut);
        fixture_open(f);
        fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
        assert_int_equal(fixture_damaged(f), 1);
        fixture_close(f);
    }
}

static void folder_in_the_checkpoints_place_is_set_aside(void **state)
{
    struct fixture *f = *state;
    fixture_run_and_die(f, fixture_write_nine);
    assert_int_equal(mkdirat(f->folder_fd, "checkpoint", 0700), 0);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 1, 9);
    journal_settle(f->j, fixture_old_lane(f), 5);
    assert_int_equal(journal_checkpoint(f->j), 0);
}

/* With ack=journal: delivered from the page cache, then the power went before it was on disk. */
static void reports_after_a_power_loss_are_no_repeats(void **state)
{
    struct fixture *f = *state;
    char bytes[FIXTURE_FILE_MAX], name[SEGMENT_NAME_SIZE];
    struct journal_lane lane;
    uint32_t number;
    fixture_run_and_die(f, write_and_settle_all);
    fixture_only_segment(f, name);
    size_t len = fixture_load(f, name, bytes);
    for (size_t cut = 0; cut < len; cut += 12) {
        uint64_t before;
        fixture_save(f, name, bytes, cut);
        fixture_open(f);
        assert_true(segment_parse_name(name, &before, &number));
        assert_false(fixture_find_old(f, &lane));
        assert_false(fixture_exists(f, name));
        assert_int_not_equal(fixture_lane(f), before); /* so no mark of a consumer covers it */
        fixture_write(f, 9);
        fixture_assert_holds(f, fixture_lane(f), 1, 9);
        journal_settle(f->j, fixture_lane(f), 9);
        fixture_close(f);
        fixture_only_segment(f, name); /* the next power loss is of this start */
        len = fixture_load(f, name, bytes);
    }
}

static void set_checkpoint(struct fixture *f, uint64_t settled)
{
    char name[SEGMENT_NAME_SIZE];
    uint32_t number;
    struct checkpoint_entry e = {.settled = settled, .partition_count = 12};
    fixture_only_segment(f, name);
    assert_true(segment_parse_name(name, &e.lane, &number));
    assert_int_equal(checkpoint_write(f->folder_fd, journal_io_real(), &e, 1), 0);
}

static void checkpoint_behind_sends_more_again(void **state)
{
    struct fixture *f = *state;
    fixture_run_and_die(f, write_and_settle_half);
    set_checkpoint(f, 2);
    fixture_open(f);
    fixture_assert_holds(f, fixture_old_lane(f), 3, 9);
}

static void checkpoint_ahead_of_the_records_is_survived(void **state)
{
    struct fixture *f = *state;
    static const uint64_t ahead[] = {10, 1000000, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct journal_lane lane;
        struct journal_status status;
        fixture_run_and_die(f, fixture_write_nine);
        set_checkpoint(f, ahead[i]);
        fixture_open(f);
        assert_false(fixture_find_old(f, &lane));
        journal_status(f->j, &status);
        assert_int_equal(status.waiting, 0);
        fixture_close(f);
        struct fixture_names names;
        fixture_list(f, &names);
        assert_int_equal(unlinkat(f->folder_fd, names.name[0], 0), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_outlive_a_sudden_end),
        TEST(records_over_many_segments_and_starts_are_all_kept),
        TEST(settled_segments_of_an_old_lane_are_freed_one_by_one),
        TEST(lanes_of_workers_that_are_gone_are_drained),
        TEST(empty_lanes_leave_nothing_behind),
        TEST(drained_lane_leaves_the_checkpoint),
        TEST(temporary_files_are_removed),
        TEST(checkpoint_says_where_to_go_on),
        TEST(close_writes_the_checkpoint),
        TEST(settled_lane_is_gone_at_the_next_start),
        TEST(missing_checkpoint_sends_all_again),
        TEST(damaged_checkpoint_sends_all_again_and_is_kept),
        TEST(newer_checkpoint_sends_all_again_and_is_kept),
        TEST(checkpoint_cut_at_any_byte_sends_all_again),
        TEST(folder_in_the_checkpoints_place_is_set_aside),
        TEST(reports_after_a_power_loss_are_no_repeats),
        TEST(checkpoint_behind_sends_more_again),
        TEST(checkpoint_ahead_of_the_records_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
