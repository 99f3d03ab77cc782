#include "common/http_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum step { STEP_NEXT, STEP_WAIT };

static size_t left_of(const struct http_input *in)
{
    return in->bytes.len - in->start;
}

static char *begin_of(const struct http_input *in)
{
    return in->bytes.data + in->start;
}

static void begin_request(struct http_input *in, size_t start)
{
    in->start = start;
    in->searched = in->parsed = in->head_len = in->body_len = 0;
    in->chunked = false;
    in->content_length = 0;
    in->chunks = (struct http_chunks){0};
}

void http_input_free(struct http_conn *c)
{
    if (c->in != NULL) {
        (void)http_keep(c->server, &c->in->counted, 0);
        buffer_fini(&c->in->bytes);
        free(c->in);
        c->in = NULL;
    }
}

static struct slice default_reject_body(int status)
{
    switch (status) {
    case 408:
        return slice_of("The request took too long.\n");
    case 413:
        return slice_of("The body is too large.\n");
    case 414:
        return slice_of("The request line is too long.\n");
    case 417:
        return slice_of("The expectation cannot be met.\n");
    case 431:
        return slice_of("The headers are too large.\n");
    case 503:
        return slice_of("There is no room for the request just now.\n");
    case 505:
        return slice_of("The HTTP version is not supported.\n");
    default:
        return slice_of("The request cannot be served.\n");
    }
}

/*
 * Reads once more what there is of the head, be it no good: the server's request may be of another
 * connection.
 */
static const struct http_request *heard(struct http_server *s, const struct http_input *in)
{
    size_t used = 0;
    int status = 0;
    struct slice head = slice_make(begin_of(in), in->head_len > 0 ? in->head_len : left_of(in));
    (void)http_parse_head(head, &s->options.limits, &s->request, &used, &status);
    return &s->request;
}

static unsigned flags_of(const struct http_request *req)
{
    unsigned flags = req->method == HTTP_HEAD ? HTTP_REPLY_HEAD : 0;
    if (!req->keep_alive || req->method == HTTP_OTHER_METHOD) {
        flags |= HTTP_REPLY_CLOSE;
    } else if (req->minor == 0) {
        flags |= HTTP_REPLY_KEEP_ALIVE;
    }
    return flags;
}

/* Refuses the request that is being read. */
void http_reject(struct http_conn *c, const struct http_input *in, int status)
{
    struct http_server *s = c->server;
    const struct http_request *req = heard(s, in);
    unsigned flags = in->head_len > 0 ? flags_of(req) : 0; /* a HEAD has no body, broken or not */
    struct http_reply reply = {.status = status,
                               .content_type = "text/plain; charset=utf-8",
                               .headers = slice_of(status == 503 ? "Retry-After: 5\r\n" : ""),
                               .body = default_reject_body(status)};
    if (s->handler.on_reject != NULL) {
        s->handler.on_reject(status, req, &reply, s->handler.arg);
        reply.status = status;
    }
    http_count_reject(s, status);
    c->input_over = true;
    c->linger = true;
    http_output_reply(c, &reply, flags | HTTP_REPLY_CLOSE);
}

/* Old clients send CRLF after a body; it is no beginning of a request. */
static void skip_empty_lines(struct http_input *in)
{
    const char *at = begin_of(in), *end = in->bytes.data + in->bytes.len;
    while (at < end && (*at == '\n' || (*at == '\r' && end - at > 1 && at[1] == '\n'))) {
        at += *at == '\n' ? 1 : 2;
    }
    in->start = (size_t)(at - in->bytes.data);
}

/* Looks for an empty line, from where the last search ended. */
static bool has_head_end(struct http_input *in)
{
    const char *begin = begin_of(in), *end = begin + left_of(in);
    const char *at = begin + in->searched;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        const char *next = at + 1;
        if (next < end && *next == '\r') {
            next++;
        }
        if (next == end) {
            in->searched = (size_t)(at - begin);
            return false;
        }
        if (*next == '\n') {
            return true;
        }
        at++;
    }
    in->searched = left_of(in);
    return false;
}

/*
 * A head that comes in drops is parsed when its end is there, when there is twice as much of it as
 * the last time (so that what is broken does not wait for its end) or too much: in all O(its size).
 */
static bool is_head_due(const struct http_conn *c, struct http_input *in)
{
    const struct http_limits *limits = &c->server->options.limits;
    size_t left = left_of(in);
    return in->parsed == 0 || left / 2 >= in->parsed ||
           left - in->parsed > limits->head_max + limits->request_line_max || has_head_end(in);
}

static void dispatch(struct http_conn *c, struct http_input *in, size_t request_len)
{
    struct http_server *s = c->server;
    c->reply_flags = flags_of(&s->request) & 0xfU;
    c->answered = false;
    c->served_any = true;
    c->renew = true;
    if (s->draining || (c->reply_flags & HTTP_REPLY_CLOSE) != 0) {
        c->linger = c->linger || s->draining || s->request.method == HTTP_OTHER_METHOD;
        c->reply_flags |= HTTP_REPLY_CLOSE;
        c->input_over = true;
    }
    metric_add(s->requests, 1);
    s->handler.on_request(c, &s->request, s->handler.arg);
    assert(c->answered);
    begin_request(in, in->start + request_len);
}

/* Decodes in place, right after the head. DONE: *raw_len is what head and body took as they came.
 */
static enum http_parse_result decode_chunks(struct http_conn *c, struct http_input *in,
                                            size_t *raw_len, int *status)
{
    char *begin = begin_of(in);
    size_t end = left_of(in), at = in->head_len + in->body_len;
    enum http_parse_result r = HTTP_PARSE_MORE;
    while (r == HTTP_PARSE_MORE && at < end) {
        struct slice data;
        size_t used = 0;
        r = http_parse_chunks(&in->chunks, slice_make(begin + at, end - at),
                              &c->server->options.limits, &data, &used, status);
        if (r == HTTP_PARSE_REJECT) {
            return r;
        }
        memmove(begin + in->head_len + in->body_len, data.data, data.len);
        in->body_len += data.len;
        at += used;
    }
    if (r == HTTP_PARSE_MORE) {
        in->bytes.len = in->start + in->head_len + in->body_len;
    }
    *raw_len = at;
    return r;
}

static enum http_parse_result read_body(struct http_conn *c, struct http_input *in,
                                        struct slice *body, size_t *raw_len, int *status)
{
    enum http_parse_result r = HTTP_PARSE_DONE;
    if (in->chunked) {
        r = decode_chunks(c, in, raw_len, status);
    } else {
        if (left_of(in) - in->head_len < in->content_length) {
            return HTTP_PARSE_MORE;
        }
        in->body_len = (size_t)in->content_length;
        *raw_len = in->head_len + in->body_len;
    }
    *body = slice_make(begin_of(in) + in->head_len, in->body_len);
    return r;
}

/* Sends 100 Continue, or the refusal. Returns false after the latter. */
static bool answer_expectation(struct http_conn *c, const struct http_input *in)
{
    struct http_server *s = c->server;
    if (left_of(in) > in->head_len) {
        return true; /* it did not wait */
    }
    int status =
        s->handler.on_expect == NULL ? 0 : s->handler.on_expect(&s->request, s->handler.arg);
    if (status != 0) {
        http_reject(c, in, status);
        return false;
    }
    http_output_bytes(c, slice_of("HTTP/1.1 100 Continue\r\n\r\n"), 0);
    return true;
}

/* Judges a head that has just become whole. Returns false when its request is done with. */
static bool accept_head(struct http_conn *c, struct http_input *in)
{
    const struct http_request *req = &c->server->request;
    if (req->method == HTTP_OTHER_METHOD) {
        dispatch(c, in, in->head_len);
        return false;
    }
    if (req->content_length > c->server->options.limits.body_max) {
        http_reject(c, in, 413);
        return false;
    }
    in->chunked = req->chunked;
    in->content_length = req->content_length;
    bool has_body = req->chunked || req->content_length > 0;
    return !req->expect_continue || !has_body || answer_expectation(c, in);
}

/* Parses the head into the server's request. Returns false when it is not whole, or refused. */
static bool parse_head(struct http_conn *c, struct http_input *in)
{
    struct http_server *s = c->server;
    int status = 0;
    size_t used = 0;
    enum http_parse_result r = http_parse_head(slice_make(begin_of(in), left_of(in)),
                                               &s->options.limits, &s->request, &used, &status);
    if (r == HTTP_PARSE_DONE) {
        in->head_len = used;
        return true;
    }
    if (r == HTTP_PARSE_REJECT) {
        http_reject(c, in, status);
    }
    in->parsed = left_of(in);
    return false;
}

static enum step serve_next(struct http_conn *c, struct http_input *in)
{
    bool is_parsed = in->head_len == 0;
    if (is_parsed) {
        skip_empty_lines(in);
        if (left_of(in) == 0 || !is_head_due(c, in) || !parse_head(c, in)) {
            return STEP_WAIT;
        }
        if (!accept_head(c, in)) {
            return STEP_NEXT;
        }
    }
    struct slice body;
    size_t raw_len = 0;
    int status = 0;
    enum http_parse_result r = read_body(c, in, &body, &raw_len, &status);
    if (r == HTTP_PARSE_MORE) {
        return STEP_WAIT;
    }
    if (r == HTTP_PARSE_REJECT) {
        http_reject(c, in, status);
        return STEP_WAIT;
    }
    if (!is_parsed && !parse_head(c, in)) {
        return STEP_WAIT; /* never: it was whole before */
    }
    if (in->chunked || c->server->request.has_length) {
        c->server->request.body = body;
    }
    dispatch(c, in, raw_len);
    return STEP_NEXT;
}

/* Moves what is left in the server's shared buffer to the connection. */
static void keep(struct http_conn *c, const struct http_input *shared)
{
    struct http_input *in = malloc(sizeof *in);
    if (in == NULL) {
        c->broken = true;
        return;
    }
    *in = *shared;
    in->start = 0;
    buffer_init(&in->bytes);
    buffer_append(&in->bytes, begin_of(shared), left_of(shared));
    c->in = in;
    c->broken = c->broken || buffer_failed(&in->bytes);
}

void http_input_serve(struct http_conn *c, struct http_input *in)
{
    c->more = false;
    enum step step = STEP_NEXT;
    for (unsigned n = 0; step == STEP_NEXT && !c->input_over && !c->broken; n++) {
        if (n == HTTP_SERVED_MAX || http_conn_is_blocked(c)) {
            c->more = left_of(in) > 0;
            break;
        }
        step = serve_next(c, in);
    }
    if (c->input_over || left_of(in) == 0) {
        c->linger = c->linger || left_of(in) > 0;
        http_input_free(c);
    } else if (in != c->in) {
        keep(c, in);
    } else {
        buffer_consume(&in->bytes, in->start);
        in->start = 0;
    }
    if (c->in != NULL && !http_keep(c->server, &c->in->counted, c->in->bytes.len)) {
        http_reject(c, c->in, 503);
        http_input_free(c);
    }
}

/* Takes what the socket has into the shared buffer. */
static size_t receive(struct http_conn *c)
{
    ssize_t n = recv(c->fd, c->server->shared.bytes.data, HTTP_READ_SIZE, 0);
    if (n > 0) {
        return (size_t)n;
    }
    if (n == 0) {
        c->eof = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        c->broken = true;
    }
    return 0;
}

static void discard(struct http_conn *c, size_t len)
{
    uint32_t before = c->lingered_bytes / HTTP_LINGER_STEP;
    c->lingered_bytes += (uint32_t)len;
    if (c->lingered_bytes / HTTP_LINGER_STEP != before) {
        c->renew = true;
    }
    if (c->eof || c->lingered_bytes > HTTP_LINGER_BYTES_MAX) {
        c->broken = true;
    }
}

void http_input_read(struct http_conn *c)
{
    struct http_input *shared = &c->server->shared;
    size_t len = receive(c);
    if (c->lingering) {
        discard(c, len);
        return;
    }
    if (len == 0) {
        return;
    }
    if (c->in == NULL) {
        shared->bytes.len = len;
        begin_request(shared, 0);
        http_input_serve(c, shared);
        return;
    }
    buffer_append(&c->in->bytes, shared->bytes.data, len);
    if (buffer_failed(&c->in->bytes)) {
        c->broken = true;
        return;
    }
    http_input_serve(c, c->in);
}
