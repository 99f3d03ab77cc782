/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "ingest/in_work.h"
#include "ingest/pages.h"
#include "tests/unit/journal_fixture.h"

#include <math.h>

static void seconds_left_follow_the_rate_between_two_asks(void **state)
{
    (void)state;
    struct pages p = {.sampled_ms = 1000};
    struct journal_status js = {.max_bytes = 10000};
    assert_true(isinf(pages_seconds_left(&p, &js, 1500))); /* too soon to know a rate */
    js.written = 2000;
    js.bytes = 4000; /* some of it is of an earlier start */
    assert_int_equal(pages_seconds_left(&p, &js, 3000), 6);
    js.written = 2100;
    js.bytes = 4500;
    assert_int_equal(pages_seconds_left(&p, &js, 3999), 5); /* by the rate before */
    js.written = 2500;
    assert_int_equal(pages_seconds_left(&p, &js, 4000), 11);
    js.bytes = 10001; /* a start may pass the limit */
    assert_int_equal(pages_seconds_left(&p, &js, 4001), 0);
    assert_true(isinf(pages_seconds_left(&p, &js, 5000))); /* nothing was written meanwhile */
}

static void ready_while_there_is_room_and_no_drain(void **state)
{
    struct fixture *f = *state;
    f->options.max_bytes = 128 * 1024;
    f->options.segment_bytes = 8 * 1024;
    fixture_open(f);
    struct pages p = {.journal = f->j};
    assert_true(pages_is_ready(&p));
    while (pages_is_ready(&p)) { /* until there is no room for the largest record */
        fixture_write(f, 10);
    }
    struct journal_status js;
    journal_status(f->j, &js);
    assert_true(js.bytes > 60 * 1024 && js.bytes < 70 * 1024);
    journal_settle(f->j, fixture_lane(f), journal_shard_next(fixture_shard(f)) - 1);
    assert_true(pages_is_ready(&p));
    atomic_store(&p.is_draining, true);
    assert_false(pages_is_ready(&p));
}

static void not_ready_while_as_many_are_in_work_as_may_be(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct in_work work = {.max = 2};
    struct pages p = {.journal = f->j, .in_work = &work};
    in_work_add(&work);
    assert_true(pages_is_ready(&p));
    in_work_add(&work);
    assert_false(pages_is_ready(&p));
    in_work_remove(&work, 2);
    assert_true(pages_is_ready(&p));
}

static void metrics_name_the_level(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct metrics *m = metrics_new();
    assert_non_null(m);
    struct in_work work = {.max = 7};
    struct pages p = {.journal = f->j, .ack = ACK_DISK, .in_work = &work};
    assert_int_equal(pages_add_metrics(&p, m), 0);
    struct buffer page;
    buffer_init(&page);
    metrics_render(m, &page);
    buffer_append_char(&page, '\0');
    assert_non_null(strstr(page.data, "playreport_ack_level{level=\"disk\"} 1\n"));
    assert_non_null(strstr(page.data, "playreport_ready 1\n"));
    assert_non_null(strstr(page.data, "playreport_replies_held_max 7\n"));
    assert_non_null(strstr(page.data, "\nplayreport_journal_seconds_left "));
    buffer_fini(&page);
    metrics_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_left_follow_the_rate_between_two_asks),
        TEST(ready_while_there_is_room_and_no_drain),
        TEST(not_ready_while_as_many_are_in_work_as_may_be),
        TEST(metrics_name_the_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
