#include "ingest/api_internal.h"

#include "common/clock.h"
#include "ingest/crossdomain.h"
#include "ingest/pages.h"

#include <errno.h>
#include <stdlib.h>

enum { KEPT_MAX = 64 * 1024 };

int api_new(struct api **out, const struct api_options *options)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->o = *options;
    buffer_init(&a->body);
    buffer_init(&a->held);
    a->reader = input_reader_new(options->body_max);
    int failed = a->reader == NULL ? -ENOMEM : intake_new(&a->intake, &options->intake);
    if (failed != 0) {
        api_free(a);
        return failed;
    }
    *out = a;
    return 0;
}

void api_free(struct api *a)
{
    if (a == NULL) {
        return;
    }
    intake_free(a->intake);
    input_reader_free(a->reader);
    buffer_fini(&a->body);
    buffer_fini(&a->held);
    free(a);
}

void api_set_rules(struct api *a, const struct rules *rules)
{
    a->o.intake.rules = rules;
    intake_set_rules(a->intake, rules);
}

void api_begin_turn(struct api *a, uint64_t ticket)
{
    a->ticket = ticket;
    a->turn = (struct api_turn){0};
    input_reader_shrink(a->reader);
    buffer_shrink(&a->body, KEPT_MAX);
    buffer_shrink(&a->held, KEPT_MAX);
}

struct api_turn api_turn(const struct api *a)
{
    return a->turn;
}

static void send_text(struct api *a, struct http_conn *c, int status, const char *text,
                      enum reply_headers headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = text == NULL ? NULL : "text/plain; charset=utf-8",
        .headers = cors_headers(a->cors, headers),
        .body = slice_of(text),
    };
    http_reply(c, &reply);
}

static void send_body(struct api *a, struct http_conn *c, int status)
{
    struct http_reply reply = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .headers = cors_headers(a->cors, REPLY_HEADERS_USUAL),
        .body = buffer_slice(&a->body),
    };
    http_reply(c, &reply);
}

/* ---- The methods of the API. ---- */

static bool under_api(struct slice path)
{
    return path.len >= 5 && memcmp(path.data, "/api/", 5) == 0;
}

static bool choose_form(struct caller *who, const struct call *call, struct report_fault *why)
{
    struct slice accept = who->req->known[HTTP_HEADER_ACCEPT];
    bool good = reply_choose_form(&who->form, &call->in->fields, accept, why);
    if (call->method != NULL && call->method->kind == METHOD_PIXEL) {
        who->form.format = REPLY_PIXEL;
        return true; /* names for scripts mean nothing to it */
    }
    return good;
}

static void meet(struct api *a, struct caller *who)
{
    a->turn.begun_us = a->turn.begun_us != 0 ? a->turn.begun_us : clock_mono_us();
    intake_meet(a->intake, who->req, http_conn_peer(who->conn), slice_of(who->site->key),
                &who->sender);
}

static void serve_call(struct api *a, struct caller *who, struct call *call)
{
    struct report_fault why;
    struct answer answer;
    call->form = choose_form(who, call, &why) ? NULL : &why;
    if (call->method != NULL && call->method->kind == METHOD_CONCATENATE) {
        meet(a, who);
        api_serve_concatenate(a, who, call);
        return;
    }
    if (call->method != NULL && method_reports(call->method)) {
        meet(a, who);
    }
    api_take(a, who, call, &answer);
    api_reply(a, who, call, &answer);
}

static void serve_method(struct api *a, struct http_conn *c, const struct http_request *req,
                         const struct method *method)
{
    struct input in;
    struct caller who = {.conn = c,
                         .req = req,
                         .site = sites_by_host(a->o.intake.rules->sites, req->host),
                         .room = REPLY_BATCH_MAX};
    struct call call = {.method = method, .path = req->path, .in = &in};
    int status = input_read(a->reader, req, &in);
    if (status != 0 && method != NULL) {
        send_text(a, c, status, input_status_text(status),
                  status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    } else {
        serve_call(a, &who, &call);
    }
    input_release(&in);
}

/* ---- Routes. ---- */

static void serve_other(struct api *a, struct http_conn *c, const struct http_request *req)
{
    const char *policy = crossdomain_policy(req->path);
    if (slice_is(req->path, "/healthz")) {
        buffer_reset(&a->body);
        pages_health_line(a->o.pages, &a->body);
        send_body(a, c, 200);
    } else if (slice_is(req->path, "/readyz")) {
        bool ready = pages_is_ready(a->o.pages);
        send_text(a, c, ready ? 200 : 503, ready ? "ready\n" : "not ready\n", REPLY_HEADERS_USUAL);
    } else if (policy != NULL) {
        struct http_reply reply = {.status = 200,
                                   .content_type = crossdomain_type,
                                   .headers = cors_headers(a->cors, REPLY_HEADERS_USUAL),
                                   .body = slice_of(policy)};
        http_reply(c, &reply);
    } else if (under_api(req->path)) {
        serve_method(a, c, req, NULL);
    } else {
        send_text(a, c, 404, "not found\n", REPLY_HEADERS_USUAL);
    }
}

static const struct cors_answer *find_cors(const struct api *a, const struct http_request *req)
{
    return cors_find(a->o.intake.rules->cors, req->known[HTTP_HEADER_ORIGIN]);
}

static void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct api *a = arg;
    a->cors = find_cors(a, req);
    if (req->method == HTTP_OTHER_METHOD) {
        send_text(a, c, 405, "only GET, HEAD, POST and OPTIONS are served\n", REPLY_HEADERS_ALLOW);
        return;
    }
    if (req->method == HTTP_OPTIONS) {
        send_text(a, c, 204, NULL, REPLY_HEADERS_PREFLIGHT);
        return;
    }
    const struct method *method = method_find(req->path);
    if (method != NULL) {
        serve_method(a, c, req, method);
    } else {
        serve_other(a, c, req);
    }
}

static void on_release(const void *data, size_t len, int outcome, struct http_reply *out, void *arg)
{
    api_render_released(arg, data, len, outcome, out);
}

static bool is_page(struct slice path)
{
    return slice_is(path, "/healthz") || slice_is(path, "/readyz") ||
           crossdomain_policy(path) != NULL;
}

/* A body that would be refused whatever it is need not be sent. */
static int on_expect(const struct http_request *req, void *arg)
{
    (void)arg;
    if (req->method == HTTP_OPTIONS || is_page(req->path)) {
        return 0;
    }
    return under_api(req->path) ? input_foresee(req) : 404;
}

static struct slice reject_text(int status)
{
    switch (status) {
    case 404:
        return slice_of("not found\n");
    case 415:
        return slice_of(input_status_text(status));
    case 503:
        return slice_of("there is no room for this request just now\n");
    default:
        return slice_of("this request is not well formed, or too large\n");
    }
}

static void on_reject(int status, const struct http_request *req, struct http_reply *out, void *arg)
{
    out->content_type = "text/plain; charset=utf-8";
    out->headers = cors_headers(find_cors(arg, req),
                                status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    out->body = reject_text(status);
}

struct http_handler api_handler(struct api *a)
{
    return (struct http_handler){.on_request = on_request,
                                 .on_release = on_release,
                                 .on_reject = on_reject,
                                 .on_expect = on_expect,
                                 .arg = a};
}
