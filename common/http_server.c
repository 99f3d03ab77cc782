#include "common/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

/* For the journal, Kafka, the store and the admin pages; and what each loop needs for itself. */
enum { FILES_RESERVE = 96, FILES_OF_A_LOOP = 8 };

struct http_server_options http_server_defaults(void)
{
    return (struct http_server_options){
        .limits = {.request_line_max = 16 * 1024,
                   .head_max = 32 * 1024,
                   .header_count_max = HTTP_HEADERS_MAX,
                   .body_max = 1024 * 1024},
        .head_deadline_ms = 10 * 1000,
        .body_deadline_ms = 30 * 1000,
        .idle_ms = 75 * 1000,
        .held_max = 16 * 1024 * 1024,
        .kept_max = 32 * 1024 * 1024,
        .name = "http",
    };
}

/* For one of so many servers. */
static unsigned connections_by_file_limit(unsigned server_count)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > INT32_MAX) {
        return INT32_MAX;
    }
    unsigned all = (unsigned)files.rlim_cur;
    unsigned reserve = FILES_RESERVE + FILES_OF_A_LOOP * server_count;
    unsigned left = all / 2 > reserve ? all - reserve : all / 2;
    return left > server_count ? left / server_count : 1;
}

static int assign_timers(struct http_server *s)
{
    if (evtimer_assign(&s->accept_timer, s->base, http_on_accept_timer, s) != 0 ||
        event_assign(&s->tick, s->base, -1, EV_PERSIST, http_on_tick, s) != 0 ||
        evtimer_assign(&s->room, s->base, http_on_room, s) != 0) {
        return -ENOMEM;
    }
    return 0;
}

int http_server_new(struct http_server **out, struct event_base *base,
                    const struct http_server_options *options, const struct http_handler *handler,
                    struct metrics *m)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->base = base;
    s->options = *options;
    s->handler = *handler;
    s->alone.server_count = 1;
    s->crew = options->crew != NULL ? options->crew : &s->alone;
    s->conn_max = options->connections_max > 0 ? options->connections_max
                                               : connections_by_file_limit(s->crew->server_count);
    s->poll.fd = -1;
    int r = assign_timers(s);
    if (r == 0) {
        r = http_poll_open(s);
    }
    if (r == 0) {
        r = buffer_reserve(&s->shared.bytes, HTTP_READ_SIZE) ? 0 : -ENOMEM;
    }
    if (r == 0) {
        r = http_metrics_register(s, m);
    }
    if (r < 0) {
        http_server_free(s);
        return r;
    }
    *out = s;
    return 0;
}

const struct sockaddr *http_conn_peer(const struct http_conn *c)
{
    return &c->peer.any;
}

void http_server_flush(struct http_server *s)
{
    http_output_send(s);
    while (s->touched.first != NULL) {
        struct http_conn *c = s->touched.first;
        s->touched.first = c->next_touched;
        if (c->next_touched == NULL) {
            s->touched.last = NULL;
        }
        c->touched = false;
        if (c->closed) {
            http_conn_free_if_done(c);
        } else {
            http_conn_settle(c);
        }
    }
    s->now_ms = 0;
}

void http_server_say_close(struct http_server *s)
{
    s->draining = true;
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    http_accept_waiting(s);
    http_listeners_close(s);
    struct http_conn *next = NULL;
    for (struct http_conn *c = s->lists[HTTP_WAIT_IDLE].first; c != NULL; c = next) {
        next = c->next;
        if (!c->touched) { /* of those the flush sends first what they have */
            http_conn_settle(c);
        }
    }
}

bool http_server_is_idle(const struct http_server *s)
{
    return s->conn_count == 0;
}

static void close_all(struct http_server *s)
{
    while (s->touched.first != NULL) {
        s->touched.first->touched = false; /* closed ones are freed with their holds, or below */
        struct http_conn *c = s->touched.first;
        s->touched.first = c->next_touched;
        http_conn_free_if_done(c);
    }
    for (int i = 0; i < HTTP_WAIT_COUNT; i++) {
        while (s->lists[i].first != NULL) {
            http_conn_close(s->lists[i].first);
        }
    }
    http_holds_drop(s);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    http_listeners_close(s);
    close_all(s);
    http_poll_close(s);
    (void)event_del(&s->tick); /* as the room's, it was assigned or is zeroed */
    (void)event_del(&s->room);
    buffer_fini(&s->shared.bytes);
    buffer_fini(&s->out);
    free(s->runs);
    for (int i = 0; i <= HTTP_REJECT_KINDS; i++) {
        free(s->labels[i]);
    }
    free(s);
}

const char *http_server_library(void)
{
    return event_get_version();
}
