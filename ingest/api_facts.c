#include "common/params.h"
#include "ingest/api_internal.h"
#include "ingest/reply_facts.h"

static void render_echo(struct api *a, const struct http_request *req, const struct site *site,
                        const struct reply_form *form, const struct input *in)
{
    /* JSON is no list of parameters: nothing of it is mirrored. */
    struct slice none = {NULL, 0};
    struct slice encoded = in->json != NULL           ? none
                           : req->method == HTTP_POST ? in->body
                                                      : req->query;
    struct buffer scratch;
    size_t size = 2 * params_scratch_size(encoded.len);
    buffer_init(&scratch);
    if (buffer_reserve(&scratch, size + 1)) {
        reply_echo(&a->body, form, site, req->path, encoded, scratch.data, size);
    } else {
        a->body.failed = true;
    }
    buffer_fini(&scratch);
}

static void serve(struct api *a, struct http_conn *c, const struct http_request *req,
                  const struct input *in, bool is_echo)
{
    struct reply_form form;
    struct report_fault why;
    const struct site *site = sites_by_host(a->o.intake.rules->sites, req->host);
    if (!reply_form_choose(&form, &in->fields, req->known[HTTP_HEADER_ACCEPT], &why)) {
        api_send_error(a, c, req, &form, &why);
        return;
    }
    buffer_reset(&a->body);
    if (is_echo) {
        render_echo(a, req, site, &form, in);
    } else {
        reply_site(&a->body, &form, site, req->path);
    }
    api_send_rendered(a, c, 200, &form, REPLY_HEADERS_USUAL);
}

bool api_serve_facts(struct api *a, struct http_conn *c, const struct http_request *req)
{
    bool is_echo = slice_is(req->path, "/api/echo");
    if (!is_echo && !slice_is(req->path, "/api/site/get")) {
        return false;
    }
    struct input in;
    int status = input_read(a->reader, req, &in);
    if (status == 0) {
        serve(a, c, req, &in, is_echo);
    } else {
        api_send_text(c, status, input_status_text(status),
                      status == 503 ? REPLY_HEADERS_RETRY : REPLY_HEADERS_USUAL);
    }
    input_release(&in);
    return true;
}
