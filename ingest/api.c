#include "ingest/api_internal.h"

#include "common/clock.h"
#include "ingest/crossdomain.h"
#include "ingest/pages.h"

#include <errno.h>
#include <stdlib.h>

static const struct method methods[] = {
    {"/api/analytics/report/event", REPORT_PATH_EVENT, false, false},
    {"/api/analytics/report/play", REPORT_PATH_PLAY, false, false},
    {"/api/analytics/report/download", REPORT_PATH_DOWNLOAD, false, false},
    {"/api/analytics/report/batch", REPORT_PATH_PLAY, false, true},
    {"/api/analytics/report/event.gif", REPORT_PATH_EVENT, true, false},
    {"/api/analytics/report/play.gif", REPORT_PATH_PLAY, true, false},
};

int api_new(struct api **out, const struct api_options *options)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->o = *options;
    buffer_init(&a->body);
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
}

struct api_turn api_turn(const struct api *a)
{
    return a->turn;
}

void api_send_rendered(struct api *a, struct http_conn *c, int status,
                       const struct reply_form *form, enum reply_headers headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = reply_content_type(form),
        .headers = reply_headers(headers),
        .body = buffer_slice(&a->body),
        .close = buffer_failed(&a->body), /* a cut body must not be taken for a whole one */
    };
    http_reply(c, &reply);
}

void api_send_error(struct api *a, struct http_conn *c, const struct http_request *req,
                    const struct reply_form *form, const struct report_fault *why)
{
    buffer_reset(&a->body);
    reply_error(&a->body, form, why->code, why->message, req->path);
    int status = form->format == REPLY_PIXEL ? 200 : a->o.error_status;
    api_send_rendered(a, c, status, form, REPLY_HEADERS_USUAL);
}

void api_send_text(struct http_conn *c, int status, const char *text, enum reply_headers headers)
{
    struct http_reply reply = {
        .status = status,
        .content_type = text == NULL ? NULL : "text/plain; charset=utf-8",
        .headers = reply_headers(headers),
        .body = slice_of(text),
    };
    http_reply(c, &reply);
}

static void send_body(struct api *a, struct http_conn *c, int status)
{
    struct http_reply reply = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .headers = reply_headers(REPLY_HEADERS_USUAL),
        .body = buffer_slice(&a->body),
    };
    http_reply(c, &reply);
}

/* ---- Routes. ---- */

static bool under_api(struct slice path)
{
    return path.len >= 5 && memcmp(path.data, "/api/", 5) == 0;
}

static void no_such_method(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct report_fault why = {"no_such_method", "There is no such method."};
    struct reply_form form;
    struct input in;
    reply_form_init(&form);
    if (input_read(a->reader, req, &in) == 0) {
        struct report_fault bad_form;
        (void)reply_form_choose(&form, &in.fields, req->known[HTTP_HEADER_ACCEPT], &bad_form);
    }
    intake_count_refused(a->intake, why.code);
    api_send_error(a, c, req, &form, &why);
    input_release(&in);
}

static void serve_other(struct api *a, struct http_conn *c, const struct http_request *req)
{
    const char *policy = crossdomain_policy(req->path);
    if (slice_is(req->path, "/healthz")) {
        buffer_reset(&a->body);
        pages_health_line(a->o.pages, &a->body);
        send_body(a, c, 200);
    } else if (slice_is(req->path, "/readyz")) {
        bool ready = pages_is_ready(a->o.pages);
        api_send_text(c, ready ? 200 : 503, ready ? "ready\n" : "not ready\n", REPLY_HEADERS_USUAL);
    } else if (policy != NULL) {
        struct http_reply reply = {.status = 200,
                                   .content_type = crossdomain_type,
                                   .headers = reply_headers(REPLY_HEADERS_USUAL),
                                   .body = slice_of(policy)};
        http_reply(c, &reply);
    } else if (under_api(req->path)) {
        no_such_method(a, c, req);
    } else {
        api_send_text(c, 404, "not found\n", REPLY_HEADERS_USUAL);
    }
}

static void on_request(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct api *a = arg;
    if (req->method == HTTP_OTHER_METHOD) {
        api_send_text(c, 405, "only GET, HEAD, POST and OPTIONS are served\n", REPLY_HEADERS_ALLOW);
        return;
    }
    if (req->method == HTTP_OPTIONS) {
        api_send_text(c, 204, NULL, REPLY_HEADERS_PREFLIGHT);
        return;
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (slice_is(req->path, methods[i].path)) {
            struct call call = {.conn = c,
                                .req = req,
                                .site = sites_by_host(a->o.intake.rules->sites, req->host),
                                .method = &methods[i]};
            api_serve_report(a, &call);
            return;
        }
    }
    if (!api_serve_facts(a, c, req)) {
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
    default:
        return slice_of("this request is not well formed, or too large\n");
    }
}

static void on_reject(int status, struct http_reply *out, void *arg)
{
    (void)arg;
    out->content_type = "text/plain; charset=utf-8";
    out->headers = reply_headers(status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
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
