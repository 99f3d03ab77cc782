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

/* Starts under this file limit, which is put back. */
static void start_with_files(struct fixture *f, rlim_t files)
{
    struct rlimit before, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = files;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    start(f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* How many connections are taken by a server that is started under this file limit. */
static unsigned count_taken(struct fixture *f, rlim_t files)
{
    enum { MOST = 200 };
    start_with_files(f, files);
    struct client crowd[MOST];
    for (size_t i = 0; i < MOST; i++) {
        crowd[i] = connect_to(f);
        say(&crowd[i], GET("/?1"));
    }
    for (int i = 0; i < 20; i++) {
        turn(f); /* in each a listener takes some of them */
    }
    for (size_t i = 0; i < MOST; i++) {
        leave(&crowd[i]);
    }
    unsigned taken = f->request_count;
    http_server_free(f->server);
    f->server = NULL;
    f->request_count = 0;
    return taken;
}

static void servers_of_a_crew_share_the_file_limit(void **state)
{
    struct fixture *f = *state;
    struct http_crew two = {.server_count = 2}, many = {.server_count = 1000};
    /* 96 are left alone, and 8 for each loop. */
    assert_int_equal(count_taken(f, 250), 250 - 104);
    f->options.crew = &two;
    assert_int_equal(count_taken(f, 250), (250 - 112) / 2);
    /* Under a tight limit one half is left alone. */
    assert_int_equal(count_taken(f, 120), 60 / 2);
    f->options.crew = &many;
    assert_int_equal(count_taken(f, 120), 1);
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    return count;
}

/* What two servers, each at its limit of connections again and again, write to standard error. */
static void press_on(struct fixture *f, struct http_server *second, char *text, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]), 0);
    uint16_t ports[] = {http_server_port(f->server), http_server_port(second)};
    for (int i = 0; i < 40; i++) {
        struct client c = client_connect(ports[i % 2], turn_of, f);
        turn(f);
        http_server_flush(second);
        leave(&c);
        turn(f);
        http_server_flush(second);
    }
    assert_true(dup2(saved, STDERR_FILENO) >= 0); /* closes the last writing end */
    assert_int_equal(close(saved), 0);
    ssize_t len = read(ends[0], text, size - 1);
    assert_true(len >= 0);
    text[len] = '\0';
    assert_int_equal(close(ends[0]), 0);
}

static void a_crew_logs_one_line_a_second(void **state)
{
    struct fixture *f = *state;
    struct http_crew crew = {.server_count = 2};
    struct http_server *second;
    struct error err;
    char text[4096];
    f->options.connections_max = 1;
    f->options.crew = &crew;
    start(f);
    assert_int_equal(http_server_new(&second, f->base, &f->options, &f->handler, NULL), 0);
    assert_int_equal(http_server_listen(second, "127.0.0.1:0", false, &err), 0);
    log_set_level(LOG_LEVEL_INFO);
    uint64_t began_ms = clock_mono_ms();
    press_on(f, second, text, sizeof text);
    uint64_t seconds = (clock_mono_ms() - began_ms) / 1000;
    log_set_level(LOG_LEVEL_ERROR);
    assert_in_range(count_lines(text), 1, seconds + 1);
    assert_non_null(strstr(text, "event=http_accept_paused server=test "));
    http_server_free(second);
}

static void on_drain(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    on_request(c, req, arg);
    if (slice_is(req->path, "/drain")) {
        http_server_drain(f->server);
    }
}

/* Both are ready in one turn; the first has the second closed. */
static void who_was_closed_is_not_looked_after(void **state)
{
    struct fixture *f = *state;
    f->handler.on_request = on_drain;
    start(f);
    struct client first = connect_to(f), second = connect_to(f);
    say(&second, GET("/?2"));
    expect(&second, OK("1", "2"));
    say(&first, GET("/?1"));
    expect(&first, OK("1", "1"));
    say(&first, GET("/drain?3"));
    leave(&second);
    turn(f);
    expect(&first, OK("1", "3"));
    expect_end(&first);
    leave(&first);
    until_idle(f);
}

static void a_long_pipeline_lets_others_in(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 1000 };
    start(f);
    struct client long_one = connect_to(f), other = connect_to(f);
    say(&other, GET("/?o"));
    expect(&other, OK("1", "o"));
    say(&long_one, GET("/?l"));
    expect(&long_one, OK("1", "l"));
    for (int i = 0; i < COUNT; i++) {
        ssize_t len = (ssize_t)strlen(GET("/?l"));
        assert_int_equal(send(long_one.fd, GET("/?l"), (size_t)len, MSG_NOSIGNAL), len);
    }
    say(&other, GET("/?o"));
    turn(f);
    hear(&other);
    assert_true(other.got.len > 0);
    assert_in_range(f->request_count, 2 + 2, 2 + 1 + 32);
    for (int i = 0; i < COUNT; i++) {
        expect(&long_one, OK("1", "l"));
    }
    leave(&long_one);
    leave(&other);
}

/* All begin a body that is never ended, of which there is room for two. */
static void bodies_that_never_end_get_no_more_than_their_room(void **state)
{
    struct fixture *f = *state;
    enum { CROWD = 8, PART = BIG_SIZE / 2 };
    f->options.kept_max = BIG_SIZE;
    start(f);
    struct client crowd[CROWD], small = connect_to(f);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connect_to(f);
        say(&crowd[i], "POST / HTTP/1.1\r\n" HX "Content-Length: 1048576\r\n\r\n");
        say_bytes(&crowd[i], f->big, PART);
    }
    say(&small, "POST / HTTP/1.1\r\n" HX "Content-Length: 5\r\n\r\nab");
    for (size_t i = 0; i < 200; i++) {
        turn(f);
    }
    unsigned refused = 0;
    for (size_t i = 0; i < CROWD; i++) {
        hear(&crowd[i]);
        refused += crowd[i].got.len > 0;
        if (crowd[i].got.len > 0) {
            expect(&crowd[i], REFUSED("503 Service Unavailable"));
        } else {
            say_bytes(&crowd[i], f->big, BIG_SIZE - PART);
            expect(&crowd[i], "HTTP/1.1 200 OK\r\n");
        }
        leave(&crowd[i]);
    }
    assert_in_range(refused, CROWD - 2, CROWD - 1);
    say(&small, "cde");
    expect(&small, OK("5", "abcde"));
    leave(&small);
    expect_metric(f, "playreport_http_rejected_total{server=\"test\",status=\"503\"} ");
}

static void who_takes_no_reply_is_closed_when_there_is_no_room(void **state)
{
    struct fixture *f = *state;
    enum { CROWD = 8 };
    f->options.kept_max = BIG_SIZE;
    start(f);
    struct client crowd[CROWD], other = connect_to(f);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connect_to(f);
        for (int n = 0; n < 16; n++) {
            say(&crowd[i], GET("/big")); /* more than the sockets take */
        }
    }
    for (size_t i = 0; i < 50; i++) {
        turn(f);
    }
    say(&other, GET("/?1"));
    expect(&other, OK("1", "1"));
    unsigned closed = 0;
    for (size_t i = 0; i < CROWD; i++) {
        while (!is_over(&crowd[i]) && crowd[i].got.len < 16 * (size_t)BIG_SIZE) {
            turn(f);
            hear(&crowd[i]);
        }
        closed += crowd[i].got.len < 16 * (size_t)BIG_SIZE;
        leave(&crowd[i]);
    }
    assert_in_range(closed, 1, CROWD - 1);
    leave(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(servers_of_a_crew_share_the_file_limit),
        server_test(a_crew_logs_one_line_a_second),
        server_test(who_was_closed_is_not_looked_after),
        server_test(a_long_pipeline_lets_others_in),
        server_test(bodies_that_never_end_get_no_more_than_their_room),
        server_test(who_takes_no_reply_is_closed_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
