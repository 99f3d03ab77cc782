/* What the tests of the HTTP server share: a server that answers by the path, and its turns. */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/unit/http_client.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define OK(len, body)                                                                              \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " len "\r\n\r\n" body
#define OK_CLOSE(len, body)                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " len                          \
    "\r\nConnection: close\r\n\r\n" body
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define REFUSED(status)                                                                            \
    "HTTP/1.1 " status "\r\nContent-Length: 0\r\nX-Refused: yes\r\nConnection: close\r\n\r\n"

enum { BIG_SIZE = 1024 * 1024 };

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
    bool asks;     /* /hold answers 503 where there is no room */
    char rendered[64];
};

static inline struct http_reply text_reply(struct slice body)
{
    return (struct http_reply){.status = 200, .content_type = "text/plain", .body = body};
}

static inline void reply_with_file(struct fixture *f, struct http_conn *c,
                                   const struct http_request *req)
{
    struct http_reply reply = text_reply(slice_of(""));
    size_t len = slice_is(req->query, "cut") ? BIG_SIZE - 1 : BIG_SIZE;
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, f->big, len), len);
    http_reply_file(c, &reply, fd, BIG_SIZE);
}

/*
 * /hold?x holds x, /big a large body, /file the same out of a file (/file?cut: of one that is
 * shorter than was said), /none 204, /odd 299, /close a closing reply, /peer the family of the
 * peer; all else is answered with the body or, without one, the query.
 */
static inline void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    f->request_count++;
    if (slice_is(req->path, "/hold") && (!f->asks || http_may_hold(c))) {
        http_hold(c, ++f->next_ticket, req->query.data, req->query.len);
        return;
    }
    if (slice_is(req->path, "/file")) {
        reply_with_file(f, c, req);
        return;
    }
    if (slice_is(req->path, "/hold")) {
        http_reply(c, &(struct http_reply){.status = 503});
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

/* Names the origin that it has been told, if it has. */
static inline void on_reject(int status, const struct http_request *req, struct http_reply *out,
                             void *arg)
{
    struct fixture *f = arg;
    struct slice origin = req->known[HTTP_HEADER_ORIGIN];
    (void)status;
    (void)snprintf(f->rendered, sizeof f->rendered, "X-Refused: %.*s\r\n",
                   origin.data == NULL ? 3 : (int)origin.len,
                   origin.data == NULL ? "yes" : origin.data);
    out->headers = slice_of(f->rendered);
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

static inline void turn_of(void *arg)
{
    turn(arg);
}

static inline struct client connect_to(struct fixture *f)
{
    return client_connect(http_server_port(f->server), turn_of, f);
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
