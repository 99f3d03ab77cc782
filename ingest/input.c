#include "ingest/input.h"

#include "common/buffer.h"
#include "common/params.h"
#include "ingest/body.h"
#include "ingest/inflate.h"
#include "ingest/report_json.h"

#include <stdlib.h>

struct input_reader {
    size_t body_max;
    struct inflater *inflater;
    struct buffer plain;   /* a body without its coding */
    struct buffer scratch; /* decoded parameters */
};

struct input_reader *input_reader_new(size_t body_max)
{
    struct input_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->body_max = body_max;
    r->inflater = inflater_new();
    buffer_init(&r->plain);
    buffer_init(&r->scratch);
    if (r->inflater == NULL) {
        input_reader_free(r);
        return NULL;
    }
    return r;
}

void input_reader_free(struct input_reader *r)
{
    if (r == NULL) {
        return;
    }
    inflater_free(r->inflater);
    buffer_fini(&r->plain);
    buffer_fini(&r->scratch);
    free(r);
}

/* Takes the coding off the body. Returns 0 or the HTTP status. */
static int unpack(struct input_reader *r, const struct http_request *req, struct slice *body)
{
    enum inflate_coding coding = inflate_coding_of(req->known[HTTP_HEADER_CONTENT_ENCODING]);
    if (coding == INFLATE_UNKNOWN) {
        return 415;
    }
    if (coding == INFLATE_IDENTITY || req->body.len == 0) {
        *body = req->body;
        return 0;
    }
    switch (inflate_body(r->inflater, coding, req->body, r->body_max, &r->plain)) {
    case INFLATE_OK:
        *body = buffer_slice(&r->plain);
        return 0;
    case INFLATE_DAMAGED:
        return 400;
    case INFLATE_TOO_LARGE:
        return 413;
    case INFLATE_NO_MEMORY:
        break;
    }
    return 503;
}

static int read_fields(struct input_reader *r, enum body_kind kind, struct slice media,
                       struct slice source, struct input *out)
{
    buffer_reset(&r->scratch);
    if (!buffer_reserve(&r->scratch, params_scratch_size(source.len) + 1)) {
        return 503;
    }
    char *scratch = r->scratch.data;
    size_t size = r->scratch.capacity;
    switch (kind) {
    case BODY_FORM:
        out->encoded = source;
        fields_from_query(&out->fields, source, scratch, size);
        return 0;
    case BODY_JSON:
        return report_json_read(&out->json, &out->fields, source) == 0 ? 0 : 503;
    case BODY_MULTIPART:
        return body_multipart_fields(&out->fields, media, source, scratch, size) ? 0 : 415;
    case BODY_UNSUPPORTED:
        break;
    }
    return 415;
}

int input_read(struct input_reader *r, const struct http_request *req, struct input *out)
{
    fields_init(&out->fields);
    out->json = NULL;
    out->body = out->encoded = slice_make(NULL, 0);
    if (req->method != HTTP_POST) {
        return read_fields(r, BODY_FORM, slice_make("", 0), req->query, out);
    }
    struct slice body;
    int status = unpack(r, req, &body);
    if (status != 0) {
        return status;
    }
    out->body = body;
    struct slice media = req->known[HTTP_HEADER_CONTENT_TYPE];
    return read_fields(r, body_kind_of(media, body), media, body, out);
}

int input_foresee(const struct http_request *req)
{
    if (req->method != HTTP_POST) {
        return 0;
    }
    bool is_taken =
        inflate_coding_of(req->known[HTTP_HEADER_CONTENT_ENCODING]) != INFLATE_UNKNOWN &&
        body_kind_of(req->known[HTTP_HEADER_CONTENT_TYPE], slice_make(NULL, 0)) != BODY_UNSUPPORTED;
    return is_taken ? 0 : 415;
}

void input_release(struct input *in)
{
    report_json_free(in->json);
    in->json = NULL;
}

const char *input_status_text(int status)
{
    switch (status) {
    case 400:
        return "this body is not coded as its Content-Encoding says\n";
    case 413:
        return "this body is too large once decoded\n";
    case 415:
        return "this body's media type or encoding is not taken\n";
    default:
        return "out of memory\n";
    }
}
