/* What the files of the HTTP server share. */
#ifndef COMMON_HTTP_INTERNAL_H
#define COMMON_HTTP_INTERNAL_H

#include "common/http_server.h"
#include "common/metrics.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <netinet/in.h>
#include <sys/epoll.h>

enum {
    HTTP_READY_MAX = 1024, /* connections looked after in a turn; the others are next */
    HTTP_SERVED_MAX = 32,  /* requests of one connection in a turn: then others have theirs */
    HTTP_READ_SIZE = 64 * 1024,
    HTTP_OUT_HIGH = 256 * 1024,   /* of a turn's output: then it is sent before its end */
    HTTP_LINGER_MS = 2000,        /* renewed by each ... */
    HTTP_LINGER_STEP = 64 * 1024, /* ... of these bytes */
    HTTP_LINGER_BYTES_MAX = 64 * 1024 * 1024,
    HTTP_DATE_LEN = 29,
    HTTP_REJECT_KINDS = 9
};

/* What a connection waits for; each is a list in the order of its deadlines. */
enum http_wait {
    HTTP_WAIT_HEAD,
    HTTP_WAIT_BODY,
    HTTP_WAIT_IDLE,
    HTTP_WAIT_WRITE,
    HTTP_WAIT_LINGER,
    HTTP_WAIT_REPLY, /* these two have no deadline: they wait for us */
    HTTP_WAIT_ROOM,
    HTTP_WAIT_COUNT
};

/* A request that is not whole, and what follows it. Only a connection in that state has one. */
struct http_input {
    struct buffer bytes;
    size_t counted;  /* of them, by http_keep() */
    size_t start;    /* of the request; offsets below count from here */
    size_t searched; /* no head ends before this */
    size_t parsed;   /* bytes there were when the parser last asked for more */
    size_t head_len; /* 0 until the head is whole */
    size_t body_len; /* of a chunked body: decoded bytes, right after the head */
    bool chunked;
    uint64_t content_length;
    struct http_chunks chunks;
};

/* What the socket did not take, and a file that follows. Only a connection with a slow reader, or
 * one that is sent a file, has one. */
struct http_output {
    struct buffer bytes;
    size_t counted; /* of them, by http_keep() */
    size_t sent;
    int file; /* -1 = none */
    off_t file_at;
    uint64_t file_left;
};

union http_peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct http_conn {
    struct http_server *server;
    struct http_conn *prev, *next; /* in the list of `wait` */
    struct http_conn *next_touched;
    struct http_input *in;
    struct http_output *out;
    uint64_t deadline_ms;
    uint32_t hold_count;
    uint32_t first_run, last_run; /* in the server's runs, from 1; 0: none */
    uint32_t lingered_bytes;
    union http_peer peer;
    int fd;
    unsigned wait : 3;
    unsigned events : 3;  /* EPOLLIN, EPOLLOUT, as registered */
    unsigned touched : 1; /* in the list of those to flush */
    unsigned listed : 1;
    unsigned renew : 1; /* what it waits for is something new */
    unsigned served_any : 1;
    unsigned input_over : 1;  /* nothing further is served */
    unsigned output_over : 1; /* nothing further is sent after what there is */
    unsigned eof : 1;         /* the client has closed its half */
    unsigned more : 1;        /* input stopped with bytes left, for want of room or for others */
    unsigned linger : 1;      /* the client may still be sending when we close */
    unsigned lingering : 1;
    unsigned broken : 1;
    unsigned closed : 1;      /* its memory waits for holds or the flush */
    unsigned answered : 1;    /* the request being served: has its reply or hold */
    unsigned reply_flags : 4; /* the request being served: enum http_reply_flag */
};

enum http_reply_flag {
    HTTP_REPLY_HEAD = 1U << 0,       /* no body goes out */
    HTTP_REPLY_KEEP_ALIVE = 1U << 1, /* to be said, for HTTP/1.0 */
    HTTP_REPLY_CLOSE = 1U << 2,
    HTTP_REPLY_READY = 1U << 3 /* in a hold: the bytes are the reply; released: it goes out now */
};

/* A hold in the queue; len bytes follow, padded to 8. */
struct http_hold_head {
    struct http_conn *conn;
    uint64_t ticket;
    uint32_t len;
    uint32_t flags;
};

struct http_holds {
    char *data;
    size_t head, tail, capacity;
    uint64_t last_ticket;
};

/* The sockets of all connections; libevent watches the set. */
struct http_poll {
    int fd; /* of epoll; -1: none */
    struct event event;
    struct epoll_event ready[HTTP_READY_MAX];
    int at, count; /* of those ready */
};

/* A stretch of a turn's output that belongs to one connection. */
struct http_run {
    size_t at, len;
    uint32_t next;
};

struct http_list {
    struct http_conn *first, *last;
};

struct http_listener {
    struct event event;
    struct http_server *server;
    struct http_listener *next;
    uint16_t port;
};

struct http_server {
    struct event_base *base;
    struct http_server_options options;
    struct http_handler handler;
    struct http_listener *listeners;
    struct event accept_timer, tick, room;
    bool accept_paused, tick_armed, draining;
    unsigned conn_count, conn_max;
    uint64_t now_ms;               /* 0: to be read in this turn */
    struct http_crew *crew, alone; /* crew is alone when there are no others */
    struct http_poll poll;
    size_t kept_bytes; /* of all inputs and outputs */
    struct http_list lists[HTTP_WAIT_COUNT];
    struct http_list touched; /* by next_touched */
    struct http_holds holds;
    struct http_input shared; /* what a read brought, when nothing is left over */
    struct http_request request;
    struct buffer out; /* a turn's replies, cut into runs */
    struct http_run *runs;
    size_t run_count, run_capacity;
    time_t date_at;
    char date[HTTP_DATE_LEN + 1];
    struct metric *requests, *accepted, *rejected[HTTP_REJECT_KINDS];
    struct metric connections;
    struct metric unseen; /* stands for all counters when there are no metrics */
    char *labels[HTTP_REJECT_KINDS + 1];
};

/* http_listener.c */
void http_listeners_resume(struct http_server *s);
void http_listeners_close(struct http_server *s);
void http_accept_waiting(struct http_server *s);
void http_on_accept_timer(int fd, short what, void *arg);

/* http_conn.c: connections, what they wait for, and their end */
void http_conn_open(struct http_server *s, int fd, const union http_peer *peer);
void http_conn_close(struct http_conn *c);
void http_conn_free_if_done(struct http_conn *c);
void http_conn_settle(struct http_conn *c);
void http_conn_enlist(struct http_conn *c, enum http_wait wait);
bool http_conn_is_blocked(const struct http_conn *c);
uint64_t http_now_ms(struct http_server *s);
void http_on_tick(int fd, short what, void *arg);
void http_on_room(int fd, short what, void *arg);
void http_conn_on_ready(struct http_conn *c, unsigned events);

/* http_kept.c: memory of requests that are not whole and replies that are not taken */
bool http_keep(struct http_server *s, size_t *counted, size_t len);

/* http_poll.c: which connections are ready */
int http_poll_open(struct http_server *s);
void http_poll_close(struct http_server *s);
bool http_poll_set(struct http_conn *c, unsigned events);

/* http_input.c: bytes to requests */
void http_input_read(struct http_conn *c);
void http_input_serve(struct http_conn *c, struct http_input *in);
void http_input_free(struct http_conn *c);
void http_reject(struct http_conn *c, const struct http_input *in, int status);

/* http_output.c: replies to bytes, and those to the sockets */
void http_output_reply(struct http_conn *c, const struct http_reply *reply, unsigned flags);
void http_output_bytes(struct http_conn *c, struct slice bytes, unsigned flags);
void http_output_send(struct http_server *s);
bool http_output_write(struct http_conn *c);
void http_output_free(struct http_conn *c);

/* http_hold.c: the queue of held replies */
bool http_holds_push(struct http_conn *c, uint64_t ticket, struct slice blob, unsigned flags);
void http_holds_drop(struct http_server *s);
static inline bool http_holds_are_full(const struct http_server *s)
{
    return s->holds.tail - s->holds.head >= s->options.held_max;
}

/* http_metrics.c */
int http_metrics_register(struct http_server *s, struct metrics *m);
void http_count_reject(struct http_server *s, int status);

#endif
