/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/sync_gate.h"

#include <sys/eventfd.h>

/* What the shard of the journal says about what it has committed, at each ack level. */
struct confirm {
    struct fixture *f;
    int wake_fd;
};

static int set_up(void **state)
{
    struct confirm *c = calloc(1, sizeof *c);
    assert_non_null(c);
    gate_reset();
    c->f = fixture_new();
    c->f->options.io = &gate_io;
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(c->wake_fd >= 0);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct confirm *c = *state;
    gate_set(false, 0);
    fixture_free(c->f);
    close(c->wake_fd);
    free(c);
    return 0;
}

static struct journal_shard *open_at(struct confirm *c, enum ack_level level)
{
    c->f->options.ack = level;
    fixture_open(c->f);
    gate_reset();
    journal_shard_set_wake(fixture_shard(c->f), c->wake_fd);
    return fixture_shard(c->f);
}

static int commit(struct journal_shard *s)
{
    assert_int_equal(fixture_append(s), 0);
    return journal_commit(s);
}

static void await_verdict(struct confirm *c, struct journal_verdict *v)
{
    while (!journal_shard_confirm(fixture_shard(c->f), v)) {
        assert_true(gate_await_wake(c->wake_fd));
    }
}

static void expect_verdict(struct confirm *c, uint64_t through, int failed)
{
    struct journal_verdict v = {0, 1};
    await_verdict(c, &v);
    assert_int_equal(v.through, through);
    assert_int_equal(v.failed, failed);
}

static void expect_none(struct confirm *c)
{
    struct journal_verdict v;
    assert_false(journal_shard_confirm(fixture_shard(c->f), &v));
}

static int last_error(struct confirm *c)
{
    struct journal_status status;
    journal_status(c->f->j, &status);
    return status.last_error;
}

static void with_ack_journal_the_commit_is_all_there_is(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_JOURNAL);
    assert_int_equal(commit(s), 0);
    journal_settle(c->f->j, journal_shard_lane(s), 1);
    expect_none(c);
    assert_int_equal(gate_calls(), 0);
}

static void with_ack_disk_a_commit_counts_once_it_is_synced(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_DISK);
    gate_set(true, 0);
    assert_int_equal(commit(s), 0);
    assert_int_equal(commit(s), 0);
    gate_await_calls(1);
    expect_none(c);
    gate_set(false, 0);
    struct journal_verdict v = {0, 0};
    for (uint64_t before = 0; before < 2; before = v.through) {
        await_verdict(c, &v);
        assert_true(v.through > before);
        assert_int_equal(v.failed, 0);
    }
    expect_none(c);
}

static void segments_left_behind_are_synced_first(void **state)
{
    struct confirm *c = *state;
    c->f->options.segment_bytes = 256; /* a few records each */
    struct journal_shard *s = open_at(c, ACK_DISK);
    gate_set(true, 0);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(commit(s), 0);
    }
    size_t segments = fixture_segment_count(c->f);
    assert_true(segments > 2);
    gate_set(false, 0);
    uint64_t through = 0;
    while (through < 12) {
        struct journal_verdict v;
        await_verdict(c, &v);
        assert_true(v.through > through);
        assert_int_equal(v.failed, 0);
        through = v.through;
    }
    assert_true((size_t)gate_calls() >= segments);
    fixture_assert_holds(c->f, fixture_lane(c->f), 1, 12);
}

static void failed_sync_is_told_and_the_next_commit_takes_a_new_segment(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_DISK);
    gate_set(true, 0);
    assert_int_equal(commit(s), 0);
    gate_await_calls(1);
    assert_int_equal(commit(s), 0); /* in the same segment: lost with it */
    gate_let_one(EIO);
    expect_verdict(c, 2, -EIO);
    assert_int_equal(last_error(c), -EIO);
    assert_int_equal(fixture_segment_count(c->f), 1);
    assert_int_equal(commit(s), 0);
    assert_int_equal(fixture_segment_count(c->f), 2);
    assert_int_equal(last_error(c), -EIO); /* until a sync has succeeded too */
    gate_await_calls(2);
    gate_let_one(0);
    expect_verdict(c, 3, 0);
    assert_int_equal(last_error(c), 0);
}

static void commit_that_finds_its_segment_failed_does_not_write_to_it(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_DISK);
    gate_set(true, 0);
    assert_int_equal(commit(s), 0);
    gate_await_calls(1);
    gate_let_one(EIO);
    assert_true(gate_await_wake(c->wake_fd));
    assert_int_equal(commit(s), 0); /* before anybody has asked for the verdict */
    assert_int_equal(fixture_segment_count(c->f), 2);
    gate_await_calls(2);
    gate_let_one(0);
    expect_verdict(c, 1, -EIO);
    expect_verdict(c, 2, 0);
}

static void probe_tells_that_the_disk_syncs_again(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_DISK);
    journal_shard_probe(s); /* nothing is wrong: nothing is done */
    assert_int_equal(fixture_segment_count(c->f), 1);
    gate_set(true, 0);
    assert_int_equal(commit(s), 0);
    gate_await_calls(1);
    gate_let_one(EIO);
    expect_verdict(c, 1, -EIO);
    journal_shard_probe(s);
    gate_await_calls(2);
    gate_let_one(EIO);
    while (gate_calls() == 2) { /* a probe that fails has no verdict: the next one begins */
        expect_none(c);
        assert_int_equal(last_error(c), -EIO);
        journal_shard_probe(s);
    }
    gate_set(false, 0);
    expect_verdict(c, 1, 0); /* nothing more than before, but it was synced */
    assert_int_equal(last_error(c), 0);
    assert_int_equal(commit(s), 0);
    struct journal_verdict v = {0, 0};
    while (v.through < 2) { /* after those of further probes, if there were any */
        await_verdict(c, &v);
        assert_int_equal(v.failed, 0);
    }
}

static void with_ack_broker_what_is_settled_counts(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_BROKER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(commit(s), 0);
    }
    expect_none(c);
    journal_settle(c->f->j, journal_shard_lane(s), 2);
    assert_true(gate_await_wake(c->wake_fd));
    expect_verdict(c, 2, 0);
    expect_none(c);
    journal_settle(c->f->j, journal_shard_lane(s), 2); /* nothing new: no wake-up */
    uint64_t value;
    assert_int_equal(read(c->wake_fd, &value, sizeof value), -1);
    journal_settle(c->f->j, journal_shard_lane(s), 3);
    expect_verdict(c, 3, 0);
    assert_int_equal(gate_calls(), 0);
}

static void with_ack_broker_other_lanes_wake_nobody(void **state)
{
    struct confirm *c = *state;
    fixture_run_and_die(c->f, fixture_write_nine);
    open_at(c, ACK_BROKER);
    journal_settle(c->f->j, fixture_old_lane(c->f), 9);
    uint64_t value;
    assert_int_equal(read(c->wake_fd, &value, sizeof value), -1);
    expect_none(c);
}

static void close_leaves_nothing_open_while_a_sync_is_asked_for(void **state)
{
    struct confirm *c = *state;
    struct journal_shard *s = open_at(c, ACK_DISK);
    uint64_t lane = journal_shard_lane(s);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(commit(s), 0);
    }
    fixture_close(c->f);
    fixture_open(c->f);
    fixture_assert_holds(c->f, lane, 1, 5);
}

static void metrics_count_the_syncs_and_the_bytes(void **state)
{
    struct confirm *c = *state;
    struct metrics *m = metrics_new();
    assert_non_null(m);
    c->f->options.metrics = m;
    struct journal_shard *s = open_at(c, ACK_DISK);
    assert_int_equal(commit(s), 0);
    expect_verdict(c, 1, 0);
    struct journal_status status;
    journal_status(c->f->j, &status);
    assert_true(status.written > 0 && status.written < status.bytes);
    struct buffer page;
    buffer_init(&page);
    metrics_render(m, &page);
    buffer_append_char(&page, '\0');
    assert_non_null(strstr(page.data, "playreport_journal_syncs_total 1\n"));
    assert_non_null(strstr(page.data, "playreport_journal_sync_failures_total 0\n"));
    buffer_fini(&page);
    fixture_close(c->f);
    metrics_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_ack_journal_the_commit_is_all_there_is),
        TEST(with_ack_disk_a_commit_counts_once_it_is_synced),
        TEST(segments_left_behind_are_synced_first),
        TEST(failed_sync_is_told_and_the_next_commit_takes_a_new_segment),
        TEST(commit_that_finds_its_segment_failed_does_not_write_to_it),
        TEST(probe_tells_that_the_disk_syncs_again),
        TEST(with_ack_broker_what_is_settled_counts),
        TEST(with_ack_broker_other_lanes_wake_nobody),
        TEST(close_leaves_nothing_open_while_a_sync_is_asked_for),
        TEST(metrics_count_the_syncs_and_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
