#include "common/http_internal.h"

#include "common/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    ACCEPT_PAUSE_MS = 250,
    BACKLOG = 4096, /* the system's own limit cuts it */
    LOG_EVERY_MS = 1000,
    HOST_SIZE = 256
};

static void log_pause(struct http_server *s, int error)
{
    uint64_t now = http_now_ms(s);
    uint64_t last = atomic_load(&s->crew->logged_at_ms);
    if ((last != 0 && now < last + LOG_EVERY_MS) ||
        !atomic_compare_exchange_strong(&s->crew->logged_at_ms, &last, now)) {
        return;
    }
    LOG_WARN("http_accept_paused", log_text("server", s->options.name),
             log_uint("connections", s->conn_count),
             log_text("err", error == 0 ? "connections_max reached" : strerror(error)));
}

/* error 0: until a connection closes; else also until the timer, as others may hold the files. */
static void pause_accept(struct http_server *s, int error)
{
    for (struct http_listener *l = s->listeners; l != NULL; l = l->next) {
        (void)event_del(&l->event); /* it was assigned */
    }
    s->accept_paused = true;
    log_pause(s, error);
    if (error != 0) {
        struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
        (void)evtimer_add(&s->accept_timer, &pause); /* failed: the next close resumes */
    }
}

void http_listeners_resume(struct http_server *s)
{
    if (!s->accept_paused || s->conn_count >= s->conn_max) {
        return;
    }
    s->accept_paused = false;
    for (struct http_listener *l = s->listeners; l != NULL; l = l->next) {
        if (event_add(&l->event, NULL) != 0) {
            pause_accept(s, ENOMEM);
            return;
        }
    }
}

void http_on_accept_timer(int fd, short what, void *arg)
{
    (void)fd;
    (void)what; /* a timer has neither */
    http_listeners_resume(arg);
}

/* Accepts one connection. Returns 1, 0 when none waits, or -errno when none can be taken. */
static int accept_one(struct http_listener *l)
{
    union http_peer peer = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof peer;
    int fd = accept4(event_get_fd(&l->event), &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        http_conn_open(l->server, fd, &peer);
        return 1;
    }
    switch (errno) {
    case EAGAIN:
        return 0;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return -errno;
    default:
        return 1; /* that one is gone; the next may be well */
    }
}

static void accept_some(struct http_listener *l, int most)
{
    struct http_server *s = l->server;
    for (int i = 0; i < most; i++) {
        int r = s->conn_count >= s->conn_max ? -EDQUOT : accept_one(l);
        if (r == 0) {
            return;
        }
        if (r < 0) {
            pause_accept(s, r == -EDQUOT ? 0 : -r);
            return;
        }
    }
}

static void on_acceptable(int fd, short what, void *arg)
{
    (void)fd;
    (void)what; /* the event knows the one and waits for the other only */
    accept_some(arg, ACCEPTS_PER_TURN);
}

void http_accept_waiting(struct http_server *s)
{
    for (struct http_listener *l = s->listeners; l != NULL; l = l->next) {
        accept_some(l, BACKLOG);
    }
}

void http_listeners_close(struct http_server *s)
{
    (void)evtimer_del(&s->accept_timer); /* it was assigned */
    s->accept_paused = false;
    struct http_listener *next = NULL;
    for (struct http_listener *l = s->listeners; l != NULL; l = next) {
        next = l->next;
        (void)event_del(&l->event);           /* it was assigned */
        (void)close(event_get_fd(&l->event)); /* a listening socket has nothing to lose */
        free(l);
    }
    s->listeners = NULL;
}

/* The resolver would take a port past this for another, without a word. */
static bool is_port(const char *text)
{
    enum { DIGITS_MAX = 5 };
    size_t len = strspn(text, "0123456789");
    return len > 0 && len <= DIGITS_MAX && text[len] == '\0' &&
           strtoul(text, NULL, 10) <= UINT16_MAX;
}

/* Splits "host:port" and "[v6]:port". Returns the port, NULL when it is neither. */
static const char *split_address(const char *address, char host[HOST_SIZE])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || !is_port(colon + 1)) {
        return NULL;
    }
    size_t len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len) != NULL) {
        return NULL;
    }
    if (len == 0 || len >= HOST_SIZE) {
        return NULL;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    return colon + 1;
}

static int set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

/* Returns a listening socket or -errno. TCP_NODELAY passes to the connections it accepts. */
static int open_socket(const struct addrinfo *ai, bool reuse_port)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (r == 0 && reuse_port) {
        r = set_option(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    if (r == 0) {
        r = set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    }
    if (r == 0 && (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)) {
        r = -errno;
    }
    if (r < 0) {
        (void)close(fd); /* nothing came of it */
        return r;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    union http_peer own = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof own;
    if (getsockname(fd, &own.any, &len) < 0) {
        return 0;
    }
    return ntohs(own.any.sa_family == AF_INET6 ? own.v6.sin6_port : own.v4.sin_port);
}

/* Takes fd. */
static int add_listener(struct http_server *s, int fd)
{
    struct http_listener *l = calloc(1, sizeof *l);
    if (l == NULL) {
        (void)close(fd); /* nothing came of it */
        return -ENOMEM;
    }
    l->server = s;
    l->port = port_of(fd);
    if (event_assign(&l->event, s->base, fd, EV_READ | EV_PERSIST, on_acceptable, l) != 0 ||
        event_add(&l->event, NULL) != 0) {
        (void)close(fd); /* as above */
        free(l);
        return -ENOMEM;
    }
    struct http_listener **end = &s->listeners;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = l;
    return 0;
}

int http_server_listen(struct http_server *s, const char *address, bool reuse_port,
                       struct error *err)
{
    char host[HOST_SIZE];
    const char *port = split_address(address, host);
    if (port == NULL) {
        error_set(err, "cannot listen on \"%s\": not host:port or [v6]:port", address);
        return -EINVAL;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0) {
        error_set(err, "cannot listen on \"%s\": %s", address, gai_strerror(failed));
        return -EADDRNOTAVAIL;
    }
    int r = -EADDRNOTAVAIL;
    for (const struct addrinfo *ai = found; ai != NULL && r < 0; ai = ai->ai_next) {
        r = open_socket(ai, reuse_port);
    }
    freeaddrinfo(found);
    if (r >= 0) {
        r = add_listener(s, r);
    }
    if (r < 0) {
        error_set(err, "cannot listen on \"%s\": %s", address, strerror(-r));
    }
    return r;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->listeners == NULL ? 0 : s->listeners->port;
}
