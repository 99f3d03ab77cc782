#include "consumer/api.h"

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/params.h"
#include "consumer/access.h"
#include "consumer/api_list.h"
#include "consumer/api_report.h"
#include "consumer/api_retention.h"
#include "consumer/api_status.h"
#include "consumer/ask.h"
#include "consumer/page.h"
#include "consumer/pipeline.h"

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { API_PARAMS_MAX = 32 };

struct api {
    struct api_options o;
    struct event_base *base;
    struct http_server *server;
    struct event *wake;
    int wake_fd;
    struct ask ask;
    char *tokens;                 /* the thread's own */
    _Atomic(char *) fresh_tokens; /* to be taken by it; NULL = none */
    struct site_zones_slot fresh_zones;
    struct buffer body, scratch;
    struct ask_answer answer; /* to a query */
    struct query query;       /* large: not on the stack of the loop */
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

static void send_body(struct api *a, struct http_conn *c, int status, const char *type,
                      const char *headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = type,
        .headers = slice_of(headers),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body), /* a cut body must not be taken for a whole one */
    };
    http_reply(c, &reply);
}

static const char usual[] = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

static void send_error(struct api *a, struct http_conn *c, int status, const struct query_error *e,
                       const char *headers)
{
    buffer_reset(&a->body);
    api_report_error(&a->body, e);
    send_body(a, c, status, "application/json", headers);
}

static void send_simple(struct api *a, struct http_conn *c, int status, const char *code,
                        const char *message)
{
    struct query_error e = {.code = code};
    (void)snprintf(e.message, sizeof e.message, "%s", message);
    send_error(a, c, status, &e,
               status == 401   ? "WWW-Authenticate: Bearer\r\nCache-Control: no-store\r\n"
               : status == 503 ? "Retry-After: 5\r\nCache-Control: no-store\r\n"
                               : usual);
}

/* Returns false when there are more parameters than a query can have, or memory runs out. */
static bool read_params(struct api *a, struct slice query, struct query_param *out, size_t *count)
{
    struct params_cursor cursor;
    buffer_reset(&a->scratch);
    if (!buffer_reserve(&a->scratch, params_scratch_size(query.len) + 1)) {
        return false;
    }
    *count = 0;
    params_start(&cursor, query, a->scratch.data, a->scratch.capacity);
    struct query_param p;
    while (params_next(&cursor, &p.name, &p.value)) {
        if (*count == API_PARAMS_MAX) {
            return false;
        }
        out[(*count)++] = p;
    }
    return true;
}

/* CSV and NDJSON have no place for the cursor, so it is in the head. */
static void make_headers(struct api *a)
{
    buffer_reset(&a->scratch);
    buffer_append_text(&a->scratch, usual);
    if (a->answer.cursor.len > 0) {
        buffer_append_text(&a->scratch, "X-Next-Cursor: ");
        buffer_append_slice(&a->scratch, buffer_slice(&a->answer.cursor));
        buffer_append_text(&a->scratch, "\r\n");
    }
}

static void send_answer(struct api *a, struct http_conn *c)
{
    make_headers(a);
    struct http_reply reply = {
        .status = 200,
        .content_type = api_report_content_type(a->query.format),
        .headers = buffer_slice(&a->scratch),
        .body = buffer_slice(&a->answer.body.bytes),
    };
    uint64_t file_len = a->answer.body.file_len;
    if (a->answer.body.file < 0) {
        http_reply(c, &reply);
    } else {
        http_reply_file(c, &reply, spool_take_file(&a->answer.body), file_len);
    }
    if (a->answer.body.bytes.capacity > SPOOL_MEMORY_MAX) {
        ask_answer_fini(&a->answer); /* one long answer does not cost its memory for ever */
        ask_answer_init(&a->answer);
    }
}

/* Why there is no answer. */
static void send_failure(struct api *a, struct http_conn *c, enum store_read_result result)
{
    switch (result) {
    case STORE_READ_OK:
        break;
    case STORE_READ_TOO_LONG:
        send_simple(a, c, 503, "query_too_long",
                    "The answer took longer than 5 s. Ask for a shorter range or fewer rows.");
        break;
    case STORE_READ_STOPPED:
    case STORE_READ_FAILED:
        send_simple(a, c, 503, "store_failed", "The store could not be read just now.");
        break;
    }
}

static int64_t complete_through(const struct api *a)
{
    struct pipeline_status ps;
    pipeline_status(a->o.pipeline, &ps);
    return ps.complete_through_ms;
}

static void answer(struct api *a, struct http_conn *c)
{
    a->ask.complete_through_ms = complete_through(a);
    ask_answer_reset(&a->answer);
    enum store_read_result result = ask_report(&a->ask, &a->query, &a->answer);
    if (result == STORE_READ_OK) {
        send_answer(a, c);
    } else {
        send_failure(a, c, result);
    }
}

static void answer_retention(struct api *a, struct http_conn *c, uint64_t photo_id)
{
    int64_t changes[STORE_POINTS];
    enum store_read_result result = ask_playthrough(&a->ask, &a->query, changes);
    if (result != STORE_READ_OK) {
        send_failure(a, c, result);
        return;
    }
    buffer_reset(&a->body);
    api_retention(&a->body, photo_id, changes, complete_through(a));
    send_body(a, c, 200, "application/json", usual);
}

static void follow_tokens(struct api *a)
{
    char *fresh = atomic_exchange(&a->fresh_tokens, NULL);
    if (fresh != NULL) {
        free(a->tokens);
        a->tokens = fresh;
    }
}

static bool may_read(struct api *a, struct http_conn *c, const struct http_request *req)
{
    follow_tokens(a);
    if (access_allows(a->tokens, req->known[HTTP_HEADER_AUTHORIZATION])) {
        return true;
    }
    send_simple(a, c, 401, "permission_denied", "A bearer token of read_tokens is needed.");
    return false;
}

static void serve_status(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct pipeline_status ps;
    struct vitals_view vitals;
    if (req->query.len > 0) {
        send_simple(a, c, 400, "unknown_parameter", "/v1/status takes no parameters.");
        return;
    }
    pipeline_status(a->o.pipeline, &ps);
    pipeline_vitals(a->o.pipeline, &vitals);
    buffer_reset(&a->body);
    api_status(&a->body, &ps, &vitals, (int64_t)clock_wall_ms());
    send_body(a, c, 200, "application/json", usual);
}

static void serve_page(struct api *a, struct http_conn *c, const struct http_request *req,
                       const struct page_file *file)
{
    struct http_reply reply = page_reply(file, req, &a->scratch);
    http_reply(c, &reply);
}

static void serve_report(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct query_param params[API_PARAMS_MAX];
    struct query_error fault = {.code = ""};
    size_t count = 0;
    (void)site_zones_take(&a->fresh_zones, &a->ask.zones); /* none is usual */
    if (!read_params(a, req->query, params, &count)) {
        send_simple(a, c, 400, "too_many_parameters", "At most 32 parameters are taken.");
    } else if (!query_parse(params, count, (int64_t)clock_wall_ms(), &a->query, &fault) ||
               !ask_prepare(&a->ask, &a->query, &fault)) {
        send_error(a, c, 400, &fault, usual);
    } else {
        answer(a, c);
    }
}

static void serve_list(struct api *a, struct http_conn *c, const struct http_request *req,
                       enum api_list list)
{
    struct query_param params[API_PARAMS_MAX];
    struct query_error fault = {.code = ""};
    size_t count = 0;
    (void)site_zones_take(&a->fresh_zones, &a->ask.zones); /* none is usual */
    if (!read_params(a, req->query, params, &count)) {
        send_simple(a, c, 400, "too_many_parameters", "At most 32 parameters are taken.");
    } else if (!api_list_parse(list, params, count, (int64_t)clock_wall_ms(), &a->query, &fault) ||
               !ask_prepare(&a->ask, &a->query, &fault)) {
        send_error(a, c, 400, &fault, usual);
    } else {
        answer(a, c);
    }
}

static void serve_retention(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct query_param params[API_PARAMS_MAX];
    struct query_error fault = {.code = ""};
    size_t count = 0;
    uint64_t photo_id = 0;
    (void)site_zones_take(&a->fresh_zones, &a->ask.zones); /* none is usual */
    if (!read_params(a, req->query, params, &count)) {
        send_simple(a, c, 400, "too_many_parameters", "At most 32 parameters are taken.");
    } else if (!api_retention_parse(params, count, (int64_t)clock_wall_ms(), &a->query, &photo_id,
                                    &fault) ||
               !ask_prepare(&a->ask, &a->query, &fault)) {
        send_error(a, c, 400, &fault, usual);
    } else {
        answer_retention(a, c, photo_id);
    }
}

static void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct api *a = arg;
    const struct page_file *file = page_find(req->path);
    if (req->method != HTTP_GET && req->method != HTTP_HEAD) {
        send_simple(a, c, 405, "method_not_allowed", "Only GET and HEAD are served here.");
    } else if (file != NULL) {
        serve_page(a, c, req, file);
    } else if (slice_is(req->path, "/v1/report")) {
        if (may_read(a, c, req)) {
            serve_report(a, c, req);
        }
    } else if (slice_is(req->path, "/v1/retention")) {
        if (may_read(a, c, req)) {
            serve_retention(a, c, req);
        }
    } else if (slice_is(req->path, "/v1/photos")) {
        if (may_read(a, c, req)) {
            serve_list(a, c, req, API_LIST_PHOTOS);
        }
    } else if (slice_is(req->path, "/v1/sources")) {
        if (may_read(a, c, req)) {
            serve_list(a, c, req, API_LIST_SOURCES);
        }
    } else if (slice_is(req->path, "/v1/status")) {
        if (may_read(a, c, req)) {
            serve_status(a, c, req);
        }
    } else if (slice_is(req->path, "/healthz")) {
        buffer_reset(&a->body);
        buffer_append_text(&a->body, "ok\n");
        send_body(a, c, 200, "text/plain; charset=utf-8", usual);
    } else {
        send_simple(
            a, c, 404, "not_found",
            "There is GET /v1/report, /v1/photos, /v1/sources, /v1/retention, /v1/status, and "
            "the page at /.");
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* the loop returns, and run() sees the flag */
}

static void *run(void *arg)
{
    struct api *a = arg;
    while (!atomic_load(&a->stop) && event_base_loop(a->base, EVLOOP_ONCE) >= 0) {
        http_server_flush(a->server);
    }
    return NULL;
}

static int open_loop(struct api *a)
{
    a->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    a->base = event_base_new();
    if (a->wake_fd < 0 || a->base == NULL) {
        return -ENOMEM;
    }
    a->wake = event_new(a->base, a->wake_fd, EV_READ, on_wake, a);
    return a->wake == NULL || event_add(a->wake, NULL) != 0 ? -ENOMEM : 0;
}

static int open_stages(struct api *a, struct error *err)
{
    struct http_server_options limits = http_server_defaults();
    limits.name = "api";
    struct http_handler handler = {.on_request = on_request, .arg = a};
    int failed = open_loop(a);
    if (failed == 0) {
        failed = site_zones_new(&a->ask.zones, NULL, a->o.sites, err);
    }
    if (failed == 0) {
        failed = store_reader_open(&a->ask.reader, a->o.store, err);
    }
    if (failed == 0) {
        failed = http_server_new(&a->server, a->base, &limits, &handler, a->o.metrics);
    }
    return failed == 0 ? http_server_listen(a->server, a->o.listen, false, err) : failed;
}

static int start_thread(struct api *a)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, run, a);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->started = failed == 0;
    return -failed;
}

int api_start(struct api **out, const struct api_options *options, struct error *err)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->o = *options;
    a->wake_fd = -1;
    buffer_init(&a->body);
    buffer_init(&a->scratch);
    ask_answer_init(&a->answer);
    a->tokens = strdup(options->read_tokens);
    int failed = a->tokens == NULL ? -ENOMEM : open_stages(a, err);
    if (failed == 0) {
        failed = start_thread(a);
    }
    if (failed != 0) {
        api_stop(a);
        return failed;
    }
    *out = a;
    return 0;
}

uint16_t api_port(const struct api *a)
{
    return http_server_port(a->server);
}

int api_set_tokens(struct api *a, const char *tokens)
{
    char *copy = strdup(tokens);
    if (copy == NULL) {
        return -ENOMEM;
    }
    free(atomic_exchange(&a->fresh_tokens, copy));
    return 0;
}

void api_set_zones(struct api *a, struct site_zones *z)
{
    site_zones_put(&a->fresh_zones, z);
}

static void end_thread(struct api *a)
{
    uint64_t one = 1;
    atomic_store(&a->stop, true);
    ssize_t put = write(a->wake_fd, &one, sizeof one); /* cannot be full: it is written once */
    (void)put;
    (void)pthread_join(a->thread, NULL);
}

void api_stop(struct api *a)
{
    if (a == NULL) {
        return;
    }
    if (a->started) {
        end_thread(a);
    }
    http_server_free(a->server);
    ask_fini(&a->ask);
    site_zones_put(&a->fresh_zones, NULL);
    if (a->wake != NULL) {
        event_free(a->wake);
    }
    if (a->base != NULL) {
        event_base_free(a->base);
    }
    if (a->wake_fd >= 0) {
        (void)close(a->wake_fd); /* nothing is lost with an eventfd */
    }
    free(a->tokens);
    free(atomic_load(&a->fresh_tokens));
    buffer_fini(&a->body);
    buffer_fini(&a->scratch);
    ask_answer_fini(&a->answer);
    free(a);
}
