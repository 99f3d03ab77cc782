/* What the files of consumer/api.h share. */
#ifndef CONSUMER_API_INTERNAL_H
#define CONSUMER_API_INTERNAL_H

#include "common/http_server.h"
#include "consumer/api.h"
#include "consumer/api_access.h"
#include "consumer/ask.h"
#include "consumer/extract.h"

#include <pthread.h>

enum { API_PARAMS_MAX = 32 };

struct event;

/* Settings on their way to the thread; owned by whoever holds it. */
struct api_change {
    char *tokens, *keys;
    struct sites *sites;
};

struct api {
    struct api_options o;
    struct event_base *base;
    struct http_server *server;
    struct event *wake;
    int wake_fd;
    struct ask ask;
    struct api_access *access;
    const struct sites *sites; /* those of the options, or own_sites */
    struct sites *own_sites;
    _Atomic(struct api_change *) change; /* to be taken by the thread; NULL = none */
    struct site_zones_slot fresh_zones;
    struct buffer body, scratch;
    struct ask_answer answer; /* to a query */
    struct query query;       /* large, as is the next: not on the stack of the loop */
    struct extract extract;
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

/* Header lines that go with every answer. */
#define API_HEADERS "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

/* Answers any request: the server's on_request. */
void api_on_request(struct http_conn *c, const struct http_request *req, void *arg);

/* Sends what stands in a's body. */
void api_send(struct api *a, struct http_conn *c, int status, const char *type,
              const char *headers);

/* Sends what stands in a's answer, with the header lines of a's scratch. */
void api_send_answer(struct api *a, struct http_conn *c, const char *type);

/* Takes over settings that came since. */
void api_follow(struct api *a);

/* Answers a request under /api/ (analytics, "the 23-compatible read side"). */
void api_extract(struct api *a, struct http_conn *c, const struct http_request *req);

#endif
