#include "ingest/input.h"

#include "common/buffer.h"
#include "common/params.h"
#include "ingest/body.h"
#include "ingest/inflate.h"
#include "ingest/report_json.h"

#include <stdlib.h>

enum { KEPT_MAX = 64 * 1024 };

struct input_reader {
    size_t body_max;
    struct inflater *inflater;
    struct buffer plain;   /* a body without its coding */
    struct buffer scratch; /* decoded parameters */
    struct buffer inner;   /* likewise, of a target within */
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
    buffer_init(&r->inner);
    if (r->inflater == NULL) {
        input_reader_free(r);
        return NULL;
    }
    return r;
}

void input_reader_shrink(struct input_reader *r)
{
    buffer_shrink(&r->plain, KEPT_MAX);
    buffer_shrink(&r->scratch, KEPT_MAX);
}

void input_reader_free(struct input_reader *r)
{
    if (r == NULL) {
        return;
    }
    inflater_free(r->inflater);
    buffer_fini(&r->plain);
    buffer_fini(&r->scratch);
    buffer_fini(&r->inner);
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

static int read_fields(struct buffer *memory, struct slice media, struct slice source,
                       struct input *out)
{
    buffer_reset(memory);
    if (!buffer_reserve(memory, params_scratch_size(source.len) + 1)) {
        return 503;
    }
    char *scratch = memory->data;
    size_t size = memory->capacity;
    switch (out->kind) {
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

static void init(struct input *out)
{
    fields_init(&out->fields);
    out->kind = BODY_FORM;
    out->json = NULL;
    out->body = out->encoded = slice_make(NULL, 0);
}

int input_read(struct input_reader *r, const struct http_request *req, struct input *out)
{
    init(out);
    if (req->method != HTTP_POST) {
        return read_fields(&r->scratch, slice_make("", 0), req->query, out);
    }
    struct slice body;
    int status = unpack(r, req, &body);
    if (status != 0) {
        return status;
    }
    struct slice media = req->known[HTTP_HEADER_CONTENT_TYPE];
    out->body = body;
    out->kind = body_kind_of(media, body);
    return read_fields(&r->scratch, media, body, out);
}

int input_read_query(struct input_reader *r, struct slice query, struct input *out)
{
    init(out);
    return read_fields(&r->inner, slice_make("", 0), query, out);
}

void input_start(struct input_reader *r, const struct http_request *req, const struct input *in,
                 struct input_cursor *c)
{
    c->in = in;
    c->member = NULL;
    params_start(&c->params, in->encoded, r->scratch.data, r->scratch.capacity);
    if (in->kind == BODY_MULTIPART) {
        body_parts_start(&c->parts, req->known[HTTP_HEADER_CONTENT_TYPE], in->body, r->scratch.data,
                         r->scratch.capacity);
    }
}

bool input_next(struct input_cursor *c, struct slice *name, struct slice *value)
{
    switch (c->in->kind) {
    case BODY_JSON:
        return report_json_next(c->in->json, &c->member, name, value);
    case BODY_MULTIPART:
        return body_parts_next(&c->parts, name, value);
    case BODY_FORM:
    case BODY_UNSUPPORTED:
        break;
    }
    return params_next(&c->params, name, value);
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
