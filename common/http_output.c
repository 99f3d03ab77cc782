#include "common/http_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    RUNS_FIRST_CAPACITY = 256,
    VECTORS_MAX = 64,
    HEAD_ROOM = 256, /* the head without content type and further headers */
    OUT_KEPT_MAX = 2 * HTTP_OUT_HIGH,
    FILE_STRETCH = 256 * 1024 /* of a file at a time: then others have their turn */
};

static const struct status_line {
    int status;
    const char *text;
} STATUS_LINES[] = {
    {200, "HTTP/1.1 200 OK\r\nDate: "},
    {204, "HTTP/1.1 204 No Content\r\nDate: "},
    {400, "HTTP/1.1 400 Bad Request\r\nDate: "},
    {401, "HTTP/1.1 401 Unauthorized\r\nDate: "},
    {404, "HTTP/1.1 404 Not Found\r\nDate: "},
    {405, "HTTP/1.1 405 Method Not Allowed\r\nDate: "},
    {408, "HTTP/1.1 408 Request Timeout\r\nDate: "},
    {413, "HTTP/1.1 413 Content Too Large\r\nDate: "},
    {414, "HTTP/1.1 414 URI Too Long\r\nDate: "},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\nDate: "},
    {417, "HTTP/1.1 417 Expectation Failed\r\nDate: "},
    {429, "HTTP/1.1 429 Too Many Requests\r\nDate: "},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\nDate: "},
    {500, "HTTP/1.1 500 Internal Server Error\r\nDate: "},
    {503, "HTTP/1.1 503 Service Unavailable\r\nDate: "},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\nDate: "},
};

struct slice http_server_date(struct http_server *s)
{
    static const char DAYS[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char MONTHS[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm t;
    if (now != s->date_at && gmtime_r(&now, &t) != NULL) {
        char text[128];
        (void)snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", DAYS[t.tm_wday],
                       t.tm_mday, MONTHS[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min,
                       t.tm_sec); /* fits: a year of four digits */
        memcpy(s->date, text, HTTP_DATE_LEN);
        s->date_at = now;
    }
    return slice_make(s->date, HTTP_DATE_LEN);
}

static void put(struct buffer *b, const void *bytes, size_t len)
{
    memcpy(b->data + b->len, bytes, len); /* the caller has reserved */
    b->len += len;
}

static void put_text(struct buffer *b, const char *text)
{
    put(b, text, strlen(text));
}

static void put_status_line(struct buffer *b, int status)
{
    for (size_t i = 0; i < sizeof STATUS_LINES / sizeof STATUS_LINES[0]; i++) {
        if (STATUS_LINES[i].status == status) {
            put_text(b, STATUS_LINES[i].text);
            return;
        }
    }
    /* A status without a phrase is legal; the space before it must stay. */
    put_text(b, "HTTP/1.1 ");
    buffer_append_uint(b, (uint64_t)status);
    put_text(b, " \r\nDate: ");
}

static void put_head(struct http_server *s, const struct http_reply *reply, uint64_t body_len,
                     unsigned flags)
{
    struct buffer *b = &s->out;
    put_status_line(b, reply->status);
    put(b, http_server_date(s).data, HTTP_DATE_LEN);
    if (reply->content_type != NULL) {
        put_text(b, "\r\nContent-Type: ");
        put_text(b, reply->content_type);
    }
    if (reply->status != 204 && reply->status != 304) {
        put_text(b, "\r\nContent-Length: ");
        buffer_append_uint(b, body_len);
    }
    put_text(b, "\r\n");
    if (reply->headers.len > 0) {
        put(b, reply->headers.data, reply->headers.len);
    }
    if ((flags & HTTP_REPLY_CLOSE) != 0) {
        put_text(b, "Connection: close\r\n");
    } else if ((flags & HTTP_REPLY_KEEP_ALIVE) != 0) {
        put_text(b, "Connection: keep-alive\r\n");
    }
    put_text(b, "\r\n");
}

/* file_len: of the file that follows the body. */
static bool render(struct http_server *s, const struct http_reply *reply, uint64_t file_len,
                   unsigned flags)
{
    bool has_body = reply->content_type != NULL && reply->status != 204 && reply->status != 304;
    size_t body_len = has_body ? reply->body.len : 0;
    size_t room = HEAD_ROOM + reply->headers.len + body_len;
    room += reply->content_type == NULL ? 0 : strlen(reply->content_type);
    if (!buffer_reserve(&s->out, room)) {
        s->out.failed = false; /* what there is of other replies is whole */
        return false;
    }
    put_head(s, reply, body_len + file_len, flags);
    if (body_len > 0 && (flags & HTTP_REPLY_HEAD) == 0) {
        put(&s->out, reply->body.data, body_len);
    }
    return true;
}

static void touch(struct http_conn *c)
{
    if (c->touched) {
        return;
    }
    struct http_list *touched = &c->server->touched;
    c->touched = true;
    c->next_touched = NULL;
    if (touched->last == NULL) {
        touched->first = c;
    } else {
        touched->last->next_touched = c;
    }
    touched->last = c;
}

static bool reserve_run(struct http_server *s)
{
    if (s->run_count < s->run_capacity) {
        return true;
    }
    size_t capacity = s->run_capacity == 0 ? RUNS_FIRST_CAPACITY : s->run_capacity * 2;
    struct http_run *runs = realloc(s->runs, capacity * sizeof *runs);
    if (runs == NULL) {
        return false;
    }
    s->runs = runs;
    s->run_capacity = capacity;
    return true;
}

/* Says that the output from `at` on is c's. */
static void add_run(struct http_conn *c, size_t at)
{
    struct http_server *s = c->server;
    size_t len = s->out.len - at;
    touch(c);
    if (c->last_run != 0 && s->runs[c->last_run - 1].at + s->runs[c->last_run - 1].len == at) {
        s->runs[c->last_run - 1].len += len;
        return;
    }
    if (!reserve_run(s)) {
        c->broken = true;
        return;
    }
    s->runs[s->run_count++] = (struct http_run){.at = at, .len = len};
    uint32_t number = (uint32_t)s->run_count;
    if (c->last_run == 0) {
        c->first_run = number;
    } else {
        s->runs[c->last_run - 1].next = number;
    }
    c->last_run = number;
}

static void fail(struct http_conn *c)
{
    c->broken = true;
    touch(c); /* so that the flush closes it */
}

/* Gives the output from `at` on to c: as bytes to send, or behind its held replies. */
static void finish_output(struct http_conn *c, size_t at, unsigned flags)
{
    struct http_server *s = c->server;
    if (c->hold_count > 0 && (flags & HTTP_REPLY_READY) == 0) {
        struct slice bytes = slice_make(s->out.data + at, s->out.len - at);
        unsigned ready = (flags & HTTP_REPLY_CLOSE) | HTTP_REPLY_READY;
        if (!http_holds_push(c, s->holds.last_ticket, bytes, ready)) {
            fail(c);
        }
        s->out.len = at;
        return;
    }
    add_run(c, at);
    if ((flags & HTTP_REPLY_CLOSE) != 0) {
        c->output_over = true;
    }
    if (s->out.len >= HTTP_OUT_HIGH) {
        http_output_send(s);
    }
}

/* A released reply carries READY: it is in its place already. */
void http_output_bytes(struct http_conn *c, struct slice bytes, unsigned flags)
{
    struct http_server *s = c->server;
    if (c->output_over || c->broken) {
        return;
    }
    size_t at = s->out.len;
    if (!buffer_reserve(&s->out, bytes.len)) {
        s->out.failed = false;
        fail(c);
        return;
    }
    put(&s->out, bytes.data, bytes.len);
    finish_output(c, at, flags);
}

/* As above for a reply that is yet to be rendered. */
void http_output_reply(struct http_conn *c, const struct http_reply *reply, unsigned flags)
{
    size_t at = c->server->out.len;
    if (c->output_over || c->broken) {
        return;
    }
    if (!render(c->server, reply, 0, flags)) {
        fail(c);
        return;
    }
    finish_output(c, at, flags);
}

/* The flags of the request being served, and of what its reply says. */
static unsigned flags_of(struct http_conn *c, const struct http_reply *reply)
{
    assert(!c->answered);
    c->answered = true;
    unsigned flags = c->reply_flags;
    if (reply->close && (flags & HTTP_REPLY_CLOSE) == 0) {
        flags |= HTTP_REPLY_CLOSE;
        c->input_over = true;
        c->linger = true;
    }
    return flags;
}

void http_reply(struct http_conn *c, const struct http_reply *reply)
{
    http_output_reply(c, reply, flags_of(c, reply));
}

static bool open_output(struct http_conn *c)
{
    if (c->out == NULL) {
        c->out = calloc(1, sizeof *c->out);
        if (c->out == NULL) {
            return false;
        }
        c->out->file = -1;
    }
    return true;
}

void http_reply_file(struct http_conn *c, const struct http_reply *reply, int fd, uint64_t len)
{
    assert(c->hold_count == 0);
    unsigned flags = flags_of(c, reply);
    size_t at = c->server->out.len;
    bool is_head = (flags & HTTP_REPLY_HEAD) != 0;
    if (c->output_over || c->broken || !render(c->server, reply, len, flags) ||
        (!is_head && !open_output(c))) {
        c->server->out.len = at;
        (void)close(fd); /* it was only read */
        fail(c);
        return;
    }
    if (is_head) {
        (void)close(fd); /* as above */
    } else {
        c->out->file = fd; /* nothing else is served before it is sent */
        c->out->file_left = len;
    }
    finish_output(c, at, flags);
}

void http_hold(struct http_conn *c, uint64_t ticket, const void *data, size_t len)
{
    assert(!c->answered);
    c->answered = true;
    if (!http_holds_push(c, ticket, slice_make(data, len), c->reply_flags)) {
        fail(c);
    }
}

void http_output_free(struct http_conn *c)
{
    if (c->out == NULL) {
        return;
    }
    if (c->out->file >= 0) {
        (void)close(c->out->file); /* it was only read */
    }
    (void)http_keep(c->server, &c->out->counted, 0);
    buffer_fini(&c->out->bytes);
    free(c->out);
    c->out = NULL;
}

/* What the socket took; 0 when it is full or, with broken set, gone. */
static size_t send_vectors(struct http_conn *c, struct iovec *vectors, size_t count)
{
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
        return (size_t)n;
    }
    if (errno != EAGAIN && errno != EINTR) {
        c->broken = true;
    }
    return 0;
}

/* Keeps the runs from `number` on, without the first `skip` bytes, until the socket takes them. */
static void keep_runs(struct http_conn *c, uint32_t number, size_t skip)
{
    struct http_server *s = c->server;
    if (!open_output(c)) {
        c->broken = true;
        return;
    }
    for (; number != 0; number = s->runs[number - 1].next) {
        const struct http_run *run = &s->runs[number - 1];
        size_t skipped = skip < run->len ? skip : run->len;
        buffer_append(&c->out->bytes, s->out.data + run->at + skipped, run->len - skipped);
        skip -= skipped;
    }
    if (buffer_failed(&c->out->bytes) || !http_keep(s, &c->out->counted, c->out->bytes.len)) {
        c->broken = true;
        http_output_free(c); /* at once: there may be room for the others then */
    }
}

static void send_runs(struct http_conn *c)
{
    struct http_server *s = c->server;
    uint32_t number = c->out == NULL ? c->first_run : 0;
    while (number != 0 && !c->broken) {
        struct iovec vectors[VECTORS_MAX];
        size_t count = 0, total = 0;
        uint32_t next = number;
        for (; next != 0 && count < VECTORS_MAX; next = s->runs[next - 1].next) {
            const struct http_run *run = &s->runs[next - 1];
            vectors[count++] = (struct iovec){s->out.data + run->at, run->len};
            total += run->len;
        }
        size_t sent = send_vectors(c, vectors, count);
        if (sent < total && !c->broken) {
            keep_runs(c, number, sent);
            return;
        }
        number = next;
    }
    if (c->out != NULL) {
        keep_runs(c, c->first_run, 0);
    }
}

void http_output_send(struct http_server *s)
{
    for (struct http_conn *c = s->touched.first; c != NULL; c = c->next_touched) {
        if (c->first_run != 0 && !c->closed && !c->broken) {
            send_runs(c);
        }
        c->first_run = c->last_run = 0;
    }
    s->run_count = 0;
    buffer_shrink(&s->out, OUT_KEPT_MAX);
}

/* Sends the next stretch of the file. A file that ends too early cannot be made good. */
static void send_file(struct http_conn *c, struct http_output *out)
{
    size_t want = out->file_left < FILE_STRETCH ? (size_t)out->file_left : FILE_STRETCH;
    ssize_t n = sendfile(c->fd, out->file, &out->file_at, want);
    if (n > 0) {
        out->file_left -= (uint64_t)n;
        c->renew = true;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        c->broken = true;
    }
}

bool http_output_write(struct http_conn *c)
{
    struct http_output *out = c->out;
    if (out->sent < out->bytes.len) {
        struct iovec rest = {out->bytes.data + out->sent, out->bytes.len - out->sent};
        size_t n = send_vectors(c, &rest, 1);
        out->sent += n;
        c->renew = c->renew || n > 0;
    }
    if (out->sent == out->bytes.len && out->file_left > 0 && !c->broken) {
        send_file(c, out);
    }
    if (out->sent < out->bytes.len || out->file_left > 0) {
        return false;
    }
    http_output_free(c);
    return true;
}
