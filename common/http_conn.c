#include "common/http_internal.h"

#include "common/clock.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MIN_MS = 10, TICK_MAX_MS = 1000 };

uint64_t http_now_ms(struct http_server *s)
{
    if (s->now_ms == 0) {
        s->now_ms = clock_mono_ms();
    }
    return s->now_ms;
}

/* The time a wait may take; 0: any. */
static unsigned period_ms(const struct http_server *s, enum http_wait wait)
{
    switch (wait) {
    case HTTP_WAIT_HEAD:
        return s->options.head_deadline_ms;
    case HTTP_WAIT_BODY:
        return s->options.body_deadline_ms;
    case HTTP_WAIT_IDLE:
    case HTTP_WAIT_WRITE:
        return s->options.idle_ms;
    case HTTP_WAIT_LINGER:
        return HTTP_LINGER_MS;
    case HTTP_WAIT_REPLY:
    case HTTP_WAIT_ROOM:
    case HTTP_WAIT_COUNT:
        break;
    }
    return 0;
}

/* One timer looks after all deadlines, as often as the shortest of them asks for. */
static void arm_tick(struct http_server *s)
{
    if (s->tick_armed) {
        return;
    }
    unsigned least = TICK_MAX_MS;
    for (int i = 0; i < HTTP_WAIT_COUNT; i++) {
        unsigned quarter = period_ms(s, (enum http_wait)i) / 4;
        least = quarter > 0 && quarter < least ? quarter : least;
    }
    least = least < TICK_MIN_MS ? TICK_MIN_MS : least;
    struct timeval every = {.tv_sec = least / 1000, .tv_usec = (least % 1000) * 1000};
    s->tick_armed = evtimer_add(&s->tick, &every) == 0;
}

static void unlist(struct http_conn *c)
{
    if (!c->listed) {
        return;
    }
    struct http_list *list = &c->server->lists[c->wait];
    *(c->prev == NULL ? &list->first : &c->prev->next) = c->next;
    *(c->next == NULL ? &list->last : &c->next->prev) = c->prev;
    c->listed = false;
}

void http_conn_enlist(struct http_conn *c, enum http_wait wait)
{
    struct http_server *s = c->server;
    if (c->listed && c->wait == wait && !c->renew) {
        return;
    }
    unlist(c);
    struct http_list *list = &s->lists[wait];
    c->wait = (unsigned)wait & 7U;
    c->renew = false;
    c->listed = true;
    c->deadline_ms = http_now_ms(s) + period_ms(s, wait);
    c->prev = list->last;
    c->next = NULL;
    *(list->last == NULL ? &list->first : &list->last->next) = c;
    list->last = c;
}

bool http_conn_is_blocked(const struct http_conn *c)
{
    bool is_spared = c->server->options.is_full_told && c->hold_count == 0;
    return c->out != NULL || (!is_spared && http_holds_are_full(c->server));
}

void http_conn_on_ready(struct http_conn *c, unsigned events)
{
    if ((events & EPOLLOUT) != 0 && c->out != NULL && http_output_write(c) && c->in != NULL) {
        http_input_serve(c, c->in);
    }
    if ((events & EPOLLIN) != 0) {
        http_input_read(c);
    }
    if (!c->touched) {
        http_conn_settle(c);
    }
}

static void set_events(struct http_conn *c, unsigned events)
{
    if (!http_poll_set(c, events)) {
        c->broken = true;
    }
}

void http_conn_open(struct http_server *s, int fd, const union http_peer *peer)
{
    struct http_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd); /* nothing was written to it */
        return;
    }
    c->server = s;
    c->peer = *peer;
    c->fd = fd;
    if (!http_poll_set(c, EPOLLIN)) {
        (void)close(fd); /* as above */
        free(c);
        return;
    }
    s->conn_count++;
    metric_add(&s->connections, 1);
    metric_add(s->accepted, 1);
    http_conn_enlist(c, s->draining ? HTTP_WAIT_HEAD : HTTP_WAIT_IDLE);
    arm_tick(s);
}

void http_conn_free_if_done(struct http_conn *c)
{
    if (c->closed && c->hold_count == 0 && !c->touched) {
        free(c);
    }
}

void http_conn_close(struct http_conn *c)
{
    struct http_server *s = c->server;
    (void)http_poll_set(c, 0); /* what was there can be taken away */
    (void)close(c->fd);        /* a socket: no error of it matters any more */
    unlist(c);
    http_input_free(c);
    http_output_free(c);
    c->first_run = c->last_run = 0;
    c->closed = true;
    s->conn_count--;
    metric_add(&s->connections, UINT64_MAX); /* less one */
    if (s->conn_count == 0 && s->tick_armed) {
        (void)evtimer_del(&s->tick); /* it was assigned */
        s->tick_armed = false;
    }
    http_conn_free_if_done(c);
    http_listeners_resume(s);
}

/* All that had to be sent is sent. */
static void finish(struct http_conn *c)
{
    if (c->eof || !c->linger || shutdown(c->fd, SHUT_WR) != 0) {
        http_conn_close(c);
        return;
    }
    /* A close with bytes unread is a reset, which takes the reply from a client that still sends.
     */
    c->lingering = true;
    http_input_free(c);
    http_conn_enlist(c, HTTP_WAIT_LINGER);
    set_events(c, EPOLLIN);
}

static enum http_wait wait_of(const struct http_conn *c)
{
    if (c->out != NULL) {
        return HTTP_WAIT_WRITE;
    }
    if (c->more || (!c->eof && !c->input_over && http_conn_is_blocked(c))) {
        return HTTP_WAIT_ROOM;
    }
    if (c->in != NULL) {
        return c->in->head_len > 0 ? HTTP_WAIT_BODY : HTTP_WAIT_HEAD;
    }
    if (c->hold_count > 0) {
        return HTTP_WAIT_REPLY;
    }
    return HTTP_WAIT_IDLE;
}

static unsigned events_of(const struct http_conn *c, enum http_wait wait)
{
    if (wait == HTTP_WAIT_WRITE) {
        return EPOLLOUT;
    }
    return c->eof || c->input_over || wait == HTTP_WAIT_ROOM ? 0 : EPOLLIN;
}

/* Has it sent something that is yet to be read? */
static bool has_unread(struct http_conn *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* While draining nobody idles: who had an answer goes, unless it has just asked again. */
static void settle_idle(struct http_conn *c)
{
    if (c->server->draining && c->served_any && !has_unread(c)) {
        http_conn_close(c);
        return;
    }
    http_conn_enlist(c, c->server->draining ? HTTP_WAIT_HEAD : HTTP_WAIT_IDLE);
    set_events(c, EPOLLIN);
    if (c->broken) {
        http_conn_close(c);
    }
}

/* Decides what the connection waits for next, or that it is over. */
void http_conn_settle(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->lingering && !c->broken) {
        http_conn_enlist(c, HTTP_WAIT_LINGER);
        return;
    }
    bool has_output = c->out != NULL || c->first_run != 0;
    if (c->broken || (c->eof && !has_output && c->hold_count == 0 && !c->more)) {
        http_conn_close(c);
        return;
    }
    if (c->output_over && !has_output) {
        finish(c);
        return;
    }
    if (c->eof && !c->more) {
        http_input_free(c); /* the part of a request that will not become one */
    }
    enum http_wait wait = wait_of(c);
    if (wait == HTTP_WAIT_IDLE) {
        settle_idle(c);
        return;
    }
    http_conn_enlist(c, wait);
    set_events(c, events_of(c, wait));
    if (c->broken) {
        http_conn_close(c);
    } else if (wait == HTTP_WAIT_ROOM && !http_conn_is_blocked(c)) {
        event_active(&s->room, EV_TIMEOUT, 0);
    }
}

/* A connection's time is up. */
static void expire(struct http_conn *c, enum http_wait wait)
{
    if (c->touched) {
        c->renew = true; /* something came in the last moment; the flush will look at it */
        http_conn_enlist(c, wait);
        return;
    }
    if ((wait == HTTP_WAIT_HEAD || wait == HTTP_WAIT_BODY) && c->in != NULL) {
        http_reject(c, c->in, 408);
        http_input_free(c);
        http_conn_enlist(c, HTTP_WAIT_REPLY);
        if (!c->touched) {
            http_conn_settle(c);
        }
        return;
    }
    http_conn_close(c);
}

void http_on_tick(int fd, short what, void *arg)
{
    struct http_server *s = arg;
    (void)fd;
    (void)what; /* a timer has neither */
    s->now_ms = 0;
    uint64_t now = http_now_ms(s);
    for (int i = 0; i < HTTP_WAIT_COUNT; i++) {
        enum http_wait wait = (enum http_wait)i;
        if (period_ms(s, wait) == 0) {
            continue;
        }
        while (s->lists[i].first != NULL && s->lists[i].first->deadline_ms <= now) {
            expire(s->lists[i].first, wait);
        }
    }
}

/* Serves those that waited for room, each once, as long as there is any for them. */
void http_on_room(int fd, short what, void *arg)
{
    struct http_server *s = arg;
    (void)fd;
    (void)what; /* it is made active by hand */
    const struct http_conn *last = s->lists[HTTP_WAIT_ROOM].last;
    struct http_conn *next = s->lists[HTTP_WAIT_ROOM].first;
    bool is_over = next == NULL;
    while (!is_over && (s->options.is_full_told || !http_holds_are_full(s))) {
        struct http_conn *c = next;
        next = c->next; /* nothing that is done with c takes another off the list */
        is_over = c == last;
        if (http_conn_is_blocked(c)) {
            continue;
        }
        c->renew = true;
        if (c->in != NULL) {
            http_input_serve(c, c->in);
        }
        if (c->touched) {
            http_conn_enlist(c, HTTP_WAIT_REPLY);
        } else {
            http_conn_settle(c);
        }
    }
}
