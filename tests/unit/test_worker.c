/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/worker_fixture.h"

static void with_ack_journal_a_report_is_answered_once_it_is_written(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_JOURNAL, 0);
    int fd = dial(t);
    gate_set(true, 0); /* no sync is waited for */
    say(fd, EVENT "1");
    expect(t, fd, OK_XML);
    close(fd);
    expect_records(t, 1);
    expect_metric(t, "playreport_acks_total{outcome=\"ok\"} 1\n");
}

static void with_ack_disk_a_report_is_answered_once_it_is_synced(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    gate_set(true, 0);
    int first = dial(t), second = dial(t), other = dial(t);
    say(first, EVENT "1");
    gate_await_calls(1);
    say(second, EVENT "2");
    await_records(t, 2);
    expect_silence(first);
    expect_silence(second);
    say(other, "/api/analytics/report/event?photo_id=x"); /* nothing is taken: no wait */
    expect(t, other, "invalid_input");
    assert_int_equal(worker_held(t->w), 2);
    gate_let_one(0);
    expect(t, first, OK_XML);
    gate_await_calls(2);
    expect_silence(second); /* it came after the first sync had begun */
    gate_let_one(0);
    expect(t, second, OK_XML);
    assert_int_equal(worker_held(t->w), 0);
    close(first);
    close(second);
    close(other);
}

static void refusal_behind_a_report_that_waits_keeps_its_place(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    gate_set(true, 0);
    int fd = dial(t);
    say(fd, EVENT "1");
    gate_await_calls(1);
    say(fd, "/api/nothing");
    say(fd, EVENT "2");
    await_records(t, 2);
    expect_silence(fd);
    gate_set(false, 0);
    expect(t, fd, OK_XML);
    expect(t, fd, "no_such_method");
    expect(t, fd, OK_XML);
    close(fd);
}

static void failed_sync_answers_503_and_the_next_report_goes_to_a_new_segment(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    gate_set(true, 0);
    int fd = dial(t);
    say(fd, EVENT "1&format=json");
    gate_await_calls(1);
    gate_let_one(EIO);
    hear(t, fd);
    assert_non_null(strstr(t->got, "HTTP/1.1 503 "));
    assert_non_null(strstr(t->got, "\r\nRetry-After: "));
    assert_non_null(strstr(t->got, "\"code\":\"overloaded\""));
    say(fd, "/readyz");
    expect(t, fd, "503 Service Unavailable");
    say(fd, EVENT "2");
    gate_await_calls(2);
    gate_let_one(0);
    expect(t, fd, OK_XML);
    say(fd, "/readyz");
    expect(t, fd, "200 OK");
    close(fd);
    assert_int_equal(fixture_segment_count(t->f), 2);
    expect_metric(t, "playreport_acks_total{outcome=\"failed\"} 1\n");
}

static void journal_that_is_whole_again_is_ready_without_a_report(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    gate_set(false, EIO);
    int fd = dial(t);
    say(fd, EVENT "1");
    expect(t, fd, "503 Service Unavailable");
    say(fd, "/readyz");
    expect(t, fd, "503 Service Unavailable");
    gate_set(false, 0);
    do { /* until the next probe */
        usleep(1000);
        say(fd, "/readyz");
    } while (strstr(hear(t, fd), "200 OK") == NULL);
    close(fd);
}

/* Case J13. */
static void client_that_leaves_before_its_answer_harms_nothing(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_DISK, 0);
    gate_set(true, 0);
    int leaver = dial(t), stayer = dial(t);
    say(leaver, EVENT "1");
    gate_await_calls(1);
    struct linger reset = {1, 0};
    assert_int_equal(setsockopt(leaver, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(leaver);
    say(stayer, EVENT "2");
    await_records(t, 2);
    gate_set(false, 0);
    expect(t, stayer, OK_XML);
    close(stayer);
    expect_records(t, 2);
}

static void with_ack_broker_a_report_is_answered_once_it_is_settled(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t), other = dial(t);
    say(fd, EVENT "1");
    await_records(t, 1);
    say(other, EVENT "2");
    await_records(t, 2);
    expect_silence(fd);
    settle(t, 1);
    expect(t, fd, OK_XML);
    expect_silence(other);
    settle(t, 2);
    expect(t, other, OK_XML);
    close(fd);
    close(other);
}

static void report_that_is_not_settled_in_time_is_unconfirmed_and_kept(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 100);
    char id[64];
    snprintf(id, sizeof id, "%016" PRIx64 "-%016x", fixture_lane(t->f), 1);
    int fd = dial(t);
    say(fd, EVENT "1&format=json");
    hear(t, fd);
    assert_non_null(strstr(t->got, "HTTP/1.1 503 "));
    assert_null(strstr(t->got, "Retry-After"));
    assert_non_null(strstr(t->got, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    assert_non_null(strstr(t->got, "\"code\":\"unconfirmed\",\"kept\":\"1\",\"id\":\""));
    assert_non_null(strstr(t->got, id));
    expect_records(t, 1);
    settle(t, 1); /* too late to be told, and no harm */
    say(fd, EVENT "2");
    await_records(t, 2);
    settle(t, 2);
    expect(t, fd, OK_XML);
    close(fd);
    expect_metric(t, "playreport_acks_total{outcome=\"unconfirmed\"} 1\n");
}

static void past_the_bound_reports_are_refused_at_once_and_not_taken(void **state)
{
    static const char *const REFUSED[][2] = {
        {EVENT "8", "\r\n\r\n<response status=\"error\" permission_level=\"anonymous\" "
                    "code=\"overloaded\""},
        {EVENT "8&format=json", "\r\n\r\n{\"status\":\"error\""},
        {EVENT "8&callback=f", "\r\n\r\n/**/f({\"status\":\"error\""},
        {EVENT "x", "code=\"overloaded\""}, /* none is judged */
        {"/api/analytics/report/event.gif?photo_id=8&event=a", "\r\n\r\nGIF89a"},
        {"/api/analytics/report/batch?data=%5B%7B%22photo_id%22:8,%22event%22:%22a%22%7D%5D",
         "code=\"overloaded\""},
        {"/api/concatenate?a=%2Fapi%2Fanalytics%2Freport%2Fevent%3Fphoto_id%3D8%26event%3Da",
         "code=\"overloaded\""},
    };
    struct fixture_worker *t = *state;
    t->in_work.max = 2;
    start(t, ACK_BROKER, 3600000);
    int first = dial(t), second = dial(t), third = dial(t);
    say(first, EVENT "1");
    await_records(t, 1);
    say(second, EVENT "2");
    await_records(t, 2);
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        say(third, REFUSED[i][0]);
        expect(t, third, REFUSED[i][1]);
        assert_non_null(strstr(t->got, "HTTP/1.1 503 "));
        assert_non_null(strstr(t->got, "\r\nRetry-After: "));
        assert_non_null(strstr(t->got, "\r\nAccess-Control-Allow-Origin: *\r\n"));
    }
    say(third, "/api/site/get?format=json"); /* it waits for nothing */
    expect(t, third, "\"status\":\"ok\"");
    say(third, "/readyz");
    expect(t, third, "503 Service Unavailable");
    expect_silence(first);
    expect_records(t, 2);
    settle(t, 1);
    expect(t, first, OK_XML);
    say(third, EVENT "3");
    await_records(t, 3);
    settle(t, 3);
    expect(t, second, OK_XML);
    expect(t, third, OK_XML);
    say(third, "/readyz");
    expect(t, third, "200 OK");
    expect_metric(t, "playreport_reports_taken_total{kind=\"event\"} 3\n");
    expect_metric(t, "playreport_reports_refused_total{reason=\"overloaded\"} 7\n");
    close(first);
    close(second);
    close(third);
}

/* The refusal has its place behind them; on other connections it is out before them. */
static void past_the_bound_a_connection_gets_its_answers_in_order(void **state)
{
    struct fixture_worker *t = *state;
    t->in_work.max = 1;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t), other = dial(t);
    say(fd, EVENT "1");
    await_records(t, 1);
    say(fd, EVENT "2");
    say(fd, "/api/site/get");
    say(other, EVENT "3");
    expect(t, other, "code=\"overloaded\"");
    expect_silence(fd);
    expect_records(t, 1);
    settle(t, 1);
    expect(t, fd, OK_XML);
    expect(t, fd, "code=\"overloaded\"");
    expect(t, fd, "<response status=\"ok\"");
    close(fd);
    close(other);
}

static void who_leaves_and_who_is_not_confirmed_makes_room(void **state)
{
    struct fixture_worker *t = *state;
    t->in_work.max = 1;
    start(t, ACK_BROKER, 100);
    int leaver = dial(t), fd = dial(t);
    say(leaver, EVENT "1");
    await_records(t, 1);
    close(leaver);
    do { /* until its time is up */
        say(fd, EVENT "2");
    } while (strstr(hear(t, fd), "code=\"overloaded\"") != NULL);
    assert_non_null(strstr(t->got, "code=\"unconfirmed\""));
    assert_int_equal(in_work_count(&t->in_work), 0);
    expect_records(t, 2);
    close(fd);
}

static void with_ack_journal_nothing_is_in_work(void **state)
{
    struct fixture_worker *t = *state;
    t->in_work.max = 0;
    start(t, ACK_JOURNAL, 0);
    int fd = dial(t);
    say(fd, EVENT "1");
    expect(t, fd, OK_XML);
    assert_int_equal(in_work_count(&t->in_work), 0);
    close(fd);
}

static void leaving_word_is_served_with_close_before_the_listener_goes(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_JOURNAL, 0);
    int idle = dial(t);
    say(idle, EVENT "1");
    expect(t, idle, OK_XML);
    worker_say_close(t->w);
    int late = dial(t); /* it still listens */
    say(late, EVENT "2");
    expect(t, late, OK_XML);
    assert_false(worker_has_ended(t->w));
    close(late);
    for (bool closes = false; !closes;) { /* until the word has reached it */
        int fd = dial(t);
        say(fd, EVENT "3");
        closes = strstr(hear(t, fd), "\r\nConnection: close\r\n") != NULL;
        close(fd);
    }
    say(idle, EVENT "4");
    expect(t, idle, "\r\nConnection: close\r\n");
    expect_end(idle);
    worker_drain(t->w, 3600000);
    while (!worker_has_ended(t->w)) {
        usleep(100); /* a thread's end has no event */
    }
}

static void drain_waits_for_the_reports_that_are_held(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t);
    say(fd, EVENT "1");
    await_records(t, 1);
    worker_drain(t->w, 3600000);
    settle(t, 1);
    hear(t, fd);
    assert_non_null(strstr(t->got, OK_XML));
    assert_non_null(strstr(t->got, "\r\nConnection: close\r\n"));
    expect_end(fd);
    while (!worker_has_ended(t->w)) {
        usleep(100); /* as above */
    }
}

static void end_tells_who_still_waits_that_nothing_is_confirmed(void **state)
{
    struct fixture_worker *t = *state;
    start(t, ACK_BROKER, 3600000);
    int fd = dial(t);
    say(fd, EVENT "1");
    await_records(t, 1);
    worker_stop(t->w);
    t->w = NULL;
    expect(t, fd, "code=\"unconfirmed\"");
    expect_end(fd);
    expect_records(t, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        worker_test(with_ack_journal_a_report_is_answered_once_it_is_written),
        worker_test(with_ack_disk_a_report_is_answered_once_it_is_synced),
        worker_test(refusal_behind_a_report_that_waits_keeps_its_place),
        worker_test(failed_sync_answers_503_and_the_next_report_goes_to_a_new_segment),
        worker_test(journal_that_is_whole_again_is_ready_without_a_report),
        worker_test(client_that_leaves_before_its_answer_harms_nothing),
        worker_test(with_ack_broker_a_report_is_answered_once_it_is_settled),
        worker_test(report_that_is_not_settled_in_time_is_unconfirmed_and_kept),
        worker_test(past_the_bound_reports_are_refused_at_once_and_not_taken),
        worker_test(past_the_bound_a_connection_gets_its_answers_in_order),
        worker_test(who_leaves_and_who_is_not_confirmed_makes_room),
        worker_test(with_ack_journal_nothing_is_in_work),
        worker_test(leaving_word_is_served_with_close_before_the_listener_goes),
        worker_test(drain_waits_for_the_reports_that_are_held),
        worker_test(end_tells_who_still_waits_that_nothing_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
