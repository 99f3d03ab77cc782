/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "ingest/journal_sync.h"
#include "tests/unit/sync_gate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct fixture {
    struct journal_sync *sync;
    int folder_fd, wake_fd;
    struct metric syncs, failures;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    gate_reset();
    f->folder_fd = open("/tmp", O_RDONLY | O_DIRECTORY);
    f->wake_fd = eventfd(0, EFD_CLOEXEC);
    assert_true(f->folder_fd >= 0 && f->wake_fd >= 0);
    const struct journal_sync_options options = {&gate_io, f->folder_fd, &f->syncs, &f->failures};
    assert_int_equal(journal_sync_start(&f->sync, &options), 0);
    journal_sync_set_wake(f->sync, f->wake_fd);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    gate_set(false, 0);
    journal_sync_stop(f->sync);
    close(f->folder_fd);
    close(f->wake_fd);
    free(f);
    return 0;
}

/* A file whose first sequence follows last; *fd names it to the gate. */
static struct sync_file *add_file(struct fixture *f, uint64_t last, bool name_is_new, int *fd)
{
    struct sync_file *file = NULL;
    *fd = open("/tmp", O_RDWR | O_TMPFILE, 0600);
    assert_true(*fd >= 0);
    assert_int_equal(journal_sync_add(f->sync, *fd, last, name_is_new, &file), 0);
    return file;
}

/* The next verdict, once there is one. */
static void expect_verdict(struct fixture *f, uint64_t through, int failed)
{
    struct sync_verdict v = {0, 1};
    while (!journal_sync_next(f->sync, &v)) {
        assert_true(gate_await_wake(f->wake_fd));
    }
    assert_int_equal(v.through, through);
    assert_int_equal(v.failed, failed);
}

static void expect_none(struct fixture *f)
{
    struct sync_verdict v;
    assert_false(journal_sync_next(f->sync, &v));
}

static void nothing_is_confirmed_before_its_sync_ends(void **state)
{
    struct fixture *f = *state;
    int fd;
    struct sync_file *file = add_file(f, 0, false, &fd);
    gate_set(true, 0);
    expect_none(f);
    journal_sync_ask(f->sync, file, 3);
    gate_await_calls(1);
    expect_none(f);
    gate_let_one(0);
    expect_verdict(f, 3, 0);
    expect_none(f);
}

static void one_sync_covers_what_was_written_before_it_began(void **state)
{
    struct fixture *f = *state;
    int fd;
    struct sync_file *file = add_file(f, 0, false, &fd);
    gate_set(true, 0);
    journal_sync_ask(f->sync, file, 1);
    gate_await_calls(1);
    for (uint64_t last = 2; last <= 100; last++) {
        journal_sync_ask(f->sync, file, last); /* while the first is in flight */
    }
    gate_let_one(0);
    expect_verdict(f, 1, 0);
    gate_await_calls(2);
    gate_let_one(0);
    expect_verdict(f, 100, 0);
    assert_int_equal(gate_calls(), 2);
    assert_int_equal(metric_read(&f->syncs), 2);
    assert_int_equal(metric_read(&f->failures), 0);
}

static void file_left_behind_is_synced_before_the_next_counts(void **state)
{
    struct fixture *f = *state;
    int old_fd, new_fd;
    struct sync_file *old = add_file(f, 0, false, &old_fd);
    gate_set(true, 0);
    journal_sync_ask(f->sync, old, 5);
    gate_await_calls(1);
    journal_sync_ask(f->sync, old, 7);
    struct sync_file *new = add_file(f, 7, true, &new_fd);
    journal_sync_release(f->sync, old);
    journal_sync_ask(f->sync, new, 9);
    gate_let_one(0);
    expect_verdict(f, 5, 0);
    gate_await_calls(2); /* the rest of the old one */
    expect_none(f);
    gate_let_one(0);
    expect_verdict(f, 7, 0);
    gate_await_calls(3);
    gate_let_one(0);
    expect_verdict(f, 9, 0);
    assert_int_equal(gate_calls_on(new_fd), 1);
    assert_int_equal(fcntl(old_fd, F_GETFD), -1); /* closed: nobody needs it */
}

static void failed_file_loses_all_since_its_last_good_sync(void **state)
{
    struct fixture *f = *state;
    int fd;
    struct sync_file *file = add_file(f, 0, false, &fd);
    gate_set(true, 0);
    journal_sync_ask(f->sync, file, 2);
    gate_await_calls(1);
    gate_let_one(0);
    expect_verdict(f, 2, 0);
    journal_sync_ask(f->sync, file, 4);
    gate_await_calls(2);
    journal_sync_ask(f->sync, file, 6); /* too late for that sync, in the same file */
    assert_false(journal_sync_has_failed(f->sync, file));
    gate_let_one(EIO);
    while (!journal_sync_has_failed(f->sync, file)) { /* the first wake may be the first sync's */
        assert_true(gate_await_wake(f->wake_fd));
    }
    expect_none(f); /* it may still be written to */
    journal_sync_release(f->sync, file);
    expect_verdict(f, 6, -EIO);
    expect_none(f);
    assert_int_equal(metric_read(&f->failures), 1);
}

static void failed_file_is_never_synced_again(void **state)
{
    struct fixture *f = *state;
    int bad_fd, good_fd;
    struct sync_file *bad = add_file(f, 0, false, &bad_fd);
    gate_set(false, EIO);
    journal_sync_ask(f->sync, bad, 1);
    while (!journal_sync_has_failed(f->sync, bad)) {
        assert_true(gate_await_wake(f->wake_fd));
    }
    gate_set(false, 0);
    journal_sync_ask(f->sync, bad, 2);
    struct sync_file *good = add_file(f, 2, true, &good_fd);
    journal_sync_release(f->sync, bad);
    journal_sync_ask(f->sync, good, 3);
    expect_verdict(f, 2, -EIO);
    expect_verdict(f, 3, 0); /* a good file after it has nothing to do with that */
    assert_int_equal(gate_calls_on(bad_fd), 1);
    assert_int_equal(fcntl(bad_fd, F_GETFD), -1);
}

static void verdicts_come_in_order_although_a_later_file_is_done_first(void **state)
{
    struct fixture *f = *state;
    int bad_fd, good_fd;
    struct sync_file *bad = add_file(f, 0, false, &bad_fd);
    gate_set(false, EIO);
    journal_sync_ask(f->sync, bad, 1);
    gate_await_calls(1);
    assert_true(gate_await_wake(f->wake_fd));
    gate_set(false, 0);
    struct sync_file *good = add_file(f, 1, false, &good_fd);
    journal_sync_ask(f->sync, good, 2);
    gate_await_calls(2);
    assert_true(gate_await_wake(f->wake_fd));
    expect_none(f);
    journal_sync_release(f->sync, bad);
    expect_verdict(f, 1, -EIO);
    expect_verdict(f, 2, 0);
}

static void empty_file_left_behind_needs_no_sync(void **state)
{
    struct fixture *f = *state;
    int empty_fd, fd;
    struct sync_file *empty = add_file(f, 0, true, &empty_fd);
    journal_sync_release(f->sync, empty);
    struct sync_file *file = add_file(f, 0, true, &fd);
    journal_sync_ask(f->sync, file, 1);
    expect_verdict(f, 1, 0);
    assert_int_equal(gate_calls_on(empty_fd), 0);
}

static void name_that_cannot_be_synced_fails_the_file(void **state)
{
    struct fixture *f = *state;
    int fd;
    assert_int_equal(dup2(f->wake_fd, f->folder_fd), f->folder_fd); /* no folder: EINVAL */
    struct sync_file *file = add_file(f, 0, true, &fd);
    journal_sync_ask(f->sync, file, 1);
    while (!journal_sync_has_failed(f->sync, file)) {
        assert_true(gate_await_wake(f->wake_fd));
    }
    journal_sync_release(f->sync, file);
    expect_verdict(f, 1, -EINVAL);
}

static void stop_waits_for_the_sync_in_flight_and_closes_the_files(void **state)
{
    struct fixture *f = *state;
    int fd;
    struct sync_file *file = add_file(f, 0, false, &fd);
    gate_set(true, 0);
    journal_sync_ask(f->sync, file, 1);
    gate_await_calls(1);
    gate_set(false, 0);
    journal_sync_stop(f->sync);
    f->sync = NULL;
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void start_with_nothing_to_do_stops(void **state)
{
    struct fixture *f = *state;
    const struct journal_sync_options options = {&gate_io, f->folder_fd, NULL, NULL};
    struct journal_sync *other = NULL;
    assert_int_equal(journal_sync_start(&other, &options), 0);
    journal_sync_stop(other);
    journal_sync_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_confirmed_before_its_sync_ends),
        TEST(one_sync_covers_what_was_written_before_it_began),
        TEST(file_left_behind_is_synced_before_the_next_counts),
        TEST(failed_file_loses_all_since_its_last_good_sync),
        TEST(failed_file_is_never_synced_again),
        TEST(verdicts_come_in_order_although_a_later_file_is_done_first),
        TEST(empty_file_left_behind_needs_no_sync),
        TEST(name_that_cannot_be_synced_fails_the_file),
        TEST(stop_waits_for_the_sync_in_flight_and_closes_the_files),
        TEST(start_with_nothing_to_do_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
