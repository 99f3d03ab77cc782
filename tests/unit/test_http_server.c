/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/http_fixture.h"

#include <dirent.h>

static void a_request_is_answered_and_counted(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/?abc"));
    expect(&c, OK("3", "abc"));
    say(&c, GET("/peer"));
    expect(&c, OK("2", "v4"));
    expect_nothing(&c);
    expect_metric(f, "playreport_http_requests_total{server=\"test\"} 2\n");
    expect_metric(f, "playreport_http_accepted_total{server=\"test\"} 1\n");
    expect_metric(f, "playreport_http_connections{server=\"test\"} 1\n");
    leave(&c);
    until_idle(f);
    expect_metric(f, "playreport_http_connections{server=\"test\"} 0\n");
}

static void a_server_without_metrics_and_with_few_callbacks_serves(void **state)
{
    struct fixture *f = *state;
    metrics_free(f->metrics);
    f->metrics = NULL;
    f->handler = (struct http_handler){.on_request = on_request, .arg = f};
    start(f);
    struct client c = connect_to(f);
    say(&c, "POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(&c, CONTINUE);
    say(&c, "ab"
            "garbage\r\n\r\n");
    expect(&c, OK("2", "ab"));
    expect(&c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 30\r\nConnection: close\r\n\r\nThe request cannot be served.\n");
    expect_end(&c);
    leave(&c);
}

static void the_date_is_an_http_date(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct slice date = http_server_date(f->server);
    assert_int_equal(date.len, 29);
    char text[30] = "";
    memcpy(text, date.data, 29);
    struct tm t = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    assert_non_null(end);
    assert_int_equal(*end, '\0');
    assert_true(llabs((long long)timegm(&t) - (long long)time(NULL)) <= 2);
}

static void pipelines_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    f->releases = true;
    start(f);
    struct client c = connect_to(f);
    struct buffer out, want;
    buffer_init(&out);
    buffer_init(&want);
    for (int i = 1000; i < 6000; i++) {
        buffer_append_format(&out, "GET /%s?%d HTTP/1.1\r\n" HX "\r\n", i % 3 == 0 ? "hold" : "",
                             i);
        buffer_append_format(&want, OK("%d", "%d%s"), i % 3 == 0 ? 6 : 4, i,
                             i % 3 == 0 ? ":0" : "");
    }
    buffer_append_char(&want, '\0');
    for (size_t at = 0; at < out.len;) { /* in pieces that cut requests anywhere */
        size_t piece = out.len - at < 7777 ? out.len - at : 7777;
        say_bytes(&c, out.data + at, piece);
        at += piece;
        turn(f);
    }
    expect(&c, want.data);
    assert_int_equal(f->request_count, 5000);
    buffer_fini(&out);
    buffer_fini(&want);
    leave(&c);
}

static void head_has_the_length_of_get_and_no_body(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD /?abc HTTP/1.1\r\n" HX "\r\n"
            "HEAD /hold?de HTTP/1.1\r\n" HX "\r\n" GET("/?f"));
    expect(&c, OK("3", ""));
    http_server_release(f->server, f->next_ticket, 0);
    expect(&c, OK("4", "") OK("1", "f"));
    leave(&c);
}

static void no_content_has_no_length(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "OPTIONS /none HTTP/1.1\r\n" HX "\r\n" GET("/odd?x"));
    expect(&c, "HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n"
               "HTTP/1.1 299 \r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx");
    leave(&c);
}

static void continue_is_said_at_once(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/hold?1") "POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\n"
                           "Content-Length: 3\r\n\r\n");
    expect_nothing(&c);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&c, OK("3", "1:0") CONTINUE);
    say(&c, "abc");
    expect(&c, OK("3", "abc"));
    say(&c, "POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect(&c, CONTINUE);
    say(&c, "1\r\nx\r\n0\r\n\r\n");
    expect(&c, OK("1", "x"));
    say(&c, "POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    expect(&c, OK("0", ""));
    say(&c, "POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 1\r\n\r\ny");
    expect(&c, OK("1", "y"));
    leave(&c);
}

static void no_continue_comes_before_a_refusal(void **state)
{
    struct fixture *f = *state;
    f->expect_status = 415;
    start(f);
    static const struct {
        const char *head, *answer;
    } CASES[] = {
        {"POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
         REFUSED("415 Unsupported Media Type")},
        {"POST / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",
         REFUSED("413 Content Too Large")},
        {"POST / HTTP/1.1\r\n" HX "Expect: 200-ok\r\nContent-Length: 3\r\n\r\n",
         REFUSED("417 Expectation Failed")},
        {"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
         REFUSED("400 Bad Request")},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct client c = connect_to(f);
        say(&c, CASES[i].head);
        expect(&c, CASES[i].answer);
        expect_end(&c);
        leave(&c);
    }
    assert_int_equal(f->request_count, 0);
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"417\"} 1\n");
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"other\"} 1\n");
}

static void a_refusal_of_head_has_no_body(void **state)
{
    struct fixture *f = *state;
    f->expect_status = 415;
    f->handler.on_reject = NULL;
    start(f);
    struct client c = connect_to(f);
    say(&c, "HEAD / HTTP/1.1\r\n" HX "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect(&c, "HTTP/1.1 415 Unsupported Media Type\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 30\r\nConnection: close\r\n\r\n");
    expect_end(&c);
    leave(&c);
}

static const char MIXED[] =
    "POST /?a HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\n\r\n"
    "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nHost: z\r\n\r\n"
    "POST / HTTP/1.1\r\n" HX "Content-Length: 4\r\n\r\nfghi\r\n" GET("http://o.example/?jk");

#define MIXED_ANSWERS OK("5", "abcde") OK("4", "fghi") OK("2", "jk")

static void bodies_of_both_kinds_keep_a_pipeline_in_step(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, MIXED);
    expect(&c, MIXED_ANSWERS);
    leave(&c);
}

static void requests_are_served_wherever_they_are_cut(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    for (size_t cut = 1; cut < sizeof MIXED - 1; cut++) {
        say_bytes(&c, MIXED, cut);
        turn(f);
        say_bytes(&c, MIXED + cut, sizeof MIXED - 1 - cut);
        expect(&c, MIXED_ANSWERS);
    }
    for (size_t i = 0; i < sizeof MIXED - 1; i++) { /* byte by byte */
        say_bytes(&c, MIXED + i, 1);
        turn(f);
    }
    expect(&c, MIXED_ANSWERS);
    leave(&c);
}

static void large_bodies_arrive_whole(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "POST / HTTP/1.1\r\n" HX "Content-Length: 1048576\r\n\r\n");
    say_bytes(&c, f->big, BIG_SIZE);
    expect(&c, OK("1048576", ""));
    until_heard(&c, BIG_SIZE);
    assert_int_equal(c.got.len, BIG_SIZE);
    assert_memory_equal(c.got.data, f->big, BIG_SIZE);
    leave(&c);
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder); /* it was only read */
    return count;
}

static void files_stand_in_a_pipeline_as_bodies_do(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    size_t before = open_files();
    say(&c, GET("/?first") GET("/file") GET("/?second") "HEAD /file HTTP/1.1\r\n" HX
                                                        "\r\n" GET("/file") GET("/?third"));
    expect(&c, OK("5", "first") OK("1048576", ""));
    for (int i = 0; i < 2; i++) {
        until_heard(&c, BIG_SIZE);
        assert_memory_equal(c.got.data, f->big, BIG_SIZE);
        forget(&c, BIG_SIZE);
        expect(&c,
               i == 0 ? OK("6", "second") OK("1048576", "") OK("1048576", "") : OK("5", "third"));
    }
    assert_int_equal(open_files(), before + 1); /* the server's end of the connection */
    leave(&c);
}

static void a_file_is_sent_before_its_connection_closes(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, "GET /file HTTP/1.0\r\n\r\n");
    expect(&c, OK_CLOSE("1048576", ""));
    until_heard(&c, BIG_SIZE);
    assert_memory_equal(c.got.data, f->big, BIG_SIZE);
    forget(&c, BIG_SIZE);
    expect_end(&c);
    leave(&c);
}

static void a_file_that_ends_too_early_cuts_the_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/file?cut") GET("/?never"));
    expect(&c, OK("1048576", ""));
    until_heard(&c, BIG_SIZE - 1);
    forget(&c, BIG_SIZE - 1);
    expect_end(&c);
    assert_int_equal(f->request_count, 1);
    leave(&c);
}

static void a_file_is_closed_with_the_client_that_left(void **state)
{
    struct fixture *f = *state;
    start(f);
    size_t before = open_files();
    struct client c = connect_to(f);
    say(&c, GET("/file"));
    expect(&c, OK("1048576", ""));
    leave_with_reset(&c);
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    while (open_files() > before && clock_mono_ms() < until) {
        turn(f);
    }
    assert_int_equal(open_files(), before);
}

static void broken_requests_are_the_last_of_their_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const char *const BROKEN[] = {
        "garbage\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\n" HX "Content-Length: 3\r\nContent-Length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        struct client c = connect_to(f);
        say(&c, GET("/?1") GET("/hold?2"));
        say(&c, BROKEN[i]);
        say(&c, GET("/?3"));
        expect(&c, OK("1", "1"));
        expect_nothing(&c);
        http_server_release(f->server, f->next_ticket, 0);
        expect(&c, OK("3", "2:0") REFUSED("400 Bad Request"));
        expect_end(&c);
        leave(&c);
    }
    assert_int_equal(f->request_count, 8);
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"400\"} 4\n");
}

static void connection_close_ends_it_after_that_answer(void **state)
{
    struct fixture *f = *state;
    start(f);
    static const char *const FIRST[] = {
        "GET /?1 HTTP/1.1\r\n" HX "Connection: foo, Close\r\n\r\n",
        "GET /?1 HTTP/1.0\r\n\r\n",
        GET("/close?1"),
    };
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        struct client c = connect_to(f);
        say(&c, FIRST[i]);
        say(&c, GET("/?2"));
        expect(&c, OK_CLOSE("1", "1"));
        expect_end(&c);
        leave(&c);
    }
    assert_int_equal(f->request_count, 3);
    until_idle(f);
}

static void old_clients_may_keep_the_connection(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    for (int i = 0; i < 2; i++) {
        say(&c, "GET /?1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        expect(&c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n"
                   "Connection: keep-alive\r\n\r\n1");
    }
    leave(&c);
}

static void other_methods_are_answered_without_their_body(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c,
        "TRACE / HTTP/1.1\r\n" HX "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc" GET("/"));
    expect(&c, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nAllow: GET\r\n"
               "Connection: close\r\n\r\n");
    expect_end(&c);
    assert_int_equal(f->request_count, 1);
    leave(&c);
}

static void a_client_that_closes_its_half_gets_all_its_answers(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/?1") GET("/hold?2") GET("/?3") "GET /?part HTTP/1.1\r\n");
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    expect(&c, OK("1", "1"));
    expect_nothing(&c);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&c, OK("3", "2:0") OK("1", "3"));
    expect_end(&c);
    leave(&c);
    until_idle(f);
}

static void listening_fails_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    start(f);
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", http_server_port(f->server));
    const struct {
        const char *address;
        int result;
    } CASES[] = {
        {"8080", -EINVAL},
        {"host:", -EINVAL},
        {":80", -EINVAL},
        {"127.0.0.1:x", -EINVAL},
        {"::1:80", -EINVAL},
        {"[::1]", -EINVAL},
        {"127.0.0.1:65536", -EINVAL},
        {"127.0.0.1:0000080", -EINVAL},
        {"192.0.2.1:0", -EADDRNOTAVAIL},
        {taken, -EADDRINUSE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct error err = {""};
        assert_int_equal(http_server_listen(f->server, CASES[i].address, false, &err),
                         CASES[i].result);
        assert_non_null(strstr(err.text, CASES[i].address));
    }
}

static void two_servers_share_a_port_if_both_ask(void **state)
{
    struct fixture *f = *state;
    struct http_server *other = NULL;
    assert_int_equal(http_server_new(&f->server, f->base, &f->options, &f->handler, NULL), 0);
    assert_int_equal(http_server_new(&other, f->base, &f->options, &f->handler, NULL), 0);
    assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", true, NULL), 0);
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", http_server_port(f->server));
    assert_int_equal(http_server_listen(other, address, true, NULL), 0);
    assert_int_equal(http_server_port(other), http_server_port(f->server));
    http_server_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(a_request_is_answered_and_counted),
        server_test(a_server_without_metrics_and_with_few_callbacks_serves),
        server_test(the_date_is_an_http_date),
        server_test(pipelines_are_answered_in_order),
        server_test(head_has_the_length_of_get_and_no_body),
        server_test(no_content_has_no_length),
        server_test(continue_is_said_at_once),
        server_test(no_continue_comes_before_a_refusal),
        server_test(a_refusal_of_head_has_no_body),
        server_test(bodies_of_both_kinds_keep_a_pipeline_in_step),
        server_test(requests_are_served_wherever_they_are_cut),
        server_test(large_bodies_arrive_whole),
        server_test(files_stand_in_a_pipeline_as_bodies_do),
        server_test(a_file_is_sent_before_its_connection_closes),
        server_test(a_file_that_ends_too_early_cuts_the_connection),
        server_test(a_file_is_closed_with_the_client_that_left),
        server_test(broken_requests_are_the_last_of_their_connection),
        server_test(connection_close_ends_it_after_that_answer),
        server_test(old_clients_may_keep_the_connection),
        server_test(other_methods_are_answered_without_their_body),
        server_test(a_client_that_closes_its_half_gets_all_its_answers),
        server_test(listening_fails_with_a_sentence),
        server_test(two_servers_share_a_port_if_both_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
