#include "common/http_internal.h"

#include <errno.h>
#include <unistd.h>

/*
 * libevent (2.1) keeps a record of every descriptor it was ever asked to watch. They lie among the
 * connections that were opened with them, so that after a crowd has gone none of its memory could
 * be given back, and they never end. So it watches one descriptor only: the epoll set of all
 * sockets.
 */
static void on_ready(int fd, short what, void *arg)
{
    struct http_server *s = arg;
    struct http_poll *p = &s->poll;
    (void)what; /* it waits for one thing only */
    p->count = epoll_wait(fd, p->ready, HTTP_READY_MAX, 0);
    for (p->at = 0; p->at < p->count; p->at++) {
        struct http_conn *c = p->ready[p->at].data.ptr;
        unsigned events = p->ready[p->at].events;
        if (c == NULL) {
            continue;
        }
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
            events |= EPOLLIN | EPOLLOUT; /* the next call will say what it is */
        }
        http_conn_on_ready(c, events & c->events);
    }
    p->count = 0;
}

/* Those behind the one being looked after may be closed by then. */
static void forget_ready(struct http_poll *p, const struct http_conn *c)
{
    for (int i = p->at + 1; i < p->count; i++) {
        if (p->ready[i].data.ptr == c) {
            p->ready[i].data.ptr = NULL;
            return;
        }
    }
}

/* Has c's socket watched for events, 0: not at all. False when the system has no memory for it. */
bool http_poll_set(struct http_conn *c, unsigned events)
{
    struct http_poll *p = &c->server->poll;
    if (c->events == events) {
        return true;
    }
    int how = c->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    c->events = events & 7U;
    if (how == EPOLL_CTL_DEL) {
        forget_ready(p, c);
    }
    struct epoll_event wanted = {.events = events, .data.ptr = c};
    return epoll_ctl(p->fd, how, c->fd, &wanted) == 0;
}

/* Returns 0 or -errno. */
int http_poll_open(struct http_server *s)
{
    struct http_poll *p = &s->poll;
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->fd < 0) {
        return -errno;
    }
    if (event_assign(&p->event, s->base, p->fd, EV_READ | EV_PERSIST, on_ready, s) != 0 ||
        event_add(&p->event, NULL) != 0) {
        (void)close(p->fd); /* nothing is in it yet */
        p->fd = -1;
        return -ENOMEM;
    }
    return 0;
}

/* Before the base goes, after all connections. */
void http_poll_close(struct http_server *s)
{
    if (s->poll.fd >= 0) {
        (void)event_del(&s->poll.event); /* it was assigned */
        (void)close(s->poll.fd);         /* it holds nothing any more */
        s->poll.fd = -1;
    }
}
