/*
 * Tells which requests the parser finds in the bytes of connections, for test_h11.py to compare.
 *
 * Standard input: for each connection its length, 4 bytes little endian, and its bytes. Standard
 * output: a line of JSON for each, texts in hex:
 *
 *     {"requests":[{"method":"474554","target":"2f","headers":["486f7374","78"],"body":""}],
 *      "end":"open"}
 *
 * end: open (the rest is no whole request), closes (by its last request), or the status of what is
 * refused. Requests are read on where a server would answer and close without having asked for the
 * body: it is the parser that is looked at.
 */
#include "common/buffer.h"
#include "common/http_server.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECTION_MAX = 1 << 24, REFUSED_NEVER = 0 };

static void append_hex(struct buffer *out, struct slice s)
{
    buffer_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        buffer_append_format(out, "%02x", (unsigned char)s.data[i]);
    }
    buffer_append_char(out, '"');
}

static void append_request(struct buffer *out, const struct http_request *req, struct slice body)
{
    buffer_append_text(out, "{\"method\":");
    append_hex(out, req->method_name);
    buffer_append_text(out, ",\"target\":");
    append_hex(out, req->target);
    buffer_append_text(out, ",\"headers\":[");
    for (size_t i = 0; i < req->header_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        append_hex(out, req->headers[i].name);
        buffer_append_char(out, ',');
        append_hex(out, req->headers[i].value);
    }
    buffer_append_text(out, "],\"body\":");
    append_hex(out, body);
    buffer_append_char(out, '}');
}

/* The body that starts with rest, appended; *used is what it took. */
static enum http_parse_result read_chunks(struct slice rest, const struct http_limits *limits,
                                          struct buffer *body, size_t *used, int *status)
{
    struct http_chunks chunks = {0};
    enum http_parse_result r = HTTP_PARSE_MORE;
    *used = 0;
    while (r == HTTP_PARSE_MORE && *used < rest.len) {
        struct slice data;
        size_t step = 0;
        r = http_parse_chunks(&chunks, slice_make(rest.data + *used, rest.len - *used), limits,
                              &data, &step, status);
        if (r != HTTP_PARSE_REJECT) {
            buffer_append_slice(body, data);
            *used += step;
        }
    }
    return r;
}

static enum http_parse_result read_body(const struct http_request *req, struct slice rest,
                                        const struct http_limits *limits, struct buffer *body,
                                        size_t *used, int *status)
{
    if (req->chunked) {
        return read_chunks(rest, limits, body, used, status);
    }
    if (req->content_length > limits->body_max) {
        *status = 413;
        return HTTP_PARSE_REJECT;
    }
    if (req->content_length > rest.len) {
        return HTTP_PARSE_MORE;
    }
    *used = (size_t)req->content_length;
    buffer_append(body, rest.data, *used);
    return HTTP_PARSE_DONE;
}

/* One request off *rest. DONE: it is told, and *closes says whether it is the last. */
static enum http_parse_result take_request(struct slice *rest, struct buffer *out, bool *closes,
                                           int *status)
{
    static struct http_request req;
    const struct http_limits limits = http_server_defaults().limits;
    struct buffer body;
    size_t head_len, body_len = 0;
    enum http_parse_result r = http_parse_head(*rest, &limits, &req, &head_len, status);
    if (r != HTTP_PARSE_DONE) {
        return r;
    }
    buffer_init(&body);
    struct slice behind = slice_make(rest->data + head_len, rest->len - head_len);
    r = read_body(&req, behind, &limits, &body, &body_len, status);
    if (r == HTTP_PARSE_DONE) {
        append_request(out, &req, buffer_slice(&body));
        *rest = slice_make(behind.data + body_len, behind.len - body_len);
        *closes = !req.keep_alive;
    }
    buffer_fini(&body);
    return r;
}

static void tell(struct slice bytes, struct buffer *out)
{
    enum http_parse_result r = HTTP_PARSE_DONE;
    bool closes = false;
    int status = REFUSED_NEVER;
    buffer_append_text(out, "{\"requests\":[");
    for (size_t count = 0; r == HTTP_PARSE_DONE && !closes; count++) {
        size_t before = out->len;
        buffer_append_text(out, count == 0 ? "" : ",");
        r = take_request(&bytes, out, &closes, &status);
        out->len = r == HTTP_PARSE_DONE ? out->len : before;
    }
    buffer_append_text(out, "],\"end\":");
    if (r == HTTP_PARSE_REJECT) {
        buffer_append_format(out, "%d}\n", status);
    } else {
        buffer_append_text(out, closes ? "\"closes\"}\n" : "\"open\"}\n");
    }
}

/* Reads a connection's bytes. Returns false at the end of the input. */
static bool read_connection(struct buffer *bytes)
{
    unsigned char head[4];
    buffer_reset(bytes);
    if (fread(head, 1, sizeof head, stdin) != sizeof head) {
        return false;
    }
    size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (len > CONNECTION_MAX || !buffer_reserve(bytes, len + 1)) {
        return false;
    }
    bytes->len = fread(bytes->data, 1, len, stdin);
    return bytes->len == len;
}

int main(void)
{
    struct buffer bytes, out;
    buffer_init(&bytes);
    buffer_init(&out);
    bool is_good = true;
    while (is_good && read_connection(&bytes)) {
        buffer_reset(&out);
        tell(buffer_slice(&bytes), &out);
        is_good = !buffer_failed(&out) && fwrite(out.data, 1, out.len, stdout) == out.len;
    }
    is_good = is_good && feof(stdin) != 0 && fflush(stdout) == 0;
    buffer_fini(&bytes);
    buffer_fini(&out);
    return is_good ? 0 : 1;
}
