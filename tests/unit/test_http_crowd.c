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

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(servers_of_a_crew_share_the_file_limit),
        server_test(a_crew_logs_one_line_a_second),
        server_test(who_was_closed_is_not_looked_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
