/* What the tests of the HTTP server share: a server that answers by the path, clients, turns. */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HX "Host: h.example\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HX "\r\n"
#define OK(len, body)                                                                              \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " len "\r\n\r\n" body
#define OK_CLOSE(len, body)                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " len                          \
    "\r\nConnection: close\r\n\r\n" body
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define REFUSED(status)                                                                            \
    "HTTP/1.1 " status "\r\nContent-Length: 0\r\nX-Refused: yes\r\nConnection: close\r\n\r\n"

/* How long is waited for what must come; nothing waits that long unless a test fails. */
enum { PATIENCE_MS = 10000, BIG_SIZE = 1024 * 1024 };

struct fixture {
    struct event_base *base;
    struct http_server *server;
    struct metrics *metrics;
    struct http_server_options options;
    struct http_handler handler;
    char *big;
    uint64_t next_ticket;
    unsigned request_count, release_count;
    int expect_status;
    bool releases; /* each turn releases what it held, as a worker's does */
    char rendered[64];
};

struct client {
    int fd;
    struct buffer got;
    size_t clean; /* of got: there are no dates before this */
    bool eof, reset;
};

static inline struct http_reply text_reply(struct slice body)
{
    return (struct http_reply){.status = 200, .content_type = "text/plain", .body = body};
}

/*
 * /hold?x holds x, /big a large body, /none 204, /odd 299, /close a closing reply, /peer the family
 * of the peer; all else is answered with the body or, without one, the query.
 */
static inline void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    f->request_count++;
    if (slice_is(req->path, "/hold")) {
        http_hold(c, ++f->next_ticket, req->query.data, req->query.len);
        return;
    }
    struct http_reply reply = text_reply(req->body.data != NULL ? req->body : req->query);
    if (slice_is(req->path, "/big")) {
        reply.body = slice_make(f->big, BIG_SIZE);
    } else if (slice_is(req->path, "/none")) {
        reply = (struct http_reply){.status = 204, .headers = slice_of("Allow: GET\r\n")};
    } else if (slice_is(req->path, "/close")) {
        reply.close = true;
    } else if (slice_is(req->path, "/odd")) {
        reply.status = 299;
    } else if (slice_is(req->path, "/peer")) {
        reply.body = slice_of(http_conn_peer(c)->sa_family == AF_INET ? "v4" : "other");
    } else if (req->method == HTTP_OTHER_METHOD) {
        reply = (struct http_reply){.status = 405, .headers = slice_of("Allow: GET\r\n")};
    }
    http_reply(c, &reply);
}

/* Outcome 9 closes. */
static inline void on_release(const void *held, size_t len, int outcome, struct http_reply *out,
                              void *arg)
{
    struct fixture *f = arg;
    f->release_count++;
    assert_int_equal((uintptr_t)held % 8, 0);
    int n =
        snprintf(f->rendered, sizeof f->rendered, "%.*s:%d", (int)len, (const char *)held, outcome);
    assert_in_range(n, 1, sizeof f->rendered - 1);
    *out = text_reply(slice_of(f->rendered));
    out->close = outcome == 9;
}

static inline void on_reject(int status, struct http_reply *out, void *arg)
{
    (void)arg;
    (void)status;
    out->headers = slice_of("X-Refused: yes\r\n");
    out->content_type = NULL;
}

static inline int on_expect(const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    assert_true(req->expect_continue);
    return f->expect_status;
}

static inline int set_up(void **state)
{
    log_set_level(LOG_LEVEL_ERROR);
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->base = event_base_new();
    f->metrics = metrics_new();
    f->big = malloc(BIG_SIZE);
    assert_non_null(f->base);
    assert_non_null(f->metrics);
    assert_non_null(f->big);
    memset(f->big, 'b', BIG_SIZE);
    f->options = http_server_defaults();
    f->options.name = "test";
    f->handler = (struct http_handler){.on_request = on_request,
                                       .on_release = on_release,
                                       .on_reject = on_reject,
                                       .on_expect = on_expect,
                                       .arg = f};
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_free(f->server);
    metrics_free(f->metrics);
    event_base_free(f->base);
    free(f->big);
    free(f);
    return 0;
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void start(struct fixture *f)
{
    struct error err = {""};
    assert_int_equal(http_server_new(&f->server, f->base, &f->options, &f->handler, f->metrics), 0);
    assert_int_equal(http_server_listen(f->server, "127.0.0.1:0", false, &err), 0);
}

/* The first half of a turn: one pass over what is ready. Without ONCE it were many. */
static inline void pass(struct fixture *f)
{
    (void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static inline void turn(struct fixture *f)
{
    pass(f);
    if (f->releases) {
        http_server_release(f->server, f->next_ticket, 0);
    }
    http_server_flush(f->server);
}

/* Turns until so many requests in all have come to the handler. */
static inline void until_requests(struct fixture *f, unsigned count)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    while (f->request_count < count && clock_mono_ms() < until) {
        turn(f);
    }
    assert_int_equal(f->request_count, count);
}

static inline void until_idle(struct fixture *f)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    while (!http_server_is_idle(f->server) && clock_mono_ms() < until) {
        turn(f);
    }
    assert_true(http_server_is_idle(f->server));
}

static inline struct client connect_to(struct fixture *f)
{
    struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(f->server)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_true(c.fd >= 0);
    assert_int_equal(connect(c.fd, (struct sockaddr *)&to, sizeof to), 0);
    int on = 1; /* else a piece waits for the acknowledgement of the one before */
    assert_int_equal(setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    buffer_init(&c.got);
    return c;
}

static inline void leave(struct client *c)
{
    (void)close(c->fd); /* a test's socket */
    buffer_fini(&c->got);
}

static inline void leave_with_reset(struct client *c)
{
    struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    leave(c);
}

/* Sends all of it, with turns of the server where the sockets are full. */
static inline void say_bytes(struct fixture *f, struct client *c, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(c->fd, bytes + at, len - at, MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        at += n > 0 ? (size_t)n : 0;
        if (at < len) {
            turn(f);
        }
    }
}

static inline void say(struct fixture *f, struct client *c, const char *text)
{
    say_bytes(f, c, text, strlen(text));
}

/* The Date lines go: they differ. */
static inline void strip_dates(struct client *c)
{
    enum { LINE_LEN = sizeof "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" - 1 };
    size_t from = c->clean, end = c->got.len;
    const char *at = NULL;
    while (from < end && (at = memmem(c->got.data + from, end - from, "Date: ", 6)) != NULL) {
        size_t before = (size_t)(at - c->got.data) - from;
        if (end - from - before < LINE_LEN) {
            break;
        }
        memmove(c->got.data + c->clean, c->got.data + from, before);
        c->clean += before;
        from += before + LINE_LEN;
    }
    if (from != c->clean) {
        memmove(c->got.data + c->clean, c->got.data + from, end - from);
        c->got.len = c->clean + end - from;
    }
}

/* Takes what there is, without waiting. */
static inline void hear(struct client *c)
{
    char bytes[16384];
    ssize_t n = 0;
    while ((n = recv(c->fd, bytes, sizeof bytes, 0)) > 0) {
        buffer_append(&c->got, bytes, (size_t)n);
    }
    c->eof = c->eof || n == 0;
    c->reset = c->reset || (n < 0 && errno != EAGAIN);
    strip_dates(c);
}

static inline void forget(struct client *c, size_t len)
{
    buffer_consume(&c->got, len);
    c->clean = c->clean > len ? c->clean - len : 0;
}

static inline bool is_over(const struct client *c)
{
    return c->eof || c->reset;
}

static inline void fail_different(const struct client *c, const char *want)
{
    const char *end = c->eof ? " (and the end)" : c->reset ? " (and a reset)" : "";
    fail_msg("got%s:\n%.*s\nnot:\n%s", end, (int)c->got.len, buffer_slice(&c->got).data, want);
}

/* Turns until the client has heard so many bytes, or the end. */
static inline void until_heard(struct fixture *f, struct client *c, size_t len)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    hear(c);
    while (c->got.len < len && !is_over(c) && clock_mono_ms() < until) {
        turn(f);
        hear(c);
    }
}

/* Turns until the client has heard this much, and checks and forgets it. */
static inline void expect(struct fixture *f, struct client *c, const char *want)
{
    size_t len = strlen(want);
    until_heard(f, c, len);
    if (c->got.len < len || memcmp(c->got.data, want, len) != 0) {
        fail_different(c, want);
    }
    forget(c, len);
}

static inline void expect_nothing(struct fixture *f, struct client *c)
{
    for (int i = 0; i < 5; i++) {
        turn(f);
    }
    hear(c);
    if (c->got.len > 0 || is_over(c)) {
        fail_different(c, "(nothing)");
    }
}

/* The server closes in order, having said nothing more. */
static inline void expect_end(struct fixture *f, struct client *c)
{
    until_heard(f, c, SIZE_MAX);
    if (c->got.len > 0 || !c->eof) {
        fail_different(c, "(the end)");
    }
}

static inline void expect_metric(struct fixture *f, const char *line)
{
    struct buffer page;
    buffer_init(&page);
    metrics_render(f->metrics, &page);
    buffer_append_char(&page, '\0');
    if (strstr(page.data, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, page.data);
    }
    buffer_fini(&page);
}

#endif
