#include "tests/load/connection.h"

#include "common/buffer.h"
#include "common/clock.h"
#include "tests/load/reply.h"

#include <event2/event.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024, REPLY_SIZE_MAX = 1024 * 1024, RETRY_US = 100 * 1000 };

enum state { STATE_CLOSED, STATE_CONNECTING, STATE_OPEN, STATE_ENDED };

struct connection {
    const struct connection_setup *setup;
    enum state state;
    int fd;
    struct event *on_read, *on_write, *on_time;
    struct buffer out, in, joined;
    uint64_t next;         /* the report that is sent next */
    uint64_t replies_here; /* since it was opened */
    struct session session;
    size_t first, count; /* of the ring */
    struct sent ring[];  /* options->pipeline of them, in the order sent */
};

void connection_report_id(const struct load_options *o, uint64_t n, char out[SENT_ID_SIZE])
{
    (void)snprintf(out, SENT_ID_SIZE, "l%llu-%llu", (unsigned long long)o->seed,
                   (unsigned long long)n);
}

/* ---- Opening, closing ---- */

static void arm(struct connection *c, uint64_t after_us)
{
    const struct timeval wait = {(time_t)(after_us / 1000000), (suseconds_t)(after_us % 1000000)};
    (void)event_add(c->on_time, &wait); /* fails only when memory is out */
}

static void drop_socket(struct connection *c)
{
    if (c->on_read != NULL) {
        event_free(c->on_read);
        c->on_read = NULL;
    }
    if (c->on_write != NULL) {
        event_free(c->on_write);
        c->on_write = NULL;
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
        c->fd = -1;
    }
    buffer_reset(&c->in);
    buffer_reset(&c->out);
    (void)event_del(c->on_time);
    c->state = STATE_CLOSED;
}

static void settle(struct connection *c, enum verdict verdict, struct slice reply)
{
    const struct sent s = c->ring[c->first];
    c->first = (c->first + 1) % c->setup->options->pipeline;
    c->count--;
    c->setup->on_settled(&s, verdict, reply, c->setup->arg);
}

static void settle_all_unknown(struct connection *c)
{
    while (c->count > 0) {
        settle(c, VERDICT_UNKNOWN, slice_make(NULL, 0));
    }
}

static bool has_sent_all(const struct connection *c)
{
    return c->next >= c->setup->reports;
}

static void end(struct connection *c)
{
    drop_socket(c);
    c->state = STATE_ENDED;
    c->setup->on_ended(c->setup->arg);
}

/* The connection is gone, for whatever reason: what is on its way is unknown for ever. */
static void lose(struct connection *c, const char *why)
{
    bool was_idle = c->state == STATE_OPEN && c->count == 0 && c->replies_here > 0;
    drop_socket(c);
    settle_all_unknown(c);
    if (has_sent_all(c)) {
        end(c);
    } else if (was_idle) {
        connection_open(c); /* servers close what they have answered and then seen idle */
    } else if (c->setup->options->reconnect) {
        arm(c, RETRY_US);
    } else {
        c->setup->on_failed(why, c->setup->arg);
    }
}

/* ---- Sending ---- */

static void flush(struct connection *c)
{
    while (c->out.len > 0) {
        ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                (void)event_add(c->on_write, NULL);
            } else {
                lose(c, strerror(errno));
            }
            return;
        }
        buffer_consume(&c->out, (size_t)sent);
    }
}

static uint64_t due_us(const struct connection *c)
{
    double rate = c->setup->options->rate;
    return rate > 0 ? c->setup->start_us + (uint64_t)((double)c->next * 1e6 / rate) : 0;
}

static void push(struct connection *c, uint64_t since_us)
{
    const struct load_options *o = c->setup->options;
    struct sent *s = &c->ring[(c->first + c->count) % o->pipeline];
    struct load_report r;
    char report_id[SENT_ID_SIZE];
    session_next(&c->session, &o->plan, &r);
    connection_report_id(o, c->next, report_id);
    *s = (struct sent){.n = c->next,
                       .photo_id = r.session->photo_id,
                       .source = r.session->source,
                       .event = r.event,
                       .since_us = since_us};
    request_write(&c->out, &r, o->target, report_id, &s->wanted);
    c->count++;
    c->next += o->connections;
}

/* Sends what is due and there is room for; else sees to it that it is called again, or ends. */
static void pump(struct connection *c)
{
    while (c->count < c->setup->options->pipeline && !has_sent_all(c)) {
        uint64_t now_us = clock_mono_us(), due = due_us(c);
        if (due > now_us) {
            arm(c, due - now_us);
            break;
        }
        push(c, due > 0 ? due : now_us);
    }
    if (buffer_failed(&c->out)) {
        lose(c, "out of memory");
    } else if (c->count == 0 && has_sent_all(c)) {
        end(c);
    } else {
        flush(c);
    }
}

/* ---- Receiving ---- */

/* Settles the oldest report by the reply that `in` starts with. False when there is no whole one.
 */
static bool take_reply(struct connection *c)
{
    struct reply reply;
    struct slice bytes = buffer_slice(&c->in);
    if (bytes.len == 0) {
        return false;
    }
    enum reply_result result = reply_parse(bytes, &c->joined, &reply);
    if (result == REPLY_NEED_MORE && bytes.len <= REPLY_SIZE_MAX) {
        return false;
    }
    if (result != REPLY_WHOLE || c->count == 0) {
        if (c->count > 0) {
            settle(c, VERDICT_REFUSED, bytes);
        }
        lose(c, "a reply that is none");
        return false;
    }
    bool is_ok = reply_is_ok(&reply, &c->ring[c->first].wanted);
    c->replies_here++;
    settle(c, is_ok ? VERDICT_ACKED : VERDICT_REFUSED, slice_make(bytes.data, reply.len));
    buffer_consume(&c->in, reply.len);
    if (reply.closes) {
        lose(c, "the server closed the connection");
        return false;
    }
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct connection *c = arg;
    if (!buffer_reserve(&c->in, READ_SIZE)) {
        lose(c, "out of memory");
        return;
    }
    ssize_t len = recv(fd, c->in.data + c->in.len, READ_SIZE, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (len <= 0) {
        lose(c, len == 0 ? "the server closed the connection" : strerror(errno));
        return;
    }
    c->in.len += (size_t)len;
    while (take_reply(c)) {
    }
    if (c->state == STATE_OPEN) {
        pump(c);
    }
}

/* ---- Events ---- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct connection *c = arg;
    if (c->state == STATE_OPEN) {
        flush(c);
        return;
    }
    int failure = 0;
    socklen_t len = sizeof failure;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0 || failure != 0) {
        lose(c, strerror(failure));
        return;
    }
    c->state = STATE_OPEN;
    c->replies_here = 0;
    if (event_add(c->on_read, NULL) != 0) {
        lose(c, "out of memory");
        return;
    }
    pump(c);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct connection *c = arg;
    if (c->state == STATE_CLOSED) {
        connection_open(c);
    } else if (c->state == STATE_OPEN) {
        pump(c);
    }
}

static int start_connect(struct connection *c)
{
    const struct connection_setup *setup = c->setup;
    const int on = 1;
    c->fd = socket(setup->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return -errno;
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without, no more */
    c->on_read = event_new(setup->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    c->on_write = event_new(setup->base, c->fd, EV_WRITE, on_writable, c);
    if (c->on_read == NULL || c->on_write == NULL || event_add(c->on_write, NULL) != 0) {
        return -ENOMEM;
    }
    c->state = STATE_CONNECTING;
    const struct sockaddr *address = (const struct sockaddr *)&setup->address;
    return connect(c->fd, address, setup->address_len) == 0 || errno == EINPROGRESS ? 0 : -errno;
}

void connection_open(struct connection *c)
{
    int result = start_connect(c);
    if (result != 0) {
        lose(c, strerror(-result));
    }
}

void connection_finish(struct connection *c)
{
    if (c->state != STATE_ENDED && c->count == 0) {
        end(c);
    }
}

void connection_abandon(struct connection *c)
{
    if (c->state != STATE_ENDED) {
        drop_socket(c);
        c->state = STATE_ENDED;
        settle_all_unknown(c);
    }
}

struct connection *connection_new(const struct connection_setup *setup, uint64_t index)
{
    size_t ring_size = (size_t)setup->options->pipeline * sizeof(struct sent);
    struct connection *c = calloc(1, sizeof *c + ring_size);
    if (c == NULL) {
        return NULL;
    }
    c->setup = setup;
    c->fd = -1;
    c->next = index;
    buffer_init(&c->out);
    buffer_init(&c->in);
    buffer_init(&c->joined);
    session_init(&c->session, setup->options->seed, index);
    c->on_time = evtimer_new(setup->base, on_due, c);
    if (c->on_time == NULL) {
        connection_free(c);
        return NULL;
    }
    return c;
}

void connection_free(struct connection *c)
{
    if (c == NULL) {
        return;
    }
    if (c->on_time != NULL) {
        drop_socket(c);
        event_free(c->on_time);
    }
    buffer_fini(&c->out);
    buffer_fini(&c->in);
    buffer_fini(&c->joined);
    free(c);
}
