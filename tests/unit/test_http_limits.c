/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/http_fixture.h"

#include <sys/resource.h>

/* Without waiting for the end of the head. */
static void what_is_broken_or_too_long_is_refused_early(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "G");
    turn(f);
    say(&c, "\x01\x02\x03\x04");
    expect(&c, "HTTP/1.1 400 ");
    leave(&c);
    static const char *const STARTS[] = {"GET /", "GET / HTTP/1.1\r\n" HX "X: "};
    for (size_t i = 0; i < 2; i++) {
        c = connect_to(f);
        say(&c, STARTS[i]);
        for (int n = 0; n < 100 && !is_over(&c) && c.got.len == 0; n++) {
            say_bytes(&c, f->big, 1000);
            turn(f);
            hear(&c);
        }
        expect(&c, i == 0 ? "HTTP/1.1 414 " : "HTTP/1.1 431 ");
        leave(&c);
    }
}

static void each_limit_has_its_answer(void **state)
{
    struct fixture *f = *state;
    f->options.limits = (struct http_limits){
        .request_line_max = 20, .head_max = 60, .header_count_max = 3, .body_max = 4};
    start(f);
    static const struct {
        const char *request, *answer;
    } CASES[] = {
        {"GET /123456 HTTP/1.1\r\n" HX "\r\n", "HTTP/1.1 200 OK\r\n"},
        {"GET /1234567 HTTP/1.1\r\n" HX "\r\n", REFUSED("414 URI Too Long")},
        {"GET / HTTP/1.1\r\n" HX "A: 1\r\nB: 2\r\n\r\n", "HTTP/1.1 200 OK\r\n"},
        {"GET / HTTP/1.1\r\n" HX "A: 1\r\nB: 2\r\nC: 3\r\n\r\n",
         REFUSED("431 Request Header Fields Too Large")},
        {"GET / HTTP/1.1\r\n" HX "A: 1234567890123456789012345678901234567890\r\n\r\n",
         REFUSED("431 Request Header Fields Too Large")},
        {"POST / HTTP/1.1\r\n" HX "Content-Length: 4\r\n\r\nabcd", OK("4", "abcd")},
        {"POST / HTTP/1.1\r\n" HX "Content-Length: 5\r\n\r\n", REFUSED("413 Content Too Large")},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct client c = connect_to(f);
        say(&c, CASES[i].request);
        expect(&c, CASES[i].answer);
        leave(&c);
    }
    assert_int_equal(f->request_count, 3);
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"414\"} 1\n");
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"431\"} 2\n");
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"413\"} 1\n");
}

static void a_body_too_large_is_refused_readably(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "POST / HTTP/1.1\r\n" HX "Content-Length: 20971520\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        say_bytes(&c, f->big, BIG_SIZE);
    }
    expect(&c, REFUSED("413 Content Too Large"));
    expect_end(&c);
    leave(&c);
    until_idle(f);
}

static void a_chunked_body_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    f->options.limits.body_max = 4;
    start(f);
    struct client c = connect_to(f);
    say(&c, "POST / HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n");
    expect(&c, "HTTP/1.1 413 ");
    leave(&c);
}

/* Sends a byte a turn, well within any deadline between bytes. */
static void drip(struct client *c, const char *head)
{
    say(c, head);
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    while (c->got.len == 0 && !is_over(c) && clock_mono_ms() < until) {
        (void)send(c->fd, "a", 1, MSG_NOSIGNAL); /* refused once the server has closed */
        c->turn(c->arg);
        hear(c);
    }
}

static void heads_and_bodies_have_a_deadline_in_all(void **state)
{
    struct fixture *f = *state;
    f->options.head_deadline_ms = f->options.body_deadline_ms = 40;
    f->options.limits.head_max = f->options.limits.body_max = 1U << 30;
    start(f);
    static const char *const HEADS[] = {
        "GET / HTTP/1.1\r\n" HX "X:", "POST / HTTP/1.1\r\n" HX "Content-Length: 99999999\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct client c = connect_to(f);
        say(&c, GET("/?1"));
        expect(&c, OK("1", "1"));
        drip(&c, HEADS[i]);
        expect(&c, "HTTP/1.1 408 Request Timeout\r\n");
        leave(&c);
    }
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"408\"} 2\n");
}

/* Whatever is wrong, and wherever: the lines that came before it are told, and nobody else's. */
static void who_is_refused_is_known_by_the_lines_before_the_fault(void **state)
{
    static const char REFUSED_A[] = "\r\nX-Refused: https://a.example\r\n";
#define ORIGIN "Origin: https://a.example\r\n"
#define CHUNKS "POST / HTTP/1.1\r\n" HX ORIGIN "Transfer-Encoding: chunked\r\n\r\n"
    static const struct {
        const char *first, *then, *status, *refused;
    } CASES[] = {
        {"GET / HTTP/1.1\r\n" HX ORIGIN "A : b\r\n\r\n", "", "400 ", REFUSED_A},
        {"GET / HTTP/1.1\r\n" HX ORIGIN "Ori", "gin : \r\n\r\n", "400 ", REFUSED_A},
        {"GET / HTTP/1.1\r\n" ORIGIN "\r\n", "", "400 ", REFUSED_A},
        {"GET / HTTP/1.1\r\n" HX ORIGIN "A: b\r\nA: b\r\nA: b\r\n\r\n", "", "431 ", REFUSED_A},
        {"POST / HTTP/1.1\r\n" HX ORIGIN "Content-Length: 5\r\n\r\n", "", "413 ", REFUSED_A},
        {CHUNKS "5\r\n", "abcde\r\n", "413 ", REFUSED_A},
        {CHUNKS "1\r\na\r\n", "z\r\n", "400 ", REFUSED_A},
        {"GET / HTTP/1.1\r\n" HX ORIGIN, "", "408 ", REFUSED_A},
        {"POST / HTTP/1.1\r\n" HX ORIGIN "Content-Length: 4\r\n\r\n", "ab", "408 ", REFUSED_A},
        {"GET / HTTP/1.1\r\n" HX "Origin: https://a.example", "", "408 ", "X-Refused: yes\r\n"},
        {"GET / HTTP/1.1\r\nA : b\r\n" ORIGIN "\r\n", "", "400 ", "X-Refused: yes\r\n"},
    };
    struct fixture *f = *state;
    f->options.head_deadline_ms = f->options.body_deadline_ms = 40;
    f->options.limits.header_count_max = 4;
    f->options.limits.body_max = 4;
    start(f);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct client c = connect_to(f), other = connect_to(f);
        say(&c, CASES[i].first);
        turn(f);
        say(&other, "GET /?1 HTTP/1.1\r\n" HX "Origin: https://other.example\r\n\r\n");
        expect(&other, OK("1", "1"));
        say(&c, CASES[i].then);
        until_heard(&c, SIZE_MAX); /* to the end */
        if (memmem(c.got.data, c.got.len, CASES[i].status, 4) == NULL ||
            memmem(c.got.data, c.got.len, CASES[i].refused, strlen(CASES[i].refused)) == NULL) {
            fail_different(&c, CASES[i].first);
        }
        leave(&c);
        leave(&other);
    }
}

static void idle_connections_are_closed_silently(void **state)
{
    struct fixture *f = *state;
    f->options.idle_ms = 40;
    start(f);
    struct client fresh = connect_to(f), used = connect_to(f), held = connect_to(f);
    say(&used, GET("/?1"));
    say(&held, GET("/hold?1"));
    expect(&used, OK("1", "1"));
    expect_end(&fresh);
    expect_end(&used);
    expect_nothing(&held);
    leave(&fresh);
    leave(&used);
    leave(&held);
}

static void a_client_that_takes_nothing_is_closed(void **state)
{
    struct fixture *f = *state;
    f->options.idle_ms = 100;
    start(f);
    struct client c = connect_to(f);
    for (int i = 0; i < 20; i++) {
        say(&c, GET("/big"));
    }
    turn(f);
    assert_false(http_server_is_idle(f->server));
    until_idle(f);
    leave(&c);
}

static void accepting_pauses_at_the_limit_of_connections(void **state)
{
    struct fixture *f = *state;
    f->options.connections_max = 2;
    start(f);
    struct client a = connect_to(f), b = connect_to(f), c = connect_to(f);
    say(&a, GET("/?a"));
    say(&b, GET("/?b"));
    say(&c, GET("/?c"));
    expect(&a, OK("1", "a"));
    expect(&b, OK("1", "b"));
    expect_nothing(&c);
    leave(&a);
    expect(&c, OK("1", "c"));
    leave(&b);
    leave(&c);
}

static void accepting_pauses_when_there_are_no_more_files(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client open = connect_to(f);
    say(&open, GET("/?1"));
    expect(&open, OK("1", "1"));
    struct client waiting = connect_to(f);
    struct rlimit before, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    int lowest_free = dup(open.fd);
    now.rlim_cur = (rlim_t)lowest_free;
    (void)close(lowest_free); /* only its number was wanted */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    say(&waiting, GET("/?w"));
    turn(f);
    unsigned turns = 0;
    for (uint64_t until = clock_mono_ms() + 100; clock_mono_ms() < until; turns++) {
        (void)event_base_loop(f->base, EVLOOP_ONCE); /* blocks while accepting pauses */
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(turns <= 5);
    say(&open, GET("/?o"));
    expect(&open, OK("1", "o"));
    expect(&waiting, OK("1", "w"));
    leave(&open);
    leave(&waiting);
}

static void a_slow_reader_is_not_read_from(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    enum { COUNT = 32 };
    for (int i = 0; i < COUNT; i++) {
        say(&c, GET("/big"));
    }
    for (int i = 0; i < 50; i++) {
        turn(f);
    }
    assert_true(f->request_count < COUNT / 2);
    size_t total = 0;
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    while (total < (size_t)COUNT * BIG_SIZE && clock_mono_ms() < until) {
        turn(f);
        hear(&c);
        total += c.got.len;
        forget(&c, c.got.len);
    }
    assert_int_equal(f->request_count, COUNT);
    say(&c, GET("/?after"));
    while (memmem(buffer_slice(&c.got).data, c.got.len, "\r\n\r\nafter", 9) == NULL &&
           clock_mono_ms() < until) {
        turn(f);
        hear(&c);
    }
    assert_true(clock_mono_ms() < until);
    leave(&c);
}

static void a_drain_answers_what_was_asked_and_closes(void **state)
{
    struct fixture *f = *state;
    start(f);
    uint16_t port = http_server_port(f->server);
    struct client idle = connect_to(f), held = connect_to(f), asked = connect_to(f);
    say(&idle, GET("/?1"));
    say(&held, GET("/hold?2") GET("/hold?3"));
    say(&asked, GET("/?4"));
    expect(&idle, OK("1", "1"));
    expect(&asked, OK("1", "4"));
    turn(f);
    say(&asked, GET("/?5"));
    struct client queued = connect_to(f), silent = connect_to(f);
    say(&queued, GET("/?6"));
    http_server_drain(f->server);
    http_server_drain(f->server);
    expect_end(&idle);
    expect(&asked, OK_CLOSE("1", "5"));
    expect(&queued, OK_CLOSE("1", "6"));
    expect_nothing(&held);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&held, OK("3", "2:0") OK_CLOSE("3", "3:0"));
    say(&silent, GET("/?7"));
    expect(&silent, OK_CLOSE("1", "7"));
    assert_int_not_equal(port, 0);
    assert_int_equal(http_server_port(f->server), 0);
    struct client *all[] = {&idle, &held, &asked, &queued, &silent};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        expect_end(all[i]);
        leave(all[i]);
    }
    until_idle(f);
}

static void a_drain_lets_a_request_be_finished(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f), cut = connect_to(f);
    say(&c, GET("/?1") "GET /?2 HT");
    say(&cut, GET("/?3") "POST / HTTP/1.1\r\n" HX "Content-Length: 2\r\n\r\na");
    expect(&c, OK("1", "1"));
    expect(&cut, OK("1", "3"));
    http_server_drain(f->server);
    expect_nothing(&c);
    say(&c, "TP/1.1\r\n" HX "\r\n" GET("/?never"));
    say(&cut, "b");
    expect(&c, OK_CLOSE("1", "2"));
    expect(&cut, OK_CLOSE("2", "ab"));
    expect_end(&c);
    expect_end(&cut);
    assert_int_equal(f->request_count, 4);
    leave(&c);
    leave(&cut);
    until_idle(f);
}

/* All were acknowledged to no one yet: none of them may go without its answer. */
static void a_drain_keeps_every_held_reply(void **state)
{
    struct fixture *f = *state;
    start(f);
    enum { COUNT = 20 };
    struct client c[COUNT];
    for (int i = 0; i < COUNT; i++) {
        c[i] = connect_to(f);
        say(&c[i], GET("/hold?1") GET("/?2") GET("/hold?3"));
    }
    until_requests(f, 3 * COUNT);
    http_server_drain(f->server);
    for (uint64_t ticket = 1; ticket <= f->next_ticket; ticket++) {
        http_server_release(f->server, ticket, 0);
        turn(f);
    }
    for (int i = 0; i < COUNT; i++) {
        expect(&c[i], OK("3", "1:0") OK("1", "2") OK_CLOSE("3", "3:0"));
        expect_end(&c[i]);
        leave(&c[i]);
    }
    until_idle(f);
}

static void before_a_drain_close_is_said_and_service_goes_on(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client idle = connect_to(f), held = connect_to(f);
    say(&idle, GET("/?1"));
    say(&held, GET("/hold?2") GET("/hold?3"));
    expect(&idle, OK("1", "1"));
    until_requests(f, 3);
    http_server_say_close(f->server);
    expect_nothing(&idle);
    say(&idle, GET("/?4"));
    expect(&idle, OK_CLOSE("1", "4"));
    expect_end(&idle);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&held, OK("3", "2:0") OK_CLOSE("3", "3:0"));
    expect_end(&held);
    struct client fresh = connect_to(f);
    say(&fresh, GET("/?5"));
    expect(&fresh, OK_CLOSE("1", "5"));
    expect_end(&fresh);
    assert_int_not_equal(http_server_port(f->server), 0);
    http_server_drain(f->server);
    assert_int_equal(http_server_port(f->server), 0);
    leave(&idle);
    leave(&held);
    leave(&fresh);
    until_idle(f);
}

static void a_drain_closes_a_connection_once_its_answer_is_out(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/?1"));
    while (f->request_count == 0) {
        pass(f); /* its answer waits for the flush */
    }
    http_server_drain(f->server);
    expect(&c, OK("1", "1"));
    expect_end(&c);
    leave(&c);
}

static void a_silent_connection_does_not_hold_up_a_drain(void **state)
{
    struct fixture *f = *state;
    f->options.head_deadline_ms = 40;
    start(f);
    struct client c = connect_to(f);
    turn(f);
    http_server_drain(f->server);
    expect_end(&c);
    assert_true(http_server_is_idle(f->server));
    leave(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(what_is_broken_or_too_long_is_refused_early),
        server_test(each_limit_has_its_answer),
        server_test(a_body_too_large_is_refused_readably),
        server_test(a_chunked_body_too_large_is_refused),
        server_test(heads_and_bodies_have_a_deadline_in_all),
        server_test(who_is_refused_is_known_by_the_lines_before_the_fault),
        server_test(idle_connections_are_closed_silently),
        server_test(a_client_that_takes_nothing_is_closed),
        server_test(accepting_pauses_at_the_limit_of_connections),
        server_test(accepting_pauses_when_there_are_no_more_files),
        server_test(a_slow_reader_is_not_read_from),
        server_test(a_drain_answers_what_was_asked_and_closes),
        server_test(a_drain_lets_a_request_be_finished),
        server_test(a_drain_keeps_every_held_reply),
        server_test(before_a_drain_close_is_said_and_service_goes_on),
        server_test(a_drain_closes_a_connection_once_its_answer_is_out),
        server_test(a_silent_connection_does_not_hold_up_a_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
