/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "ingest/pages.h"
#include "ingest/worker.h"
#include "tests/unit/journal_fixture.h"
#include "tests/unit/sync_gate.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define EVENT "/api/analytics/report/event?event=load&photo_id="
#define OK_XML "message=\"The event was reported\""

enum { REPLY_MAX = 64 * 1024 };

/* A worker over real sockets and a real journal, whose syncs are the gate's and whose records the
 * test itself settles. */
struct fixture_worker {
    struct fixture *f;
    struct metrics *metrics;
    struct rules *rules;
    struct pages pages;
    struct worker *w;
    char got[REPLY_MAX];
};

static struct rules *load_rules(const char *sites, const char *catalogue)
{
    const struct rules_options options = {.sites = sites,
                                          .trusted_proxies = "",
                                          .download_from = "",
                                          .internal = "",
                                          .bots = "",
                                          .catalogue = catalogue};
    struct rules *r = NULL;
    struct error err = {""};
    if (rules_load(&r, &options, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return r;
}

static int set_up(void **state)
{
    struct fixture_worker *t = calloc(1, sizeof *t);
    assert_non_null(t);
    gate_reset();
    t->f = fixture_new();
    t->f->options.io = &gate_io;
    t->metrics = metrics_new();
    assert_non_null(t->metrics);
    t->rules = load_rules("", "");
    *state = t;
    return 0;
}

static void start(struct fixture_worker *t, enum ack_level ack, uint64_t ack_timeout_ms)
{
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1};
    t->f->options.ack = ack;
    fixture_open(t->f);
    gate_reset();
    t->pages.journal = t->f->j;
    t->pages.ack = ack;
    const struct worker_options options = {
        .listen = "127.0.0.1:0",
        .ack = ack,
        .ack_timeout_ms = ack_timeout_ms,
        .rules = t->rules,
        .api = {.intake = {.secret = secret, .shard = fixture_shard(t->f), .metrics = t->metrics},
                .body_max = 1 << 20,
                .error_status = 200,
                .pages = &t->pages}};
    assert_int_equal(worker_start(&t->w, &options, &t->f->err), 0);
}

static int tear_down(void **state)
{
    struct fixture_worker *t = *state;
    gate_set(false, 0);
    if (t->w != NULL) {
        worker_stop(t->w);
    }
    fixture_free(t->f);
    rules_unref(t->rules);
    metrics_free(t->metrics);
    free(t);
    return 0;
}

static int dial(struct fixture_worker *t)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(worker_port(t->w)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval patience = {GATE_PATIENCE_MS / 1000, 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *target)
{
    char request[512];
    int len =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h.example\r\n\r\n", target);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

/* The next whole answer, in t->got. */
static const char *hear(struct fixture_worker *t, int fd)
{
    size_t len = 0, want = SIZE_MAX;
    while (len < want) {
        ssize_t n = recv(fd, t->got + len, want == SIZE_MAX ? 1 : want - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
        t->got[len] = '\0';
        const char *end = want == SIZE_MAX ? strstr(t->got, "\r\n\r\n") : NULL;
        if (end != NULL) {
            const char *body_len = strstr(t->got, "Content-Length: ");
            assert_non_null(body_len);
            want = (size_t)(end + 4 - t->got) + strtoul(body_len + 16, NULL, 10);
        }
    }
    return t->got;
}

static void expect(struct fixture_worker *t, int fd, const char *words)
{
    if (strstr(hear(t, fd), words) == NULL) {
        fail_msg("no \"%s\" in: %s", words, t->got);
    }
}

static void expect_silence(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void expect_end(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void expect_metric(struct fixture_worker *t, const char *line)
{
    struct buffer page;
    buffer_init(&page);
    metrics_render(t->metrics, &page);
    buffer_append_char(&page, '\0');
    if (strstr(page.data, line) == NULL) {
        fail_msg("no \"%s\" in: %s", line, page.data);
    }
    buffer_fini(&page);
}

/* Waits until the journal holds so many records. */
static void await_records(struct fixture_worker *t, uint64_t count)
{
    for (;;) {
        struct journal_lane lane;
        assert_int_equal(journal_lanes(t->f->j, &lane, 1), 1);
        if (lane.last >= count) {
            return;
        }
        usleep(100); /* nobody tells a test of it */
    }
}

/* Reads the lane from its start: it has so many. */
static void expect_records(struct fixture_worker *t, size_t count)
{
    struct journal_cursor *c = NULL;
    struct journal_record records[16];
    assert_int_equal(journal_cursor_open(&c, t->f->j, fixture_lane(t->f)), 0);
    int n = journal_read(c, records, 16);
    journal_cursor_close(c);
    assert_int_equal(n, count);
}

static void settle(struct fixture_worker *t, uint64_t sequence)
{
    journal_settle(t->f->j, fixture_lane(t->f), sequence);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_ack_journal_a_report_is_answered_once_it_is_written),
        TEST(with_ack_disk_a_report_is_answered_once_it_is_synced),
        TEST(refusal_behind_a_report_that_waits_keeps_its_place),
        TEST(failed_sync_answers_503_and_the_next_report_goes_to_a_new_segment),
        TEST(journal_that_is_whole_again_is_ready_without_a_report),
        TEST(client_that_leaves_before_its_answer_harms_nothing),
        TEST(with_ack_broker_a_report_is_answered_once_it_is_settled),
        TEST(report_that_is_not_settled_in_time_is_unconfirmed_and_kept),
        TEST(leaving_word_is_served_with_close_before_the_listener_goes),
        TEST(drain_waits_for_the_reports_that_are_held),
        TEST(end_tells_who_still_waits_that_nothing_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
