/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/journal_io.h"
#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <string.h>

static struct {
    int sync_errno;
} faults;

static int faulty_fdatasync(int fd)
{
    errno = faults.sync_errno;
    return faults.sync_errno == 0 ? fdatasync(fd) : -1;
}

static const struct journal_io faulty_io = {pwrite, faulty_fdatasync, ftruncate, pread};

static int set_up(void **state)
{
    struct fixture *f = fixture_new();
    faults.sync_errno = 0;
    f->options.io = &faulty_io;
    f->options.requeue = true;
    *state = f;
    return 0;
}

static uint64_t requeue_lane(struct fixture *f)
{
    return journal_shard_lane(journal_requeue_shard(f->j));
}

/* One of what journal_lanes() gives: of the records that are unsettled. */
static struct journal_lane find_lane(struct fixture *f, uint64_t id)
{
    struct journal_lane lanes[32], none = {0};
    size_t count = journal_lanes(f->j, lanes, 32);
    for (size_t i = 0; i < count; i++) {
        if (lanes[i].lane == id) {
            return lanes[i];
        }
    }
    return none;
}

/* Writes the lane's records from first to last again, as the publisher does. */
static int requeue(struct fixture *f, uint64_t lane, uint64_t first, uint64_t last)
{
    struct journal_record records[64];
    struct journal_cursor *c = NULL;
    assert_int_equal(journal_cursor_open(&c, f->j, lane), 0);
    int count = journal_read(c, records, 64), from = 0, to = 0;
    while (from < count && records[from].sequence < first) {
        from++;
    }
    for (to = from; to < count && records[to].sequence <= last; to++) {
    }
    assert_true(to > from);
    int result =
        journal_requeue(journal_requeue_shard(f->j), records + from, lane, (size_t)(to - from));
    journal_cursor_close(c);
    return result;
}

/* The lane gives exactly count records, of the first lane's sequences from first on. */
static void assert_gives(struct fixture *f, uint64_t lane, uint64_t of_lane, uint64_t first,
                         int count)
{
    struct journal_record records[64];
    struct journal_cursor *c = NULL;
    char value[64];
    assert_int_equal(journal_cursor_open(&c, f->j, lane), 0);
    assert_int_equal(journal_read(c, records, 64), count);
    for (int i = 0; i < count; i++) {
        uint64_t sequence = first + (uint64_t)i;
        snprintf(value, sizeof value, "v%" PRIu64, sequence);
        assert_true(slice_is(records[i].value, value));
        assert_int_equal(records[i].ts_ms, 1000 + sequence);
        assert_int_equal(records[i].replaces_lane, of_lane);
        assert_int_equal(records[i].replaces_sequence, sequence);
    }
    journal_cursor_close(c);
}

static void assert_holds_but(struct fixture *f, uint64_t lane, uint64_t from, uint64_t to,
                             uint64_t last)
{
    uint64_t read[128], expected = 1;
    size_t count = fixture_read_lane(f, lane, read, 128);
    for (size_t i = 0; i < count; i++, expected++) {
        expected = expected == from ? to + 1 : expected;
        assert_int_equal(read[i], expected);
    }
    assert_int_equal(expected + (last == to ? to + 1 - from : 0), last + 1);
}

static void requeue_shard_is_there_when_asked_for(void **state)
{
    struct fixture *f = *state;
    struct journal_lane lanes[4];
    fixture_open(f);
    assert_int_equal(journal_lanes(f->j, lanes, 4), 2);
    assert_true(find_lane(f, requeue_lane(f)).current);
    fixture_close(f);
    f->options.requeue = false;
    fixture_open(f);
    assert_null(journal_requeue_shard(f->j));
    assert_int_equal(journal_lanes(f->j, lanes, 4), 1);
}

static void replacement_names_the_old_and_is_delivered_instead(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 9);
    assert_int_equal(requeue(f, fixture_lane(f), 4, 6), 0);
    assert_gives(f, requeue_lane(f), fixture_lane(f), 4, 3);
    assert_holds_but(f, fixture_lane(f), 4, 6, 9);
}

static void replacement_of_a_replacement_names_the_first_of_all(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 9);
    uint64_t lane = requeue_lane(f);
    assert_int_equal(requeue(f, fixture_lane(f), 4, 6), 0);
    assert_int_equal(requeue(f, lane, 1, 3), 0);
    assert_gives(f, lane, fixture_lane(f), 4, 3); /* under 4 to 6, no longer 1 to 3 */
    assert_int_equal(find_lane(f, lane).first, 4);
    assert_int_equal(find_lane(f, lane).last, 6);
}

static void write_and_requeue(struct fixture *f)
{
    fixture_write(f, 9);
    assert_int_equal(requeue(f, fixture_lane(f), 4, 6), 0);
}

/* The lanes that an earlier start left: the reports', and the requeue's. */
static void find_both(struct fixture *f, uint64_t *lane, uint64_t *requeued)
{
    struct journal_lane lanes[32];
    size_t count = journal_lanes(f->j, lanes, 32);
    *lane = *requeued = 0;
    for (size_t i = 0; i < count; i++) {
        struct journal_record r;
        struct journal_cursor *c = NULL;
        if (lanes[i].current) {
            continue;
        }
        assert_int_equal(journal_cursor_open(&c, f->j, lanes[i].lane), 0);
        if (journal_read(c, &r, 1) == 1) {
            *(r.replaces_lane == 0 ? lane : requeued) = lanes[i].lane;
        }
        journal_cursor_close(c);
    }
}

static void kill_before_the_old_are_settled_delivers_the_new_alone(void **state)
{
    struct fixture *f = *state;
    uint64_t lane, requeued;
    fixture_run_and_die(f, write_and_requeue);
    for (int i = 0; i < 3; i++) { /* and again after the next kill */
        fixture_open(f);
        find_both(f, &lane, &requeued);
        assert_holds_but(f, lane, 4, 6, 9);
        assert_gives(f, requeued, lane, 4, 3);
        journal_settle(f->j, lane, 3);
        assert_int_equal(find_lane(f, lane).first, 7); /* 4 to 6 need nobody */
        fixture_close(f);
        assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0);
    }
}

static void write_and_requeue_the_end(struct fixture *f)
{
    fixture_write(f, 9);
    assert_int_equal(requeue(f, fixture_lane(f), 1, 9), 0);
}

static void lane_of_nothing_but_replaced_records_is_drained_by_reading_it(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    fixture_run_and_die(f, write_and_requeue_the_end);
    fixture_open(f);
    struct journal_lane lanes[8];
    size_t count = journal_lanes(f->j, lanes, 8);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        struct journal_record r;
        struct journal_cursor *c = NULL;
        assert_int_equal(journal_cursor_open(&c, f->j, lanes[i].lane), 0);
        if (!lanes[i].current && journal_read(c, &r, 1) == 0) {
            segment_format_name(name, lanes[i].lane, 1);
        }
        journal_cursor_close(c);
    }
    assert_int_equal(journal_lanes(f->j, lanes, 8), 3);
    assert_false(fixture_exists(f, name));
}

static void requeue_and_settle_the_new(struct fixture *f)
{
    write_and_requeue(f);
    fixture_write(f, 91);
    journal_settle(f->j, requeue_lane(f), 3);
    assert_int_equal(journal_checkpoint(f->j), 0);
}

static void delivered_replacement_still_stands_for_the_old(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    f->options.segment_bytes = 512;
    fixture_run_and_die(f, requeue_and_settle_the_new);
    fixture_open(f);
    uint64_t lane = fixture_old_lane(f); /* the requeue's is settled, yet its file stays */
    assert_holds_but(f, lane, 4, 6, 100);
    fixture_close(f);
    assert_int_equal(unlinkat(f->folder_fd, "checkpoint", 0), 0);
    fixture_open(f); /* all is sent again, but nothing under two names */
    uint64_t requeued;
    find_both(f, &lane, &requeued);
    assert_holds_but(f, lane, 4, 6, 100);
    assert_gives(f, requeued, lane, 4, 3);
    journal_settle(f->j, requeued, 3);
    journal_settle(f->j, lane, 50);
    fixture_list(f, &names);
    size_t before = names.count;
    assert_int_equal(journal_checkpoint(f->j), 0);
    assert_int_equal(fixture_segment_count(f), before - 1); /* with the files of 4 to 6 it goes */
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
}

static void replacements_of_two_starts_leave_the_later(void **state)
{
    struct fixture *f = *state;
    uint64_t lane, requeued, read[16];
    fixture_run_and_die(f, write_and_requeue);
    fixture_open(f);
    find_both(f, &lane, &requeued);
    uint64_t newest = requeue_lane(f);
    assert_true(find_lane(f, newest).first > 3); /* they go on from those in the folder */
    assert_int_equal(requeue(f, requeued, 1, 3), 0);
    fixture_close(f);
    fixture_open(f);
    assert_gives(f, newest, lane, 4, 3);
    assert_int_equal(fixture_read_lane(f, requeued, read, 16), 0);
    assert_holds_but(f, lane, 4, 6, 9);
}

static void full_journal_takes_replacements(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    f->options.max_bytes = 4096;
    fixture_open(f);
    while (fixture_append(fixture_shard(f)) == 0) {
        assert_int_equal(journal_commit(fixture_shard(f)), 0);
    }
    journal_status(f->j, &status);
    assert_int_equal(requeue(f, fixture_lane(f), 2, 20), 0);
    assert_gives(f, requeue_lane(f), fixture_lane(f), 2, 19);
    assert_true(fixture_bytes(f) > status.max_bytes);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
}

static void failed_sync_holds_none_and_the_next_is_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t lane, requeued;
    fixture_open(f);
    fixture_write(f, 9);
    faults.sync_errno = EIO;
    assert_int_equal(requeue(f, fixture_lane(f), 4, 6), -EIO);
    assert_gives(f, requeue_lane(f), 0, 0, 0);
    fixture_assert_holds(f, fixture_lane(f), 1, 9);
    assert_int_equal(fixture_bytes(f), fixture_bytes_on_disk(f));
    faults.sync_errno = 0;
    assert_int_equal(requeue(f, fixture_lane(f), 4, 6), 0);
    fixture_close(f);
    fixture_open(f);
    find_both(f, &lane, &requeued);
    assert_holds_but(f, lane, 4, 6, 9);
    assert_gives(f, requeued, lane, 4, 3);
}

static void largest_record_can_be_replaced(void **state)
{
    struct fixture *f = *state;
    char *value = calloc(1, SEGMENT_PAYLOAD_MAX);
    assert_non_null(value);
    fixture_open(f);
    struct slice largest = slice_make(value, SEGMENT_PAYLOAD_MAX - 3);
    assert_int_equal(journal_append(fixture_shard(f), 1, slice_of("key"), largest), 0);
    assert_int_equal(journal_commit(fixture_shard(f)), 0);
    assert_int_equal(requeue(f, fixture_lane(f), 1, 1), 0);
    struct journal_record r;
    struct journal_cursor *c = NULL;
    assert_int_equal(journal_cursor_open(&c, f->j, requeue_lane(f)), 0);
    assert_int_equal(journal_read(c, &r, 1), 1);
    assert_int_equal(r.value.len, SEGMENT_PAYLOAD_MAX - 3);
    journal_cursor_close(c);
    free(value);
}

static void damaged_replacement_lets_the_old_be_delivered(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    uint64_t lane, requeued, read[16];
    fixture_run_and_die(f, write_and_requeue);
    fixture_list(f, &names);
    for (size_t i = 0; i < names.count; i++) {
        char bytes[FIXTURE_FILE_MAX];
        if (fixture_load(f, names.name[i], bytes) < SEGMENT_HEADER_SIZE + 9 * 36) {
            fixture_patch(f, names.name[i], "\xff", 1, SEGMENT_HEADER_SIZE + 40);
        }
    }
    fixture_open(f);
    find_both(f, &lane, &requeued);
    assert_gives(f, requeued, lane, 5, 2);
    assert_int_equal(fixture_read_lane(f, lane, read, 16), 7); /* 4 again, not 5 and 6 */
}

static void unknown_header_hides_no_replacement(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    uint64_t lane, requeued;
    fixture_run_and_die(f, write_and_requeue);
    fixture_list(f, &names);
    for (size_t i = 0; i < names.count; i++) {
        fixture_patch(f, names.name[i], "\xff", 1, 28);
    }
    fixture_open(f);
    find_both(f, &lane, &requeued);
    assert_holds_but(f, lane, 4, 6, 9);
    assert_gives(f, requeued, lane, 4, 3);
}

static void copied_segment_of_replacements_hides_none(void **state)
{
    struct fixture *f = *state;
    struct fixture_names names;
    uint64_t lane, requeued;
    static char bytes[FIXTURE_FILE_MAX];
    fixture_run_and_die(f, write_and_requeue);
    fixture_list(f, &names);
    for (size_t i = 0; i < names.count; i++) {
        char other[SEGMENT_NAME_SIZE];
        uint32_t number;
        assert_true(segment_parse_name(names.name[i], &lane, &number));
        segment_format_name(other, lane, number + 1);
        fixture_save(f, other, bytes, fixture_load(f, names.name[i], bytes));
    }
    fixture_open(f);
    find_both(f, &lane, &requeued);
    assert_holds_but(f, lane, 4, 6, 9);
    assert_gives(f, requeued, lane, 4, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requeue_shard_is_there_when_asked_for),
        TEST(replacement_names_the_old_and_is_delivered_instead),
        TEST(replacement_of_a_replacement_names_the_first_of_all),
        TEST(kill_before_the_old_are_settled_delivers_the_new_alone),
        TEST(lane_of_nothing_but_replaced_records_is_drained_by_reading_it),
        TEST(delivered_replacement_still_stands_for_the_old),
        TEST(replacements_of_two_starts_leave_the_later),
        TEST(full_journal_takes_replacements),
        TEST(failed_sync_holds_none_and_the_next_is_whole),
        TEST(largest_record_can_be_replaced),
        TEST(damaged_replacement_lets_the_old_be_delivered),
        TEST(unknown_header_hides_no_replacement),
        TEST(copied_segment_of_replacements_hides_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
