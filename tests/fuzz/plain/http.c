#include "tests/fuzz/plain/http.h"

#include "tests/fuzz/fuzz.h"

#include <strings.h>

#define DIGITS "0123456789"
#define ALNUM DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN ALNUM "!#$%&'*+-.^_`|~"    /* RFC 9110, 5.6.2 */
#define HOST ALNUM "-._~%!$&'()*+,;=:[]" /* RFC 3986, 3.2.2 and 3.2.3 */

static bool holds_only(struct slice s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\0' || strchr(set, s.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_word(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = fuzz_after(s, 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* Takes a line with its end, LF or CRLF. False when it has none. */
static bool take_line(struct slice *rest, struct slice *line)
{
    if (rest->len == 0 || memchr(rest->data, '\n', rest->len) == NULL) {
        return false;
    }
    *line = fuzz_take(rest, '\n');
    line->len -= line->len > 0 && line->data[line->len - 1] == '\r' ? 1 : 0;
    return true;
}

/* No byte but text and TAB. */
static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static enum http_method method_of(struct slice name)
{
    return slice_is(name, "GET")       ? HTTP_GET
           : slice_is(name, "HEAD")    ? HTTP_HEAD
           : slice_is(name, "POST")    ? HTTP_POST
           : slice_is(name, "OPTIONS") ? HTTP_OPTIONS
                                       : HTTP_OTHER_METHOD;
}

static struct slice up_to(struct slice s, const char *ends)
{
    size_t len = 0;
    while (len < s.len && (s.data[len] == '\0' || strchr(ends, s.data[len]) == NULL)) {
        len++;
    }
    return slice_make(s.data, len);
}

/* Path and query of what follows the authority. */
static void split_path(struct slice s, struct http_request *out)
{
    s = up_to(s, "#");
    out->path = up_to(s, "?");
    if (out->path.len < s.len) {
        out->query = fuzz_after(s, out->path.len + 1);
    }
    out->path = out->path.len == 0 ? slice_of("/") : out->path;
}

static bool split_target(struct http_request *out)
{
    struct slice t = out->target;
    if (t.data[0] == '/') {
        split_path(t, out);
        return true;
    }
    size_t scheme = strncasecmp(t.data, "http://", t.len < 7 ? 0 : 7) == 0 && t.len >= 7    ? 7
                    : strncasecmp(t.data, "https://", t.len < 8 ? 0 : 8) == 0 && t.len >= 8 ? 8
                                                                                            : 0;
    if (scheme > 0) {
        out->host = up_to(fuzz_after(t, scheme), "/?#");
        split_path(fuzz_after(t, scheme + out->host.len), out);
        return out->host.len > 0 && holds_only(out->host, HOST);
    }
    out->path = t;
    return (out->method == HTTP_OPTIONS && slice_is(t, "*")) ||
           slice_is(out->method_name, "CONNECT");
}

static bool read_request_line(struct slice line, struct http_request *out)
{
    struct slice rest = line;
    out->method_name = fuzz_take(&rest, ' ');
    out->method = method_of(out->method_name);
    out->target = fuzz_take(&rest, ' ');
    bool is_good = out->method_name.len > 0 && holds_only(out->method_name, TOKEN) &&
                   out->target.len > 0 && is_text(out->target) &&
                   memchr(out->target.data, '\t', out->target.len) == NULL;
    if (!is_good || rest.len != 8 || memcmp(rest.data, "HTTP/1.", 7) != 0 ||
        !holds_only(fuzz_after(rest, 7), DIGITS)) {
        return false;
    }
    out->minor = rest.data[7] == '0' ? 0 : 1;
    return split_target(out);
}

/* What the lines say together. */
struct lines {
    unsigned hosts, codings;
    bool is_chunked, says_close, says_keep_alive, expects_other;
};

static bool read_length(struct slice value, struct http_request *out)
{
    uint64_t length = 0;
    if (value.len == 0 || !holds_only(value, DIGITS)) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (__builtin_mul_overflow(length, 10U, &length) ||
            __builtin_add_overflow(length, (uint64_t)(value.data[i] - '0'), &length)) {
            return false;
        }
    }
    if (length > INT64_MAX || (out->has_length && out->content_length != length)) {
        return false;
    }
    out->has_length = true;
    out->content_length = length;
    return true;
}

static void read_connection(struct slice list, struct lines *l)
{
    while (list.len > 0) {
        struct slice item = trim(fuzz_take(&list, ','));
        l->says_close = l->says_close || is_word(item, "close");
        l->says_keep_alive = l->says_keep_alive || is_word(item, "keep-alive");
    }
}

static bool read_field(struct slice name, struct slice value, struct http_request *out,
                       struct lines *l)
{
    if (is_word(name, "content-length")) {
        return read_length(value, out);
    }
    if (is_word(name, "transfer-encoding")) {
        l->codings++;
        l->is_chunked = is_word(value, "chunked");
        return l->codings == 1 && l->is_chunked;
    }
    if (is_word(name, "host")) {
        out->known[HTTP_HEADER_HOST] = value;
        return ++l->hosts == 1 && holds_only(value, HOST);
    }
    if (is_word(name, "connection")) {
        read_connection(value, l);
    } else if (is_word(name, "expect")) {
        bool is_continue = is_word(value, "100-continue");
        out->expect_continue = out->expect_continue || is_continue;
        l->expects_other = l->expects_other || !is_continue;
    }
    return true;
}

static bool judge(struct http_request *out, const struct lines *l)
{
    if ((out->minor == 1 && l->hosts != 1) || l->expects_other ||
        (l->is_chunked && (out->has_length || out->minor == 0))) {
        return false;
    }
    out->chunked = l->is_chunked;
    out->expect_continue = out->expect_continue && out->minor == 1;
    out->keep_alive = !l->says_close && (out->minor == 1 || l->says_keep_alive);
    out->host = out->host.data == NULL ? out->known[HTTP_HEADER_HOST] : out->host;
    return true;
}

static enum plain_http read_headers(struct slice *rest, const struct http_limits *limits,
                                    struct http_request *out)
{
    struct lines l = {0};
    struct slice line, start = *rest;
    bool is_good = true;
    while (take_line(rest, &line)) {
        if (line.len == 0) {
            bool is_small = (size_t)(rest->data - start.data) <= limits->head_max &&
                            out->header_count <= limits->header_count_max;
            return is_good && is_small && judge(out, &l) ? PLAIN_HTTP_GOOD : PLAIN_HTTP_BAD;
        }
        struct slice name = up_to(line, ":");
        if (!is_good || name.len == 0 || name.len == line.len || !holds_only(name, TOKEN) ||
            out->header_count == HTTP_HEADERS_MAX) {
            is_good = false;
            continue;
        }
        struct slice value = trim(fuzz_after(line, name.len + 1));
        out->headers[out->header_count++] = (struct http_header){name, value};
        is_good = is_text(value) && read_field(name, value, out, &l);
    }
    return PLAIN_HTTP_CUT;
}

enum plain_http plain_http_head(struct slice bytes, const struct http_limits *limits,
                                struct http_request *out, size_t *used)
{
    static struct http_request r;
    struct slice rest = bytes, line = slice_make(bytes.data, 0);
    memset(&r, 0, sizeof r);
    while (line.len == 0) {
        if (!take_line(&rest, &line)) {
            return PLAIN_HTTP_CUT;
        }
    }
    bool is_good = line.len <= limits->request_line_max && read_request_line(line, &r);
    enum plain_http result = read_headers(&rest, limits, &r);
    if (!is_good || result != PLAIN_HTTP_GOOD) {
        return result == PLAIN_HTTP_CUT ? PLAIN_HTTP_CUT : PLAIN_HTTP_BAD;
    }
    *out = r;
    *used = (size_t)(rest.data - bytes.data);
    return PLAIN_HTTP_GOOD;
}

/* ---- Chunks. ---- */

/* Takes a line that ends in CRLF; a bare LF or CR in it is bad. */
static enum plain_http take_strict_line(struct slice *rest, struct slice *line)
{
    const char *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, "\r\n", 2);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    *line = slice_make(rest->data, len);
    if (end == NULL) {
        return PLAIN_HTTP_CUT;
    }
    *rest = fuzz_after(*rest, len + 2);
    return is_text(*line) ? PLAIN_HTTP_GOOD : PLAIN_HTTP_BAD;
}

/* A size of at most 16 digits, then nothing, or white space and an extension. */
static bool read_size(struct slice line, uint64_t *size)
{
    size_t digits = 0;
    *size = 0;
    while (digits < line.len && line.data[digits] != '\0' &&
           strchr(DIGITS "abcdefABCDEF", line.data[digits]) != NULL) {
        const char digit[2] = {line.data[digits++], '\0'};
        *size = digits > 16 ? *size : *size << 4 | strtoull(digit, NULL, 16);
    }
    struct slice after = trim(fuzz_after(line, digits));
    bool is_bare = digits == line.len;
    return digits > 0 && digits <= 16 && (is_bare || (after.len > 0 && after.data[0] == ';'));
}

/* What stands behind the digits of a size, and what a trailer's line holds, is bounded. */
static size_t framing_of(struct slice line)
{
    size_t digits = 0;
    while (digits < line.len && line.data[digits] != '\0' &&
           strchr(DIGITS "abcdefABCDEF", line.data[digits]) != NULL) {
        digits++;
    }
    return digits < line.len ? line.len - digits : 0;
}

static enum plain_http read_trailers(struct slice *rest, const struct http_limits *limits,
                                     size_t framing)
{
    struct slice line;
    enum plain_http r;
    while ((r = take_strict_line(rest, &line)) == PLAIN_HTTP_GOOD) {
        struct slice name = up_to(line, ":");
        framing += line.len + 1; /* the CR counts too */
        if (framing > limits->head_max) {
            return PLAIN_HTTP_BAD;
        }
        if (line.len == 0) {
            return PLAIN_HTTP_GOOD;
        }
        if (name.len == 0 || name.len == line.len || !holds_only(name, TOKEN)) {
            return PLAIN_HTTP_BAD;
        }
    }
    return r;
}

enum plain_http plain_http_chunks(struct slice bytes, const struct http_limits *limits,
                                  struct buffer *body, size_t *used)
{
    struct slice rest = bytes, line;
    size_t framing = 0;
    for (;;) {
        uint64_t size;
        enum plain_http r = take_strict_line(&rest, &line);
        if (r != PLAIN_HTTP_GOOD) {
            return r;
        }
        framing += framing_of(line);
        if (!read_size(line, &size) || size > limits->body_max - body->len ||
            framing > limits->head_max) {
            return PLAIN_HTTP_BAD;
        }
        if (size == 0) {
            r = read_trailers(&rest, limits, framing);
            *used = (size_t)(rest.data - bytes.data);
            return r;
        }
        if (rest.len < size + 2) {
            return PLAIN_HTTP_CUT;
        }
        buffer_append(body, rest.data, size);
        if (memcmp(rest.data + size, "\r\n", 2) != 0) {
            return PLAIN_HTTP_BAD;
        }
        rest = fuzz_after(rest, size + 2);
    }
}
