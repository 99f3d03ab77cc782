/* Heads and chunked bodies: nothing outside the input, and no prefix that says something else. */
#include "common/http_parser.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits LIMITS = {
    .request_line_max = 200, .head_max = 600, .header_count_max = 10, .body_max = 1000};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

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
    uint64_t total, sum; /* of its bytes and of where they stood */
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
        for (size_t i = 0; i < run.len; i++) {
            b.sum = b.sum * 31 + (unsigned char)run.data[i];
        }
        b.total += run.len;
        b.over += used;
    }
    require(b.total <= LIMITS.body_max);
    return b;
}

static void check_chunks(struct slice bytes)
{
    struct body whole = read_chunks(bytes, SIZE_MAX), cut = read_chunks(bytes, 1);
    require(whole.result == cut.result);
    if (whole.result != HTTP_PARSE_REJECT) {
        require(whole.total == cut.total && whole.sum == cut.sum && whole.over == cut.over);
    }
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
    check_prefixes(bytes, r, used);
    size_t body_at = r == HTTP_PARSE_DONE ? used : 0;
    check_chunks(slice_make(bytes.data + body_at, size - body_at));
    return 0;
}
