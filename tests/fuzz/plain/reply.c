#include "tests/fuzz/plain/reply.h"

#include "tests/fuzz/fuzz.h"

#include <strings.h>

/* Takes a line that ends in CRLF and holds no other control byte. */
static bool take_line(struct slice *rest, struct slice *line)
{
    const char *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = slice_make(rest->data, (size_t)(end - rest->data));
    *rest = fuzz_after(*rest, line->len + 2);
    for (size_t i = 0; i < line->len; i++) {
        if ((unsigned char)line->data[i] < ' ' || line->data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Is the line this field? Then *value is what it holds. */
static bool is_field(struct slice line, const char *name, struct slice *value)
{
    size_t len = strlen(name);
    if (line.len < len + 2 || strncasecmp(line.data, name, len) != 0 ||
        memcmp(line.data + len, ": ", 2) != 0) {
        return false;
    }
    *value = fuzz_after(line, len + 2);
    return true;
}

static bool read_status(struct slice line, int *status)
{
    struct slice rest = line, code;
    if (!slice_is(fuzz_take(&rest, ' '), "HTTP/1.1")) {
        return false;
    }
    code = fuzz_take(&rest, ' ');
    if (code.len != 3 || line.len < sizeof "HTTP/1.1 200 " - 1) {
        return false;
    }
    char *text = fuzz_text(code);
    *status = (int)strtol(text, NULL, 10);
    free(text);
    return *status >= 100 && *status <= 599;
}

/* What its fields say; each of those that are looked at may stand there once. */
struct fields {
    struct slice length, connection, date;
};

static bool read_fields(struct slice *rest, struct plain_reply *out, struct fields *f)
{
    struct slice line;
    while (take_line(rest, &line)) {
        if (line.len == 0) {
            return true;
        }
        struct slice value, coding;
        struct slice *place = is_field(line, "Content-Length", &value) ? &f->length
                              : is_field(line, "Connection", &value)   ? &f->connection
                              : is_field(line, "Date", &value)         ? &f->date
                              : is_field(line, "Content-Type", &value) ? &out->type
                                                                       : NULL;
        if (memchr(line.data, ':', line.len) == NULL || (place != NULL && place->data != NULL) ||
            is_field(line, "Transfer-Encoding", &coding)) {
            return false;
        }
        if (place != NULL) {
            *place = value;
        }
    }
    return false;
}

/* A final reply has a date, and says how long it is unless its status does. */
static bool judge(struct plain_reply *out, const struct fields *f, size_t *length)
{
    *length = 0;
    if (out->status < 200) {
        return f->length.data == NULL;
    }
    bool has_body = out->status != 204 && out->status != 304;
    if (f->date.len != 29 || (f->length.data != NULL) != has_body) {
        return false;
    }
    if (has_body) {
        char *text = fuzz_text(f->length);
        size_t digits = strspn(text, "0123456789");
        *length = strtoul(text, NULL, 10);
        bool is_good = digits > 0 && digits == f->length.len;
        free(text);
        return is_good;
    }
    return true;
}

bool plain_reply_take(struct slice *rest, bool no_body, struct plain_reply *out)
{
    struct slice start = *rest, at = *rest, line;
    struct fields f = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    size_t length;
    *out = (struct plain_reply){0};
    if (!take_line(&at, &line) || !read_status(line, &out->status) || !read_fields(&at, out, &f) ||
        !judge(out, &f, &length)) {
        return false;
    }
    length = no_body ? 0 : length;
    if (at.len < length) {
        return false;
    }
    out->head = slice_make(start.data, (size_t)(at.data - start.data));
    out->body = slice_make(at.data, length);
    out->closes = slice_is(f.connection, "close");
    *rest = fuzz_after(at, length);
    return true;
}

static bool next_line(struct slice *head, struct slice *line)
{
    struct slice value;
    do {
        if (!take_line(head, line)) {
            return false;
        }
    } while (is_field(*line, "Date", &value) || is_field(*line, "Connection", &value));
    return true;
}

bool plain_reply_is_same(const struct plain_reply *a, const struct plain_reply *b)
{
    struct slice left = a->head, right = b->head, one, other;
    while (next_line(&left, &one)) {
        if (!next_line(&right, &other) || !slice_equal(one, other)) {
            return false;
        }
    }
    return !next_line(&right, &other) && slice_equal(a->body, b->body);
}
