/* The platform's extract methods over HTTP: who may, in what form, and the frame of the answer. */
#include "common/clock.h"
#include "common/header_params.h"
#include "common/http_text.h"
#include "common/log.h"
#include "common/params.h"
#include "common/text.h"
#include "consumer/api_internal.h"
#include "consumer/extract_answer.h"

#include <string.h>

#define RETRY API_HEADERS "Retry-After: 5\r\n"

struct call {
    struct api *a;
    struct http_conn *conn;
    const struct http_request *req;
    struct reply_form form;
};

static void refuse(struct call *call, int status, const char *code, const char *message,
                   const char *headers)
{
    struct buffer *out = &call->a->body;
    buffer_reset(out);
    reply_form_open(out, &call->form);
    buffer_append_text(out, "{\"status\":\"error\",\"message\":");
    text_append_json(out, slice_of(message));
    buffer_append_format(out,
                         ",\"code\":\"%s\",\"permission_level\":\"anonymous\",\"endpoint\":", code);
    reply_form_endpoint(out, call->req->path);
    buffer_append_char(out, '}');
    reply_form_close(out, &call->form);
    api_send(call->a, call->conn, status, reply_form_content_type(&call->form), headers);
}

/* ---- The answer. ---- */

static enum store_read_result make(struct call *call)
{
    struct api *a = call->a;
    struct buffer *out = &a->answer.body.bytes;
    const struct extract_asker asker = {
        .reader = a->ask.reader,
        .zones = a->ask.zones,
        .sites = a->sites,
        .site = sites_by_host(a->sites, call->req->host),
        .now_ms = (int64_t)clock_wall_ms(),
    };
    ask_answer_reset(&a->answer);
    reply_form_open(out, &call->form);
    buffer_append_text(out, "{\"status\":\"ok\",\"permission_level\":\"read\",\"cached\":\"0\",");
    enum store_read_result result = extract_answer(&asker, &a->extract, &a->answer.body);
    buffer_append_text(out, ",\"site\":");
    buffer_append_text(out, asker.site->json);
    buffer_append_text(out, ",\"endpoint\":");
    reply_form_endpoint(out, call->req->path);
    buffer_append_char(out, '}');
    reply_form_close(out, &call->form);
    int failed = spool_finish(&a->answer.body);
    if (failed != 0) {
        LOG_ERROR("answer_failed", log_text("err", strerror(-failed)),
                  log_text("action", "look at the space in TMPDIR, or /var/tmp without it"));
        return STORE_READ_FAILED;
    }
    return result;
}

static void answer(struct call *call)
{
    struct api *a = call->a;
    switch (make(call)) {
    case STORE_READ_OK:
        buffer_reset(&a->scratch);
        buffer_append_text(&a->scratch, API_HEADERS);
        api_send_answer(a, call->conn, reply_form_content_type(&call->form));
        return;
    case STORE_READ_TOO_LONG:
        refuse(call, 503, "overloaded", "The answer took longer than 5 s. Ask for a shorter range.",
               RETRY);
        return;
    case STORE_READ_STOPPED:
    case STORE_READ_FAILED:
        break;
    }
    refuse(call, 503, "overloaded", "The numbers could not be read just now.", RETRY);
}

/* ---- The request. ---- */

/* A body that is no form has no parameters. */
static struct slice form_of(const struct http_request *req)
{
    struct slice type = req->known[HTTP_HEADER_CONTENT_TYPE];
    struct slice media = http_trim(header_up_to(type, ';'));
    return header_is_word(media, "application/x-www-form-urlencoded") ? req->body : slice_of(NULL);
}

static bool is_body_good(const struct http_request *req)
{
    return req->method != HTTP_POST || req->body.len == 0 || form_of(req).data != NULL;
}

/* Reads the parameters; the form is chosen even when they are wrong. */
static bool read_call(struct call *call, enum extract_method method, const char **why,
                      struct extract_fault *fault)
{
    const struct http_request *req = call->req;
    struct api *a = call->a;
    struct slice encoded = req->method == HTTP_POST ? form_of(req) : req->query;
    struct slice accept = req->known[HTTP_HEADER_ACCEPT];
    struct reply_wish wish = {.format = slice_of("json")};
    const char *bad = NULL;
    buffer_reset(&a->scratch);
    if (!buffer_reserve(&a->scratch, params_scratch_size(encoded.len) + 1)) {
        *why = "There is no memory for the parameters.";
        return false;
    }
    bool good = extract_read(method, encoded, a->scratch.data, (int64_t)clock_wall_ms(), a->sites,
                             &a->extract, &wish, fault);
    if (!reply_form_choose(&call->form, &wish, accept, &bad)) {
        *why = bad[0] == 'c' ? "The parameter callback must be a JavaScript name of at most 128 "
                               "bytes."
                             : "The parameter varname must be a JavaScript name of at most 128 "
                               "bytes.";
        return false;
    }
    *why = fault->message;
    return good;
}

static void serve(struct call *call, enum extract_method method)
{
    struct api *a = call->a;
    struct extract_fault fault = {""};
    const char *why = NULL;
    int64_t now_s = (int64_t)clock_wall_ms() / 1000;
    bool good = read_call(call, method, &why, &fault);
    if (!is_body_good(call->req)) {
        refuse(call, 415, "invalid_input", "A POST carries application/x-www-form-urlencoded.",
               API_HEADERS);
    } else if (api_access_check(a->access, call->req, form_of(call->req), now_s) ==
               API_ACCESS_DENIED) {
        refuse(call, 200, "permission_denied", api_access_why(a->access), API_HEADERS);
    } else if (!good) {
        refuse(call, 200, "invalid_input", why, API_HEADERS);
    } else {
        answer(call);
    }
}

void api_extract(struct api *a, struct http_conn *c, const struct http_request *req)
{
    struct call call = {.a = a, .conn = c, .req = req};
    enum extract_method method;
    reply_form_init(&call.form);
    call.form.format = REPLY_JSON;
    bool is_known = extract_method_find(req->path, &method);
    bool is_served =
        req->method == HTTP_GET || req->method == HTTP_HEAD || req->method == HTTP_POST;
    if (!is_served) {
        refuse(&call, 405, "invalid_input", "GET, HEAD and POST are served here.",
               API_HEADERS "Allow: GET, HEAD, POST\r\n");
    } else if (is_known) {
        serve(&call, method);
    } else {
        refuse(&call, 200, "no_such_method", "There is no such method.", API_HEADERS);
    }
}
