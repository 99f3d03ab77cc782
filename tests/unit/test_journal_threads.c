/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/journal_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

enum { SHARDS = 2, RECORDS = 20000, WAIT_MS = 20000 };

/* Batches of 1 to 7 records; a short turn now and then lets the reader fall asleep. */
static void *write_records(void *arg)
{
    struct journal_shard *s = arg;
    for (unsigned turn = 0; journal_shard_next(s) <= RECORDS; turn++) {
        for (unsigned i = 0; i <= turn % 7 && journal_shard_next(s) <= RECORDS; i++) {
            if (fixture_append(s) != 0) {
                return s;
            }
        }
        if (journal_commit(s) != 0) {
            return s;
        }
        if (turn % 64 == 0) {
            (void)poll(NULL, 0, 0);
        }
    }
    return NULL;
}

struct reading {
    struct journal_cursor *cursor;
    uint64_t lane;
    uint64_t last;
};

static bool read_some(struct fixture *f, struct reading *r)
{
    struct journal_record records[100];
    int n = journal_read(r->cursor, records, 100);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(records[i].sequence, r->last + 1);
        fixture_check_record(&records[i]);
        r->last = records[i].sequence;
    }
    journal_settle(f->j, r->lane, r->last);
    return n > 0;
}

static void reader_sees_every_record_and_every_wake_up(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[SHARDS];
    struct reading readings[SHARDS] = {0};
    int fd = eventfd(0, EFD_NONBLOCK);
    f->options.shard_count = SHARDS;
    f->options.segment_bytes = 32 * 1024;
    fixture_open(f);
    journal_set_wake(f->j, fd);
    for (unsigned i = 0; i < SHARDS; i++) {
        struct journal_shard *s = journal_shard_at(f->j, i);
        readings[i].lane = journal_shard_lane(s);
        assert_int_equal(journal_cursor_open(&readings[i].cursor, f->j, readings[i].lane), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, write_records, s), 0);
    }
    while (readings[0].last < RECORDS || readings[1].last < RECORDS) {
        bool got_some = read_some(f, &readings[0]);
        got_some = read_some(f, &readings[1]) || got_some;
        if (!got_some && journal_prepare_wait(f->j)) {
            /* Without a lost wake-up this never runs into its limit. */
            struct pollfd p = {.fd = fd, .events = POLLIN};
            uint64_t count;
            assert_int_equal(poll(&p, 1, WAIT_MS), 1);
            assert_int_equal(read(fd, &count, sizeof count), sizeof count);
        }
        assert_int_equal(journal_checkpoint(f->j), 0);
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        journal_cursor_close(readings[i].cursor);
    }
    assert_int_equal(fixture_segment_count(f), SHARDS);
    assert_int_equal(fixture_damaged(f), 0);
    close(fd);
}

static void *ask_for_figures(void *arg)
{
    struct fixture *f = arg;
    struct journal_status status = {0};
    struct journal_lane lanes[4];
    while (status.waiting < RECORDS) {
        journal_status(f->j, &status);
        if (journal_lanes(f->j, lanes, 4) != 1) {
            return arg;
        }
    }
    return NULL;
}

static void figures_can_be_asked_for_in_any_thread(void **state)
{
    struct fixture *f = *state;
    pthread_t writer, asker;
    void *failed[2] = {NULL, NULL};
    f->options.segment_bytes = 32 * 1024;
    fixture_open(f);
    assert_int_equal(pthread_create(&asker, NULL, ask_for_figures, f), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_records, fixture_shard(f)), 0);
    assert_int_equal(pthread_join(writer, &failed[0]), 0);
    assert_int_equal(pthread_join(asker, &failed[1]), 0);
    assert_null(failed[0]);
    assert_null(failed[1]);
    fixture_assert_holds(f, fixture_lane(f), 1, RECORDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reader_sees_every_record_and_every_wake_up),
        TEST(figures_can_be_asked_for_in_any_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
