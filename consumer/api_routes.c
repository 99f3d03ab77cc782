/* Which request gets which answer; the methods of /v1. */
#include "common/clock.h"
#include "common/params.h"
#include "consumer/api_internal.h"
#include "consumer/api_list.h"
#include "consumer/api_report.h"
#include "consumer/api_retention.h"
#include "consumer/api_status.h"
#include "consumer/page.h"
#include "consumer/pipeline.h"

#include <stdio.h>
#include <string.h>

void api_send(struct api *a, struct http_conn *c, int status, const char *type, const char *headers)
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

void api_send_answer(struct api *a, struct http_conn *c, const char *type)
{
    struct http_reply reply = {
        .status = 200,
        .content_type = type,
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

static void send_error(struct api *a, struct http_conn *c, int status, const struct query_error *e,
                       const char *headers)
{
    buffer_reset(&a->body);
    api_report_error(&a->body, e);
    api_send(a, c, status, "application/json", headers);
}

/* What goes with a status beside the usual. */
static const char *headers_of(int status)
{
    switch (status) {
    case 401:
        return API_HEADERS "WWW-Authenticate: Bearer\r\n";
    case 405:
        return API_HEADERS "Allow: GET, HEAD\r\n";
    case 503:
        return API_HEADERS "Retry-After: 5\r\n";
    default:
        return API_HEADERS;
    }
}

static void send_simple(struct api *a, struct http_conn *c, int status, const char *code,
                        const char *message)
{
    struct query_error e = {.code = code};
    (void)snprintf(e.message, sizeof e.message, "%s", message);
    send_error(a, c, status, &e, headers_of(status));
}

/* Returns false when there are more parameters than a query can have, or memory runs out. */
static bool read_params(struct api *a, struct slice query, bool is_signed, struct query_param *out,
                        size_t *count)
{
    static const char oauth[] = "oauth_";
    const size_t oauth_len = sizeof oauth - 1;
    struct params_cursor cursor;
    buffer_reset(&a->scratch);
    if (!buffer_reserve(&a->scratch, params_scratch_size(query.len) + 1)) {
        return false;
    }
    *count = 0;
    params_start(&cursor, query, a->scratch.data, a->scratch.capacity);
    struct query_param p;
    while (params_next(&cursor, &p.name, &p.value)) {
        if (is_signed && p.name.len > oauth_len && memcmp(p.name.data, oauth, oauth_len) == 0) {
            continue; /* it was judged already */
        }
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
    buffer_append_text(&a->scratch, API_HEADERS);
    if (a->answer.cursor.len > 0) {
        buffer_append_text(&a->scratch, "X-Next-Cursor: ");
        buffer_append_slice(&a->scratch, buffer_slice(&a->answer.cursor));
        buffer_append_text(&a->scratch, "\r\n");
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
        make_headers(a);
        api_send_answer(a, c, api_report_content_type(a->query.format));
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
    api_send(a, c, 200, "application/json", API_HEADERS);
}

static void serve_status(struct api *a, struct http_conn *c, const struct http_request *req,
                         bool is_signed)
{
    struct query_param params[API_PARAMS_MAX];
    size_t count = 0;
    struct pipeline_status ps;
    struct vitals_view vitals;
    if (!read_params(a, req->query, is_signed, params, &count) || count > 0) {
        send_simple(a, c, 400, "unknown_parameter", "/v1/status takes no parameters.");
        return;
    }
    pipeline_status(a->o.pipeline, &ps);
    pipeline_vitals(a->o.pipeline, &vitals);
    buffer_reset(&a->body);
    api_status(&a->body, &ps, &vitals, (int64_t)clock_wall_ms());
    api_send(a, c, 200, "application/json", API_HEADERS);
}

static void serve_page(struct api *a, struct http_conn *c, const struct http_request *req,
                       const struct page_file *file)
{
    struct http_reply reply = page_reply(file, req, &a->scratch);
    http_reply(c, &reply);
}

/* What is asked for under /v1. */
enum route {
    ROUTE_REPORT,
    ROUTE_PHOTOS,
    ROUTE_SOURCES,
    ROUTE_RETENTION,
    ROUTE_STATUS,
    ROUTE_COUNT
};

static const char *const routes[ROUTE_COUNT] = {"/v1/report", "/v1/photos", "/v1/sources",
                                                "/v1/retention", "/v1/status"};

static bool parse(struct api *a, enum route route, const struct query_param *params, size_t count,
                  uint64_t *photo_id, struct query_error *fault)
{
    int64_t now_ms = (int64_t)clock_wall_ms();
    switch (route) {
    case ROUTE_PHOTOS:
        return api_list_parse(API_LIST_PHOTOS, params, count, now_ms, &a->query, fault);
    case ROUTE_SOURCES:
        return api_list_parse(API_LIST_SOURCES, params, count, now_ms, &a->query, fault);
    case ROUTE_RETENTION:
        return api_retention_parse(params, count, now_ms, &a->query, photo_id, fault);
    case ROUTE_REPORT:
    case ROUTE_STATUS:
    case ROUTE_COUNT:
        break;
    }
    return query_parse(params, count, now_ms, &a->query, fault);
}

static void serve_query(struct api *a, struct http_conn *c, const struct http_request *req,
                        enum route route, bool is_signed)
{
    struct query_param params[API_PARAMS_MAX];
    struct query_error fault = {.code = ""};
    size_t count = 0;
    uint64_t photo_id = 0;
    if (!read_params(a, req->query, is_signed, params, &count)) {
        send_simple(a, c, 400, "too_many_parameters", "At most 32 parameters are taken.");
    } else if (!parse(a, route, params, count, &photo_id, &fault) ||
               !ask_prepare(&a->ask, &a->query, &fault)) {
        send_error(a, c, 400, &fault, API_HEADERS);
    } else if (route == ROUTE_RETENTION) {
        answer_retention(a, c, photo_id);
    } else {
        answer(a, c);
    }
}

static void serve_route(struct api *a, struct http_conn *c, const struct http_request *req,
                        enum route route)
{
    int64_t now_s = (int64_t)clock_wall_ms() / 1000;
    enum api_access_result access = api_access_check(a->access, req, slice_of(NULL), now_s);
    bool is_signed = access == API_ACCESS_SIGNED;
    if (access == API_ACCESS_DENIED) {
        send_simple(a, c, 401, "permission_denied", api_access_why(a->access));
    } else if (route == ROUTE_STATUS) {
        serve_status(a, c, req, is_signed);
    } else {
        serve_query(a, c, req, route, is_signed);
    }
}

static void serve_health(struct api *a, struct http_conn *c)
{
    buffer_reset(&a->body);
    buffer_append_text(&a->body, "ok\n");
    api_send(a, c, 200, "text/plain; charset=utf-8", API_HEADERS);
}

/* Answers what is only read: GET and HEAD. */
static void serve_path(struct api *a, struct http_conn *c, const struct http_request *req)
{
    const struct page_file *file = page_find(req->path);
    for (enum route route = 0; route < ROUTE_COUNT; route++) {
        if (slice_is(req->path, routes[route])) {
            serve_route(a, c, req, route);
            return;
        }
    }
    if (file != NULL) {
        serve_page(a, c, req, file);
    } else if (slice_is(req->path, "/healthz")) {
        serve_health(a, c);
    } else {
        send_simple(a, c, 404, "not_found",
                    "There is GET /v1/report, /v1/photos, /v1/sources, /v1/retention, /v1/status, "
                    "/api/analytics/extract/..., and the page at /.");
    }
}

static bool is_under_api(struct slice path)
{
    static const char api[] = "/api/";
    return path.len >= sizeof api - 1 && memcmp(path.data, api, sizeof api - 1) == 0;
}

void api_on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct api *a = arg;
    bool is_read = req->method == HTTP_GET || req->method == HTTP_HEAD;
    api_follow(a);
    if (is_under_api(req->path)) {
        api_extract(a, c, req);
    } else if (is_read) {
        serve_path(a, c, req);
    } else {
        send_simple(a, c, 405, "method_not_allowed", "Only GET and HEAD are served here.");
    }
}
