/*
 * Heads and chunked bodies: nothing outside the input, no prefix that says something else, no
 * difference between pieces and the whole, and all as the plain reader has it.
 */
#include "common/http_parser.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/http.h"

static const struct http_limits LIMITS = {
    .request_line_max = 200, .head_max = 600, .header_count_max = 10, .body_max = 1000};

static void check_inside(struct slice part, struct slice whole)
{
    require(part.data == NULL || slice_is(part, "/") ||
            (part.data >= whole.data && part.len <= whole.len &&
             part.data + part.len <= whole.data + whole.len));
}

static void check_slices(const struct http_request *req, struct slice bytes)
{
    check_inside(req->method_name, bytes);
    check_inside(req->target, bytes);
    check_inside(req->path, bytes);
    check_inside(req->query, bytes);
    check_inside(req->host, bytes);
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        check_inside(req->known[i], bytes);
    }
    require(req->header_count <= LIMITS.header_count_max);
    for (size_t i = 0; i < req->header_count; i++) {
        check_inside(req->headers[i].name, bytes);
        check_inside(req->headers[i].value, bytes);
    }
}

static void check_same(const struct http_request *a, const struct http_request *b)
{
    const struct slice pairs[][2] = {{a->method_name, b->method_name},
                                     {a->target, b->target},
                                     {a->path, b->path},
                                     {a->query, b->query},
                                     {a->host, b->host}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        require(slice_equal(pairs[i][0], pairs[i][1]));
    }
    require((a->query.data == NULL) == (b->query.data == NULL));
    require(a->method == b->method && a->minor == b->minor && a->keep_alive == b->keep_alive);
    require(a->chunked == b->chunked && a->expect_continue == b->expect_continue);
    require(a->has_length == b->has_length && a->content_length == b->content_length);
    require(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        require(slice_equal(a->headers[i].name, b->headers[i].name));
        require(slice_equal(a->headers[i].value, b->headers[i].value));
    }
}

/* Of what is cut the parser may say already that it is bad. */
static void check_plain_head(struct slice bytes, enum http_parse_result r,
                             const struct http_request *req, size_t used)
{
    static struct http_request plain;
    size_t plain_used = 0;
    switch (plain_http_head(bytes, &LIMITS, &plain, &plain_used)) {
    case PLAIN_HTTP_GOOD:
        require(r == HTTP_PARSE_DONE && used == plain_used);
        check_same(req, &plain);
        break;
    case PLAIN_HTTP_BAD:
        require(r == HTTP_PARSE_REJECT);
        break;
    case PLAIN_HTTP_CUT:
        require(r != HTTP_PARSE_DONE);
        break;
    }
}

/* Of every prefix: DONE only where the whole is, and the same; never a reject of what is served. */
static void check_prefixes(struct slice bytes, enum http_parse_result whole, size_t whole_used)
{
    static struct http_request req;
    for (size_t len = 0; len < bytes.len; len++) {
        size_t used = 0;
        int status = 0;
        enum http_parse_result r =
            http_parse_head(slice_make(bytes.data, len), &LIMITS, &req, &used, &status);
        require(r != HTTP_PARSE_DONE || (whole == HTTP_PARSE_DONE && used == whole_used));
        require(r != HTTP_PARSE_REJECT || whole == HTTP_PARSE_REJECT);
        require(r != HTTP_PARSE_MORE || whole != HTTP_PARSE_DONE || len < whole_used);
    }
}

struct body {
    enum http_parse_result result;
    struct buffer bytes;
    size_t over;
};

static struct body read_chunks(struct slice bytes, size_t piece)
{
    struct body b = {.result = HTTP_PARSE_MORE};
    struct http_chunks c = {0};
    while (b.result == HTTP_PARSE_MORE && b.over < bytes.len) {
        size_t given = bytes.len - b.over < piece ? bytes.len - b.over : piece;
        struct slice now = slice_make(bytes.data + b.over, given), run = {0};
        size_t used = 0;
        int status = 0;
        b.result = http_parse_chunks(&c, now, &LIMITS, &run, &used, &status);
        if (b.result == HTTP_PARSE_REJECT) {
            break;
        }
        check_inside(run, now);
        require(used <= given && (used > 0 || b.result == HTTP_PARSE_DONE));
        buffer_append_slice(&b.bytes, run);
        b.over += used;
    }
    require(b.bytes.len <= LIMITS.body_max);
    return b;
}

static void check_same_body(const struct body *a, struct slice bytes, size_t over)
{
    require(slice_equal(buffer_slice(&a->bytes), bytes) && a->over == over);
}

static void check_chunks(struct slice bytes)
{
    struct body whole = read_chunks(bytes, SIZE_MAX), cut = read_chunks(bytes, 1);
    struct buffer plain;
    size_t over = 0;
    buffer_init(&plain);
    require(whole.result == cut.result);
    if (whole.result != HTTP_PARSE_REJECT) {
        check_same_body(&whole, buffer_slice(&cut.bytes), cut.over);
    }
    switch (plain_http_chunks(bytes, &LIMITS, &plain, &over)) {
    case PLAIN_HTTP_GOOD:
        require(whole.result == HTTP_PARSE_DONE);
        check_same_body(&whole, buffer_slice(&plain), over);
        break;
    case PLAIN_HTTP_BAD:
        require(whole.result == HTTP_PARSE_REJECT);
        break;
    case PLAIN_HTTP_CUT:
        require(whole.result != HTTP_PARSE_DONE);
        break;
    }
    buffer_fini(&whole.bytes);
    buffer_fini(&cut.bytes);
    buffer_fini(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request req;
    struct slice bytes = slice_make((const char *)data, size);
    size_t used = 0;
    int status = 0;
    enum http_parse_result r = http_parse_head(bytes, &LIMITS, &req, &used, &status);
    if (r == HTTP_PARSE_DONE) {
        require(used <= size);
        check_slices(&req, bytes);
    } else if (r == HTTP_PARSE_REJECT) {
        require(status >= 400 && status <= 505);
    }
    check_plain_head(bytes, r, &req, used);
    check_prefixes(bytes, r, used);
    size_t body_at = r == HTTP_PARSE_DONE ? used : 0;
    check_chunks(slice_make(bytes.data + body_at, size - body_at));
    return 0;
}
