#include "common/http_parser.h"

#include "common/http_head.h"
#include "common/http_text.h"

/* Takes CRLF or LF. */
static enum http_parse_result take_line_end(struct http_head *h)
{
    if (h->at < h->end && *h->at == '\r') {
        h->at++;
    }
    if (h->at == h->end) {
        return HTTP_PARSE_MORE;
    }
    if (*h->at != '\n') {
        return http_head_reject(h, 400);
    }
    h->at++;
    return HTTP_PARSE_DONE;
}

/* Old clients send CRLF after a body: RFC 9112 2.2 has it ignored before a request line. */
static enum http_parse_result skip_empty_lines(struct http_head *h)
{
    while (h->at < h->end && (*h->at == '\r' || *h->at == '\n')) {
        enum http_parse_result r = take_line_end(h);
        if (r != HTTP_PARSE_DONE) {
            return r;
        }
    }
    return HTTP_PARSE_DONE;
}

/* Takes a token of at least one byte and the byte that must stand after it. */
static enum http_parse_result take_token(struct http_head *h, char after, struct slice *out)
{
    const char *start = h->at;
    while (h->at < h->end && http_is_token_byte(*h->at)) {
        h->at++;
    }
    if (h->at == h->end) {
        return HTTP_PARSE_MORE;
    }
    if (h->at == start || *h->at != after) {
        return http_head_reject(h, 400);
    }
    *out = slice_make(start, (size_t)(h->at - start));
    h->at++;
    return HTTP_PARSE_DONE;
}

static enum http_method method_of(struct slice name)
{
    static const char *const NAMES[] = {
        [HTTP_GET] = "GET",
        [HTTP_HEAD] = "HEAD",
        [HTTP_POST] = "POST",
        [HTTP_OPTIONS] = "OPTIONS",
    };
    for (int i = 0; i < HTTP_OTHER_METHOD; i++) {
        if (slice_is(name, NAMES[i])) {
            return (enum http_method)i;
        }
    }
    return HTTP_OTHER_METHOD;
}

static enum http_parse_result take_target(struct http_head *h)
{
    const char *start = h->at;
    h->at = http_skip_text(start, h->end, 0x21);
    if (h->at == h->end) {
        return HTTP_PARSE_MORE;
    }
    if (h->at == start || *h->at != ' ') {
        return http_head_reject(h, 400);
    }
    h->req->target = slice_make(start, (size_t)(h->at - start));
    h->at++;
    return HTTP_PARSE_DONE;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum http_parse_result take_version(struct http_head *h)
{
    static const char NAME[] = "HTTP/";
    enum { NAME_LEN = sizeof NAME - 1 };
    size_t left = (size_t)(h->end - h->at);
    size_t seen = left < NAME_LEN ? left : NAME_LEN;
    if (memcmp(h->at, NAME, seen) != 0) {
        return http_head_reject(h, 400);
    }
    if (left <= NAME_LEN) {
        return HTTP_PARSE_MORE;
    }
    const char *major = h->at + NAME_LEN;
    if (*major != '1') {
        return http_head_reject(h, is_digit(*major) ? 505 : 400);
    }
    if ((left > NAME_LEN + 1 && major[1] != '.') || (left > NAME_LEN + 2 && !is_digit(major[2]))) {
        return http_head_reject(h, 400);
    }
    if (left < NAME_LEN + 3) {
        return HTTP_PARSE_MORE;
    }
    h->req->minor = major[2] == '0' ? 0 : 1;
    h->at = major + 3;
    return HTTP_PARSE_DONE;
}

static enum http_parse_result take_request_words(struct http_head *h)
{
    enum http_parse_result r = take_token(h, ' ', &h->req->method_name);
    if (r == HTTP_PARSE_DONE) {
        h->req->method = method_of(h->req->method_name);
        r = take_target(h);
    }
    if (r == HTTP_PARSE_DONE) {
        r = take_version(h);
    }
    return r;
}

static enum http_parse_result take_request_line(struct http_head *h)
{
    const char *start = h->at;
    enum http_parse_result r = take_request_words(h);
    size_t len = (size_t)(h->at - start); /* of a line whose end is yet to come, what there is */
    if (len > h->limits->request_line_max) {
        return http_head_reject(h, 414);
    }
    if (r == HTTP_PARSE_DONE) {
        r = take_line_end(h);
    }
    return r == HTTP_PARSE_DONE ? http_target_split(h) : r;
}

/* Takes the value up to the end of its line. */
static enum http_parse_result take_value(struct http_head *h, struct slice *out)
{
    const char *start = h->at;
    for (;;) {
        h->at = http_skip_text(h->at, h->end, ' ');
        if (h->at == h->end || *h->at != '\t') {
            break;
        }
        h->at++;
    }
    *out = http_trim(slice_make(start, (size_t)(h->at - start)));
    return take_line_end(h);
}

static enum http_parse_result take_header(struct http_head *h)
{
    struct http_request *req = h->req;
    struct http_header line;
    enum http_parse_result r = take_token(h, ':', &line.name);
    if (r == HTTP_PARSE_DONE) {
        r = take_value(h, &line.value);
    }
    if (r != HTTP_PARSE_DONE) {
        return r;
    }
    if (req->header_count >= HTTP_HEADERS_MAX || req->header_count >= h->limits->header_count_max) {
        return http_head_reject(h, 431);
    }
    req->headers[req->header_count++] = line;
    return http_field_take(h, line.name, line.value);
}

static enum http_parse_result take_headers(struct http_head *h)
{
    const char *start = h->at;
    enum http_parse_result r = HTTP_PARSE_DONE;
    bool is_over = false;
    while (r == HTTP_PARSE_DONE && !is_over) {
        is_over = h->at < h->end && (*h->at == '\r' || *h->at == '\n');
        r = is_over ? take_line_end(h) : take_header(h);
        if ((size_t)(h->at - start) > h->limits->head_max) {
            return http_head_reject(h, 431);
        }
    }
    return r;
}

/* All but headers[], which header_count guards: it would cost more than the rest of a small head.
 */
static void clear(struct http_request *req)
{
    req->method_name = req->target = req->path = req->query = slice_make(NULL, 0);
    req->host = req->body = slice_make(NULL, 0);
    req->method = HTTP_OTHER_METHOD;
    req->minor = 0;
    req->keep_alive = req->chunked = req->expect_continue = req->has_length = false;
    req->content_length = 0;
    req->header_count = 0;
    memset(req->known, 0, sizeof req->known);
}

enum http_parse_result http_parse_head(struct slice bytes, const struct http_limits *limits,
                                       struct http_request *out, size_t *used, int *status)
{
    clear(out);
    if (bytes.len == 0) {
        return HTTP_PARSE_MORE;
    }
    struct http_head h = {
        .at = bytes.data, .end = bytes.data + bytes.len, .limits = limits, .req = out};
    enum http_parse_result r = skip_empty_lines(&h);
    if (r == HTTP_PARSE_DONE) {
        r = take_request_line(&h);
    }
    if (r == HTTP_PARSE_DONE) {
        r = take_headers(&h);
    }
    if (r == HTTP_PARSE_DONE) {
        r = http_fields_finish(&h);
    }
    if (r == HTTP_PARSE_DONE) {
        *used = (size_t)(h.at - bytes.data);
    } else if (r == HTTP_PARSE_REJECT) {
        *status = h.status;
    }
    return r;
}
