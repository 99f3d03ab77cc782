#include "tests/load/reply.h"

#include <jansson.h>

#include <stdlib.h>
#include <strings.h>

enum { HEAD_MAX = 64 * 1024, LENGTH_NONE = -1 };

struct head {
    int status;
    bool closes, is_chunked;
    long long length; /* LENGTH_NONE when not said */
};

static struct slice after(struct slice s, size_t len)
{
    return slice_make(s.data + len, s.len - len);
}

/* Takes a line and its CRLF off s; false when there is no whole one. */
static bool take_line(struct slice *s, struct slice *line)
{
    const char *end = memmem(s->data, s->len, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = slice_make(s->data, (size_t)(end - s->data));
    *s = after(*s, line->len + 2);
    return true;
}

static bool starts_with(struct slice s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}

static struct slice trimmed(struct slice s)
{
    while (s.len > 0 && (*s.data == ' ' || *s.data == '\t')) {
        s = after(s, 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static bool is_word(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

static bool read_status(struct slice line, struct head *h)
{
    if (!starts_with(line, "HTTP/1.") || line.len < 12 || line.data[8] != ' ') {
        return false;
    }
    h->closes = line.data[7] == '0';
    h->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9') {
            return false;
        }
        h->status = 10 * h->status + line.data[i] - '0';
    }
    return h->status >= 100;
}

/* A number that fills all of s; -1 when it does not. Bodies here are far below a gigabyte. */
static long long read_number(struct slice s, int base)
{
    char text[16];
    if (s.len == 0 || s.len >= sizeof text) {
        return -1;
    }
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    char *end;
    long long number = strtoll(text, &end, base);
    return *end == '\0' && number >= 0 && number < 1LL << 30 ? number : -1;
}

static bool read_field(struct slice line, struct head *h)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (colon == NULL) {
        return false;
    }
    struct slice name = slice_make(line.data, (size_t)(colon - line.data));
    struct slice value = trimmed(after(line, name.len + 1));
    if (is_word(name, "content-length")) {
        h->length = read_number(value, 10);
        return h->length >= 0;
    }
    if (is_word(name, "transfer-encoding")) {
        h->is_chunked = is_word(value, "chunked");
        return h->is_chunked;
    }
    if (is_word(name, "connection")) {
        h->closes = is_word(value, "close") || (h->closes && !is_word(value, "keep-alive"));
    }
    return true;
}

/* Takes the head off s. */
static enum reply_result read_head(struct slice *s, struct head *h)
{
    const char *end = memmem(s->data, s->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return s->len > HEAD_MAX ? REPLY_BROKEN : REPLY_NEED_MORE;
    }
    struct slice line;
    *h = (struct head){.length = LENGTH_NONE};
    if (!take_line(s, &line) || !read_status(line, h)) {
        return REPLY_BROKEN;
    }
    while (take_line(s, &line) && line.len > 0) {
        if (!read_field(line, h)) {
            return REPLY_BROKEN;
        }
    }
    return REPLY_WHOLE;
}

/* Takes the trailers and the empty line after the last chunk. */
static enum reply_result read_trailers(struct slice *s)
{
    struct slice line;
    do {
        if (!take_line(s, &line)) {
            return REPLY_NEED_MORE;
        }
    } while (line.len > 0);
    return REPLY_WHOLE;
}

static enum reply_result read_chunks(struct slice *s, struct buffer *joined)
{
    buffer_reset(joined);
    for (;;) {
        struct slice line;
        if (!take_line(s, &line)) {
            return REPLY_NEED_MORE;
        }
        const char *extension = memchr(line.data, ';', line.len);
        if (extension != NULL) {
            line.len = (size_t)(extension - line.data);
        }
        long long size = read_number(trimmed(line), 16);
        if (size <= 0) {
            return size < 0 ? REPLY_BROKEN : read_trailers(s);
        }
        if (s->len < (size_t)size + 2) {
            return REPLY_NEED_MORE;
        }
        buffer_append(joined, s->data, (size_t)size);
        if (memcmp(s->data + size, "\r\n", 2) != 0 || buffer_failed(joined)) {
            return REPLY_BROKEN;
        }
        *s = after(*s, (size_t)size + 2);
    }
}

static enum reply_result read_body(struct slice *s, const struct head *h, struct buffer *joined,
                                   struct slice *body)
{
    if (h->status == 204 || h->status == 304) {
        *body = slice_make("", 0);
        return REPLY_WHOLE;
    }
    if (h->is_chunked) {
        enum reply_result result = read_chunks(s, joined);
        *body = buffer_slice(joined);
        return result;
    }
    if (h->length == LENGTH_NONE) {
        return REPLY_BROKEN;
    }
    if (s->len < (size_t)h->length) {
        return REPLY_NEED_MORE;
    }
    *body = slice_make(s->data, (size_t)h->length);
    *s = after(*s, (size_t)h->length);
    return REPLY_WHOLE;
}

enum reply_result reply_parse(struct slice bytes, struct buffer *joined, struct reply *out)
{
    struct slice rest = bytes, body;
    struct head h;
    enum reply_result result;
    do {
        result = read_head(&rest, &h);
    } while (result == REPLY_WHOLE && h.status < 200);
    if (result == REPLY_WHOLE) {
        result = read_body(&rest, &h, joined, &body);
    }
    if (result == REPLY_WHOLE) {
        *out = (struct reply){h.status, h.closes, bytes.len - rest.len, body};
    }
    return result;
}

static bool is_json_ok(struct slice body)
{
    json_t *object = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *status = json_string_value(json_object_get(object, "status"));
    bool is_ok = status != NULL && strcmp(status, "ok") == 0;
    json_decref(object);
    return is_ok;
}

/* f({...}); behind an empty comment, whose wrapping is taken off. */
static bool is_callback_ok(struct slice body, const char *callback)
{
    size_t name_len = strlen(callback), front_len = 4 + name_len + 1;
    if (body.len < front_len + 2 || !starts_with(body, "/**/") ||
        !starts_with(after(body, 4), callback) || body.data[4 + name_len] != '(' ||
        memcmp(body.data + body.len - 2, ");", 2) != 0) {
        return false;
    }
    return is_json_ok(slice_make(body.data + front_len, body.len - front_len - 2));
}

bool reply_is_ok(const struct reply *r, const struct reply_wanted *wanted)
{
    if (r->status != 200) {
        return false;
    }
    struct slice body = r->body;
    while (body.len > 0 && (body.data[body.len - 1] == '\n' || body.data[body.len - 1] == '\r')) {
        body.len--;
    }
    switch (wanted->form) {
    case REPLY_FORM_XML:
        return starts_with(body, "<response status=\"ok\" ") && body.len > 2 &&
               memcmp(body.data + body.len - 2, "/>", 2) == 0;
    case REPLY_FORM_JSON:
        return is_json_ok(body);
    case REPLY_FORM_CALLBACK:
        break;
    }
    return is_callback_ok(body, wanted->callback);
}
