/* A client of a server in the same thread: where it has to wait it lets the server take turns. */
#ifndef TESTS_UNIT_HTTP_CLIENT_H
#define TESTS_UNIT_HTTP_CLIENT_H

#include "common/buffer.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HX "Host: h.example\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HX "\r\n"

/* How long is waited for what must come; nothing waits that long unless a test fails. */
enum { PATIENCE_MS = 10000 };

struct client {
    int fd;
    struct buffer got;
    size_t clean; /* of got: there are no dates before this */
    bool eof, reset;
    void (*turn)(void *arg); /* one of the server's */
    void *arg;
};

static inline struct client client_connect(uint16_t port, void (*turn)(void *arg), void *arg)
{
    struct client c = {
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .turn = turn, .arg = arg};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
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
static inline void say_bytes(struct client *c, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = send(c->fd, bytes + at, len - at, MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        at += n > 0 ? (size_t)n : 0;
        if (at < len) {
            c->turn(c->arg);
        }
    }
}

static inline void say(struct client *c, const char *text)
{
    say_bytes(c, text, strlen(text));
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
static inline void until_heard(struct client *c, size_t len)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    hear(c);
    while (c->got.len < len && !is_over(c) && clock_mono_ms() < until) {
        c->turn(c->arg);
        hear(c);
    }
}

/* Turns until the client has heard this much, and checks and forgets it. */
static inline void expect(struct client *c, const char *want)
{
    size_t len = strlen(want);
    until_heard(c, len);
    if (c->got.len < len || memcmp(c->got.data, want, len) != 0) {
        fail_different(c, want);
    }
    forget(c, len);
}

static inline void expect_nothing(struct client *c)
{
    for (int i = 0; i < 5; i++) {
        c->turn(c->arg);
    }
    hear(c);
    if (c->got.len > 0 || is_over(c)) {
        fail_different(c, "(nothing)");
    }
}

/* The server closes in order, having said nothing more. */
static inline void expect_end(struct client *c)
{
    until_heard(c, SIZE_MAX);
    if (c->got.len > 0 || !c->eof) {
        fail_different(c, "(the end)");
    }
}

#endif
