/*
 * Connections, deadlines, limits and replies in order, on one libevent loop. Serves the reports of
 * ingest, the consumer's API and the admin pages alike. All functions belong to the loop's thread.
 *
 * A turn is one pass over the ready connections, for ever:
 *     event_base_loop(base, EVLOOP_ONCE); <make the turn durable>; http_server_flush(s);
 *
 * Each request is either answered at once with http_reply(), or held with http_hold() under a
 * ticket until http_server_release() says what became of it. Replies leave a connection in the
 * order of its requests, whichever way they were made; those of a turn leave with one send().
 */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include "common/buffer.h"
#include "common/error.h"
#include "common/http_parser.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;
struct http_server;
struct http_conn;
struct metrics;

struct http_reply {
    int status;
    const char *content_type; /* NULL: no body and no such header */
    struct slice headers;     /* further header lines, each with CRLF; may be absent */
    struct slice body;        /* copied before the call returns */
    bool close;               /* close after this reply */
};

/*
 * on_request: called once per request; must call http_reply() or http_hold() exactly once before it
 * returns. req and its slices die when it returns. A method that is HTTP_OTHER_METHOD comes without
 * its body, and the connection closes after the answer.
 *
 * on_release: renders a held reply: held are the bytes given to http_hold() (aligned to 8), outcome
 * what was given to http_server_release(). What *out points to must live until the next call.
 *
 * on_reject: the server itself answers broken HTTP (400, 408, 413, ...); fills in what stands
 * beside the status. Of req only known[] counts: the header lines that came before the fault. May
 * be NULL: a short text/plain line then.
 *
 * on_expect: judges a head whose client waits for 100 Continue before it sends the body: 0 to have
 * the body, or the status to refuse it with (by way of on_reject). May be NULL: 0 then.
 */
struct http_handler {
    void (*on_request)(struct http_conn *c, const struct http_request *req, void *arg);
    void (*on_release)(const void *held, size_t len, int outcome, struct http_reply *out,
                       void *arg);
    void (*on_reject)(int status, const struct http_request *req, struct http_reply *out,
                      void *arg);
    int (*on_expect)(const struct http_request *req, void *arg);
    void *arg;
};

/*
 * What the servers of one port have in common, each on a loop and thread of its own: the files that
 * the process may open, and the log line that says they are used up. Outlives them.
 */
struct http_crew {
    unsigned server_count;
    _Atomic uint64_t logged_at_ms; /* starts as 0 */
};

/*
 * A deadline of 0 is none. A client that does not take its replies goes after idle_ms too. Past
 * kept_max (0: no such limit) who has more than its share of it has its request refused with 503,
 * or is closed when it does not take its replies.
 */
struct http_server_options {
    struct http_limits limits;
    unsigned head_deadline_ms; /* from the first byte of a request to the end of its head */
    unsigned body_deadline_ms; /* from the end of the head to the end of the body */
    unsigned idle_ms;          /* between requests */
    unsigned connections_max;  /* past it accepting pauses; 0 = by the file limit less a reserve */
    struct http_crew *crew;    /* NULL = no other server has this port */
    size_t kept_max;           /* bytes of requests not whole and replies not taken: see above */
    size_t held_max;           /* bytes of held replies; past it requests wait unread ... */
    bool is_full_told;         /* ... but for connections that wait for nothing: http_may_hold() */
    const char *name;          /* in log lines and metric labels: "report", "admin", "api" */
};

/* The defaults of the contract's table of limits. */
struct http_server_options http_server_defaults(void);

/*
 * Makes a server on base; m may be NULL, and must not be rendered once the server is freed.
 * options->name is borrowed until then. Returns 0 or -errno: no memory, no descriptor.
 */
int http_server_new(struct http_server **out, struct event_base *base,
                    const struct http_server_options *options, const struct http_handler *handler,
                    struct metrics *m);

/*
 * Listens on "host:port", "[v6]:port" or "host:0" (a port the system gives), with SO_REUSEPORT if
 * asked, so that several loops share the port. Returns 0 or -errno with a sentence in *err.
 */
int http_server_listen(struct http_server *s, const char *address, bool reuse_port,
                       struct error *err);

/* The port of the first listener, 0 when there is none. */
uint16_t http_server_port(const struct http_server *s);

/*
 * Answers the request now; on a connection that has replies held, with the last of all that are
 * held when it is made.
 */
void http_reply(struct http_conn *c, const struct http_reply *reply);

/*
 * As http_reply(), with the first len bytes of the file fd as the body: sent as fast as the client
 * takes them, in constant memory. Takes fd, which is closed in the end. A file that is cut short
 * meanwhile cuts the connection. No reply may be held on the connection.
 */
void http_reply_file(struct http_conn *c, const struct http_reply *reply, int fd, uint64_t len);

/*
 * Holds the reply: copies len bytes at data; tickets must never fall within a server. When the
 * connection is gone by the time of its ticket, on_release is not called.
 */
void http_hold(struct http_conn *c, uint64_t ticket, const void *data, size_t len);

/*
 * Whether there is room for another held reply; for the handler. It is false only where
 * is_full_told has the request come all the same: then http_reply() answers it at once. A handler
 * that holds nevertheless goes past held_max by that reply.
 */
bool http_may_hold(const struct http_conn *c);

/* The peer's address, for the handler; IPv4 may come as ::ffff:a.b.c.d. */
const struct sockaddr *http_conn_peer(const struct http_conn *c);

/*
 * Renders all held replies with tickets up to and with ticket, with that outcome. Calls no
 * on_request: requests that waited for room are served by the next event_base_loop().
 */
void http_server_release(struct http_server *s, uint64_t ticket, int outcome);

/* Sends what the turn made; call at the end of each turn. */
void http_server_flush(struct http_server *s);

/* The Date header's value, formatted once a second. */
struct slice http_server_date(struct http_server *s);

/*
 * Says Connection: close from now on, closes what has had such an answer, and goes on listening and
 * serving: clients have the time to go elsewhere before http_server_drain().
 */
void http_server_say_close(struct http_server *s);

/*
 * Drains: takes what waits to be accepted, stops listening, closes idle connections, says
 * Connection: close from now on. Who has not yet sent a request has the head deadline to do so.
 * http_server_is_idle() is true when no connection is left.
 */
void http_server_drain(struct http_server *s);
bool http_server_is_idle(const struct http_server *s);

/* The version of the libevent that runs, as it names itself. Any thread. */
const char *http_server_library(void);

/* Closes everything and frees s. NULL is a no-op. */
void http_server_free(struct http_server *s);

#endif
