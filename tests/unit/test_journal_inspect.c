/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/journal_inspect.h"
#include "tests/unit/journal_fixture.h"

#include <errno.h>
#include <string.h>

static struct journal_inspect inspect(struct fixture *f)
{
    struct journal_inspect in;
    int result = journal_inspect_open(&in, f->path, &f->err);
    if (result != 0) {
        print_error("%s\n", f->err.text);
    }
    assert_int_equal(result, 0);
    return in;
}

static int is_of_the_folder(const struct dirent *entry)
{
    return strcmp(entry->d_name, "..") != 0; /* which others write to */
}

/* What the folder holds, by names and sizes: looking on must not change it. */
static uint64_t fingerprint(struct fixture *f)
{
    struct dirent **entries = NULL;
    uint64_t sum = 0;
    int count = scandir(f->path, &entries, is_of_the_folder, alphasort);
    for (int i = 0; i < count; i++) {
        struct stat st;
        assert_int_equal(fstatat(f->folder_fd, entries[i]->d_name, &st, 0), 0);
        sum = sum * 31 + st.st_ino * 7 + (uint64_t)st.st_size + (uint64_t)st.st_mtim.tv_nsec;
        free(entries[i]);
    }
    free(entries);
    return sum;
}

static void journal_in_use_agrees_with_its_status(void **state)
{
    struct fixture *f = *state;
    struct journal_status status;
    f->options.segment_bytes = 512;
    fixture_run_and_die(f, fixture_write_nine);
    fixture_open(f);
    fixture_write(f, 100);
    journal_settle(f->j, fixture_old_lane(f), 2);
    journal_settle(f->j, fixture_lane(f), 60);
    assert_int_equal(journal_lane_set_partitions(f->j, fixture_lane(f), 12), 0);
    uint64_t before = fingerprint(f);
    struct journal_inspect in = inspect(f);
    journal_status(f->j, &status);
    assert_int_equal(in.waiting, status.waiting);
    assert_int_equal(in.waiting, 47);
    assert_int_equal(in.bytes, status.bytes);
    assert_int_equal(in.segment_count, fixture_segment_count(f));
    assert_int_equal(in.holder, getpid());
    assert_int_equal(in.checkpoint, INSPECTED_CHECKPOINT_GOOD);
    assert_int_equal(in.lane_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_current = in.lanes[i].lane == fixture_lane(f);
        assert_int_equal(in.lanes[i].is_newest, is_current);
        assert_int_equal(in.lanes[i].settled, is_current ? 60 : 2);
        assert_int_equal(in.lanes[i].last, is_current ? 100 : 9);
        assert_int_equal(in.lanes[i].partition_count, is_current ? 12 : 0);
    }
    uint64_t writing = 0, records = 0;
    for (size_t i = 0; i < in.segment_count; i++) {
        const struct inspected_segment *s = &in.segments[i];
        writing += s->state == INSPECTED_WRITING;
        records += s->record_count;
        assert_int_equal(s->record_count, s->last - s->first + 1);
        assert_int_equal(s->damaged_bytes, 0);
    }
    assert_int_equal(writing, 1);
    assert_true(records >= 47 && records < 109);
    assert_int_equal(fingerprint(f), before);
    journal_inspect_close(&in);
    fixture_write(f, 1); /* its lock was not touched */
}

struct seen {
    uint64_t count, settled_count, last;
    uint64_t stop_at;
};

static bool on_record(const struct inspected_record *r, void *arg)
{
    struct seen *seen = arg;
    fixture_check_record(r->record);
    seen->count++;
    seen->settled_count += r->is_settled;
    seen->last = r->record->sequence;
    return seen->count != seen->stop_at;
}

static void settle_half(struct fixture *f)
{
    fixture_write(f, 100);
    journal_settle(f->j, fixture_lane(f), 50);
    assert_int_equal(journal_checkpoint(f->j), 0);
}

static void records_are_walked_lane_by_lane(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0}, one = {0}, few = {.stop_at = 3}, none = {0};
    fixture_run_and_die(f, settle_half);
    fixture_open(f);
    fixture_write(f, 9);
    struct journal_inspect in = inspect(f);
    assert_int_equal(journal_inspect_records(&in, 0, on_record, &seen), 0);
    assert_int_equal(seen.count, 109);
    assert_int_equal(seen.settled_count, 50);
    assert_int_equal(journal_inspect_records(&in, fixture_lane(f), on_record, &one), 0);
    assert_int_equal(one.count, 9);
    assert_int_equal(one.last, 9);
    assert_int_equal(journal_inspect_records(&in, 0, on_record, &few), 0);
    assert_int_equal(few.count, 3);
    assert_int_equal(journal_inspect_records(&in, 1, on_record, &none), 0);
    assert_int_equal(none.count, 0);
    journal_inspect_close(&in);
}

static void what_is_written_meanwhile_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    fixture_open(f);
    fixture_write(f, 9);
    struct journal_inspect in = inspect(f);
    fixture_write(f, 5);
    assert_int_equal(journal_inspect_records(&in, 0, on_record, &seen), 0);
    assert_int_equal(seen.count, 9);
    journal_inspect_close(&in);
}

static void freed_segments_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    f->options.segment_bytes = 512;
    fixture_open(f);
    fixture_write(f, 100);
    struct journal_inspect in = inspect(f);
    journal_settle(f->j, fixture_lane(f), 90);
    assert_int_equal(journal_inspect_records(&in, 0, on_record, &seen), 0);
    assert_true(seen.count >= 10 && seen.count < 30);
    assert_int_equal(seen.last, 100);
    journal_inspect_close(&in);
}

static const struct inspected_segment *only_with_records(const struct journal_inspect *in)
{
    const struct inspected_segment *found = NULL;
    for (size_t i = 0; i < in->segment_count; i++) {
        if (in->segments[i].record_count > 0) {
            assert_null(found);
            found = &in->segments[i];
        }
    }
    assert_non_null(found);
    return found;
}

static void damage_is_told_and_left(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    fixture_run_and_die(f, fixture_write_nine);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\xff", 1, SEGMENT_HEADER_SIZE + 4 * 36 + 33);
    struct journal_inspect in = inspect(f);
    const struct inspected_segment *s = only_with_records(&in);
    assert_int_equal(s->record_count, 8);
    assert_int_equal(s->damaged_bytes, 36);
    assert_int_equal(s->state, INSPECTED_WAITING);
    assert_int_equal(in.holder, 0);
    assert_true(in.lanes[0].is_newest); /* of the last start, though nobody has it open */
    assert_int_equal(in.checkpoint, INSPECTED_CHECKPOINT_MISSING);
    assert_int_equal(in.aside_files, 0);
    journal_inspect_close(&in);
    fixture_open(f);
    uint64_t read[16];
    assert_int_equal(fixture_read_lane(f, fixture_old_lane(f), read, 16), 8);
    in = inspect(f);
    assert_int_equal(in.aside_files, 1);
    assert_int_equal(in.aside_bytes, 4096);
    journal_inspect_close(&in);
}

static void record_on_its_way_is_no_damage(void **state)
{
    struct fixture *f = *state;
    char name[SEGMENT_NAME_SIZE];
    fixture_open(f);
    fixture_write(f, 9);
    fixture_only_segment(f, name);
    fixture_patch(f, name, "\x04\x00\x00\x00half", 8, SEGMENT_HEADER_SIZE + 9 * 36);
    struct journal_inspect in = inspect(f);
    assert_int_equal(only_with_records(&in)->damaged_bytes, 0);
    assert_int_equal(in.waiting, 9);
    journal_inspect_close(&in);
    fixture_close(f);
    in = inspect(f); /* with nobody writing it is */
    assert_int_equal(only_with_records(&in)->damaged_bytes, 8);
    journal_inspect_close(&in);
}

static void damaged_checkpoint_settles_nothing(void **state)
{
    struct fixture *f = *state;
    fixture_run_and_die(f, settle_half);
    fixture_patch(f, "checkpoint", "\xff", 1, 20);
    struct journal_inspect in = inspect(f);
    assert_int_equal(in.checkpoint, INSPECTED_CHECKPOINT_BAD);
    assert_int_equal(in.waiting, 100);
    journal_inspect_close(&in);
    assert_true(fixture_exists(f, "checkpoint"));
}

static void what_is_no_journal_is_refused_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    struct journal_inspect in;
    assert_int_equal(journal_inspect_open(&in, "/nowhere/at/all", &f->err), -ENOENT);
    assert_non_null(strstr(f->err.text, "/nowhere/at/all"));
    fixture_save(f, "notes.txt", "", 0);
    assert_int_equal(journal_inspect_open(&in, f->path, &f->err), -ENOENT);
    assert_non_null(strstr(f->err.text, "no journal"));
    assert_non_null(strstr(f->err.text, f->path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(journal_in_use_agrees_with_its_status),
        TEST(records_are_walked_lane_by_lane),
        TEST(what_is_written_meanwhile_is_left_out),
        TEST(freed_segments_are_passed_over),
        TEST(damage_is_told_and_left),
        TEST(record_on_its_way_is_no_damage),
        TEST(damaged_checkpoint_settles_nothing),
        TEST(what_is_no_journal_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
