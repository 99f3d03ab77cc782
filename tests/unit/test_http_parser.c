/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/http_parser.h"

#include <stdio.h>
#include <stdlib.h>

#define HX "Host: h.example\r\n"
#define END "\r\n"

static const struct http_limits LIMITS = {
    .request_line_max = 100, .head_max = 400, .header_count_max = 8, .body_max = 1000};

/* A heap copy of the exact size, so that the sanitizer sees a read past the end. */
static char *copy_of(struct slice s)
{
    char *bytes = malloc(s.len + 1);
    assert_non_null(bytes);
    memcpy(bytes, s.data, s.len);
    bytes[s.len] = '\0';
    char *exact = realloc(bytes, s.len == 0 ? 1 : s.len);
    assert_non_null(exact);
    return exact;
}

static enum http_parse_result parse(struct slice bytes, struct http_request *req, size_t *used,
                                    int *status)
{
    return http_parse_head(bytes, &LIMITS, req, used, status);
}

/* What the whole gives must not be contradicted by any prefix of it. */
static void check_cuts(const char *text, size_t len, enum http_parse_result whole,
                       size_t whole_used, int whole_status)
{
    static struct http_request req;
    for (size_t cut = 0; cut < len; cut++) {
        char *bytes = copy_of(slice_make(text, cut));
        size_t used = 0;
        int status = 0;
        enum http_parse_result r = parse(slice_make(bytes, cut), &req, &used, &status);
        if (r == HTTP_PARSE_DONE) {
            assert_int_equal(whole, HTTP_PARSE_DONE);
            assert_int_equal(used, whole_used);
        } else if (r == HTTP_PARSE_REJECT) {
            assert_int_equal(whole, HTTP_PARSE_REJECT);
            assert_int_equal(status, whole_status);
        } else if (whole == HTTP_PARSE_DONE) {
            assert_true(cut < whole_used);
        }
        free(bytes);
    }
}

static const struct refusal {
    const char *text;
    size_t len; /* 0: up to the NUL */
    int status;
} REFUSALS[] = {
    /* lengths */
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 3\r\nContent-Length: 10\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 3, 3\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: -1\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: +1\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 0x3\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 3abc\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 1 2\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length:\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 9223372036854775808\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 99999999999999999999\r\n" END, 0, 400},
    /* codings */
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: gzip, chunked\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: xchunked\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked, chunked\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked, identity\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked;q=1\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding:\r\n" END, 0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END,
     0, 400},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END,
     0, 400},
    {"POST /c HTTP/1.0\r\n" HX "Transfer-Encoding: chunked\r\n" END, 0, 400},
    /* header lines */
    {"GET /c HTTP/1.1\r\n" HX "X-A : 1\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "Content-Length\t: 1\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: 1\r\n folded\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: 1\r\n\tfolded\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n X: y\r\n" HX END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "no colon\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX ": empty name\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X\"A: 1\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X\xc3\xa4: 1\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: a\0b\r\n" END,
     sizeof "GET /c HTTP/1.1\r\n" HX "X-A: a\0b\r\n" END - 1, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: a\x01"
     "b\r\n" END,
     0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: aaaaaaaaaaaaaaaaaaaaa\x7f"
     "b\r\n" END,
     0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: a\rb\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "X-A: a\r\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX "\rX", 0, 400},
    /* Host */
    {"GET /c HTTP/1.1\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\n" HX HX END, 0, 400},
    {"GET /c HTTP/1.0\r\n" HX HX END, 0, 400},
    {"GET /c HTTP/1.1\r\nHost: a b\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\nHost: u@h.example\r\n" END, 0, 400},
    {"GET /c HTTP/1.1\r\nHost: h.example/x\r\n" END, 0, 400},
    {"GET http://h.example/c HTTP/1.1\r\n" END, 0, 400},
    /* request line */
    {"GET /c?source=a b HTTP/1.1\r\n" HX END, 0, 400},
    {"GET  /c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c  HTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c HTTP/1.1 \r\n" HX END, 0, 400},
    {" GET /c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET\t/c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c\tHTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c\0 HTTP/1.1\r\n" HX END, sizeof "GET /c\0 HTTP/1.1\r\n" HX END - 1, 400},
    {"GET /c\x7f HTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c\r\n" HX END, 0, 400},
    {"GET\r\n", 0, 400},
    {"\rGET /c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET /c HTTP/1.1\rX" HX END, 0, 400},
    {"garbage\r\n", 0, 400},
    {"\x16\x03\x01\x02", 0, 400},
    {"GET c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET * HTTP/1.1\r\n" HX END, 0, 400},
    {"GET ftp://h.example/c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET http:///c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET http://u@h.example/c HTTP/1.1\r\n" HX END, 0, 400},
    {"GET h.example:80 HTTP/1.1\r\n" HX END, 0, 400},
    /* version */
    {"GET /c HTTP/2.0\r\n" HX END, 0, 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505},
    {"GET /c HTTP/0.9\r\n" HX END, 0, 505},
    {"GET /c HTTP/1.10\r\n" HX END, 0, 400},
    {"GET /c HTTP/1.\r\n" HX END, 0, 400},
    {"GET /c HTTP/11\r\n" HX END, 0, 400},
    {"GET /c HTTP/x.1\r\n" HX END, 0, 400},
    {"GET /c http/1.1\r\n" HX END, 0, 400},
    {"GET /c HTTPS/1.1\r\n" HX END, 0, 400},
    /* Expect */
    {"POST /c HTTP/1.1\r\n" HX "Expect: 200-ok\r\nContent-Length: 3\r\n" END, 0, 417},
    {"POST /c HTTP/1.1\r\n" HX "Expect: 100-continue, x\r\nContent-Length: 3\r\n" END, 0, 417},
};

static void broken_heads_are_refused_wherever_they_are_cut(void **state)
{
    (void)state;
    static struct http_request req;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        const struct refusal *c = &REFUSALS[i];
        size_t len = c->len == 0 ? strlen(c->text) : c->len;
        size_t used = 0;
        int status = 0;
        enum http_parse_result r = parse(slice_make(c->text, len), &req, &used, &status);
        if (r != HTTP_PARSE_REJECT || status != c->status) {
            fail_msg("case %zu gave %d with status %d:\n%s", i, (int)r, status, c->text);
        }
        check_cuts(c->text, len, r, used, status);
    }
}

static const struct served {
    const char *text;
    const char *path, *query, *host; /* NULL: absent */
    int minor;
    bool keep_alive, chunked;
    int64_t length; /* -1: none */
} SERVED[] = {
    {"GET /c HTTP/1.1\r\n" HX END, "/c", NULL, "h.example", 1, true, false, -1},
    {"GET /c?a=1&b HTTP/1.1\r\n" HX END, "/c", "a=1&b", "h.example", 1, true, false, -1},
    {"GET /c?a=1?b=2#f?x HTTP/1.1\r\n" HX END, "/c", "a=1?b=2", "h.example", 1, true, false, -1},
    {"GET /c#f?x HTTP/1.1\r\n" HX END, "/c", NULL, "h.example", 1, true, false, -1},
    {"GET /c? HTTP/1.1\r\n" HX END, "/c", "", "h.example", 1, true, false, -1},
    {"GET //c?x HTTP/1.1\r\n" HX END, "//c", "x", "h.example", 1, true, false, -1},
    {"GET /\xf0\x9f\x92\xa5?\xc3\xa4 HTTP/1.1\r\n" HX END, "/\xf0\x9f\x92\xa5", "\xc3\xa4",
     "h.example", 1, true, false, -1},
    {"GET http://o.example:81/c?x=1 HTTP/1.1\r\n" HX END, "/c", "x=1", "o.example:81", 1, true,
     false, -1},
    {"GET HTTPS://o.example HTTP/1.1\r\n" HX END, "/", NULL, "o.example", 1, true, false, -1},
    {"GET http://o.example?x HTTP/1.1\r\n" HX END, "/", "x", "o.example", 1, true, false, -1},
    {"OPTIONS * HTTP/1.1\r\n" HX END, "*", NULL, "h.example", 1, true, false, -1},
    {"CONNECT o.example:443 HTTP/1.1\r\n" HX END, "o.example:443", NULL, "h.example", 1, true,
     false, -1},
    {"GET /c HTTP/1.1\r\nHost:\r\n" END, "/c", NULL, "", 1, true, false, -1},
    {"GET /c HTTP/1.1\r\nhOsT: \t [::1]:80\t \r\n" END, "/c", NULL, "[::1]:80", 1, true, false, -1},
    {"GET /c HTTP/1.9\r\n" HX END, "/c", NULL, "h.example", 1, true, false, -1},
    {"GET /c HTTP/1.0\r\n\r\n", "/c", NULL, NULL, 0, false, false, -1},
    {"GET /c HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/c", NULL, NULL, 0, true, false, -1},
    {"GET /c HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "/c", NULL, NULL, 0, false, false,
     -1},
    {"GET /c HTTP/1.1\r\n" HX "Connection: foo, Close\r\n" END, "/c", NULL, "h.example", 1, false,
     false, -1},
    {"GET /c HTTP/1.1\r\n" HX "Connection: foo\r\nConnection: ,close\r\n" END, "/c", NULL,
     "h.example", 1, false, false, -1},
    {"GET /c HTTP/1.1\r\n" HX "Connection: closed\r\n" END, "/c", NULL, "h.example", 1, true, false,
     -1},
    {"GET /c HTTP/1.1\n"
     "Host: h.example\n\n",
     "/c", NULL, "h.example", 1, true, false, -1},
    {"\r\n\n\r\nGET /c HTTP/1.1\r\n" HX END, "/c", NULL, "h.example", 1, true, false, -1},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 3\r\ncontent-length:\t3\r\n" END, "/c", NULL,
     "h.example", 1, true, false, 3},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 9223372036854775807\r\n" END, "/c", NULL,
     "h.example", 1, true, false, INT64_MAX},
    {"POST /c HTTP/1.1\r\n" HX "Content-Length: 0\r\n" END, "/c", NULL, "h.example", 1, true, false,
     0},
    {"POST /c HTTP/1.1\r\n" HX "Transfer-Encoding:\tChunked \r\n" END, "/c", NULL, "h.example", 1,
     true, true, -1},
    {"GET /c HTTP/1.1\r\n" HX "X:\r\nY: \t \r\nZ: a\tb \xe9\r\n" END, "/c", NULL, "h.example", 1,
     true, false, -1},
};

static void check_slice(const struct served *c, const char *what, struct slice got,
                        const char *want)
{
    if ((got.data == NULL) != (want == NULL) || !slice_equal(got, slice_of(want))) {
        fail_msg("%s is \"%.*s\" in:\n%s", what, (int)got.len, got.len == 0 ? "" : got.data,
                 c->text);
    }
}

static void heads_are_served_wherever_they_are_cut(void **state)
{
    (void)state;
    static struct http_request req;
    for (size_t i = 0; i < sizeof SERVED / sizeof SERVED[0]; i++) {
        const struct served *c = &SERVED[i];
        size_t len = strlen(c->text);
        char *more = NULL;
        assert_true(asprintf(&more, "%sGET /next HTTP/1.1", c->text) > 0);
        size_t used = 0;
        int status = 0;
        enum http_parse_result r = parse(slice_of(more), &req, &used, &status);
        if (r != HTTP_PARSE_DONE) {
            fail_msg("case %zu gave %d with status %d:\n%s", i, (int)r, status, c->text);
        }
        assert_int_equal(used, len);
        check_slice(c, "path", req.path, c->path);
        check_slice(c, "query", req.query, c->query);
        check_slice(c, "host", req.host, c->host);
        check_slice(c, "body", req.body, NULL);
        assert_int_equal(req.minor, c->minor);
        assert_int_equal(req.keep_alive, c->keep_alive);
        assert_int_equal(req.chunked, c->chunked);
        assert_int_equal(req.has_length, c->length >= 0);
        assert_int_equal(req.content_length, c->length >= 0 ? (uint64_t)c->length : 0);
        check_cuts(c->text, len, r, used, status);
        free(more);
    }
}

static void a_target_is_split_at_its_first_question_mark(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query; /* query NULL: absent */
    } CASES[] = {
        {"/a?b=c", "/a", "b=c"}, {"/a?", "/a", ""},
        {"/a", "/a", NULL},      {"/a?b?c", "/a", "b?c"},
        {"?b", "/", "b"},        {"", "/", NULL},
        {"/a#?b", "/a", NULL},   {"/a?b=%23#c?d", "/a", "b=%23"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct slice path, query;
        http_split_target(slice_of(CASES[i].target), &path, &query);
        assert_true(slice_is(path, CASES[i].path));
        assert_int_equal(query.data == NULL, CASES[i].query == NULL);
        assert_true(slice_equal(query, slice_of(CASES[i].query)));
    }
    struct slice path, query;
    http_split_target(slice_make(NULL, 0), &path, &query);
    assert_true(slice_is(path, "/") && query.data == NULL);
}

static void methods_are_told_apart_by_case(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } CASES[] = {
        {"GET", HTTP_GET},
        {"HEAD", HTTP_HEAD},
        {"POST", HTTP_POST},
        {"OPTIONS", HTTP_OPTIONS},
        {"get", HTTP_OTHER_METHOD},
        {"PUT", HTTP_OTHER_METHOD},
        {"TRACE", HTTP_OTHER_METHOD},
        {"GETX", HTTP_OTHER_METHOD},
        {"M-SEARCH", HTTP_OTHER_METHOD},
    };
    static struct http_request req;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" HX END, CASES[i].name);
        size_t used = 0;
        int status = 0;
        assert_int_equal(parse(slice_of(text), &req, &used, &status), HTTP_PARSE_DONE);
        assert_int_equal(req.method, CASES[i].method);
        assert_true(slice_is(req.method_name, CASES[i].name));
    }
}

static void known_headers_are_the_first_of_their_name_but_of_proxies_the_last(void **state)
{
    (void)state;
    static const char TEXT[] = "GET / HTTP/1.1\r\n" HX "User-Agent: one \r\nuser-agent: two\r\n"
                               "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n" END;
    static struct http_request req;
    size_t used = 0;
    int status = 0;
    assert_int_equal(parse(slice_of(TEXT), &req, &used, &status), HTTP_PARSE_DONE);
    assert_true(slice_is(req.known[HTTP_HEADER_USER_AGENT], "one"));
    assert_true(slice_is(req.known[HTTP_HEADER_X_FORWARDED_FOR], "192.0.2.2"));
    assert_null(req.known[HTTP_HEADER_ACCEPT].data);
    assert_int_equal(req.header_count, 5);
    assert_true(slice_is(req.headers[3].name, "X-Forwarded-For"));
    assert_true(slice_is(req.headers[3].value, "192.0.2.1"));
}

static void every_known_header_is_found(void **state)
{
    (void)state;
    static const char *const NAMES[HTTP_HEADER_COUNT] = {
        [HTTP_HEADER_ACCEPT] = "Accept",
        [HTTP_HEADER_AUTHORIZATION] = "Authorization",
        [HTTP_HEADER_CONTENT_ENCODING] = "Content-Encoding",
        [HTTP_HEADER_CONTENT_TYPE] = "Content-Type",
        [HTTP_HEADER_DNT] = "DNT",
        [HTTP_HEADER_FORWARDED] = "Forwarded",
        [HTTP_HEADER_HOST] = "Host",
        [HTTP_HEADER_ORIGIN] = "Origin",
        [HTTP_HEADER_REFERER] = "Referer",
        [HTTP_HEADER_SEC_GPC] = "Sec-GPC",
        [HTTP_HEADER_USER_AGENT] = "User-Agent",
        [HTTP_HEADER_X_FORWARDED_FOR] = "X-Forwarded-For",
    };
    static struct http_request req;
    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "GET / HTTP/1.0\r\n%s: v\r\n\r\n", NAMES[i]);
        size_t used = 0;
        int status = 0;
        assert_int_equal(parse(slice_of(text), &req, &used, &status), HTTP_PARSE_DONE);
        assert_true(slice_is(req.known[i], "v"));
    }
}

static void expect_is_noted_but_for_old_clients(void **state)
{
    (void)state;
    static struct http_request req;
    size_t used = 0;
    int status = 0;
    assert_int_equal(parse(slice_of("POST / HTTP/1.1\r\n" HX "Expect: 100-Continue\r\n" END), &req,
                           &used, &status),
                     HTTP_PARSE_DONE);
    assert_true(req.expect_continue);
    assert_int_equal(
        parse(slice_of("POST / HTTP/1.0\r\nExpect: 100-continue\r\n" END), &req, &used, &status),
        HTTP_PARSE_DONE);
    assert_false(req.expect_continue);
}

static enum http_parse_result parse_filled(const char *before, size_t fill, const char *after,
                                           int *status)
{
    static struct http_request req;
    char text[2048];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", before);
    memset(text + len, 'a', fill);
    len += fill;
    len += (size_t)snprintf(text + len, sizeof text - len, "%s", after);
    size_t used = 0;
    return parse(slice_make(text, len), &req, &used, status);
}

static void limits_are_exact(void **state)
{
    (void)state;
    int status = 0;
    size_t fits = 100 - strlen("GET / HTTP/1.1");
    assert_int_equal(parse_filled("GET /", fits, " HTTP/1.1\r\n" HX END, &status), HTTP_PARSE_DONE);
    assert_int_equal(parse_filled("GET /", fits + 1, " HTTP/1.1\r\n" HX END, &status),
                     HTTP_PARSE_REJECT);
    assert_int_equal(status, 414);
    fits = 400 - strlen(HX "X: \r\n" END);
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n" HX "X: ", fits, "\r\n" END, &status),
                     HTTP_PARSE_DONE);
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n" HX "X: ", fits + 1, "\r\n" END, &status),
                     HTTP_PARSE_REJECT);
    assert_int_equal(status, 431);
}

static void what_never_ends_is_refused_at_the_limit(void **state)
{
    (void)state;
    int status = 0;
    assert_int_equal(parse_filled("GET /", 95, "", &status), HTTP_PARSE_MORE);
    assert_int_equal(parse_filled("GET /", 96, "", &status), HTTP_PARSE_REJECT);
    assert_int_equal(status, 414);
    assert_int_equal(parse_filled("", 101, "", &status), HTTP_PARSE_REJECT);
    assert_int_equal(status, 414);
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n", 400, "", &status), HTTP_PARSE_MORE);
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n", 401, "", &status), HTTP_PARSE_REJECT);
    assert_int_equal(status, 431);
}

static void too_many_headers_are_refused(void **state)
{
    (void)state;
    int status = 0;
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n" HX, 0,
                                  "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n" END, &status),
                     HTTP_PARSE_DONE);
    assert_int_equal(parse_filled("GET / HTTP/1.1\r\n" HX, 0,
                                  "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n" END, &status),
                     HTTP_PARSE_REJECT);
    assert_int_equal(status, 431);
}

/* Feeds text in pieces of `piece` bytes; body takes the body, *over the offset of its end. */
static enum http_parse_result feed(const char *text, size_t len, size_t piece, char *body,
                                   size_t *body_len, size_t *over, int *status)
{
    struct http_chunks c = {0};
    enum http_parse_result r = HTTP_PARSE_MORE;
    *body_len = 0;
    for (size_t at = 0; at < len && r == HTTP_PARSE_MORE;) {
        size_t given = len - at < piece ? len - at : piece;
        char *bytes = copy_of(slice_make(text + at, given));
        struct slice data = {0};
        size_t used = 0;
        r = http_parse_chunks(&c, slice_make(bytes, given), &LIMITS, &data, &used, status);
        if (r != HTTP_PARSE_REJECT) {
            assert_true(used <= given && (used > 0 || r == HTTP_PARSE_DONE));
            memcpy(body + *body_len, data.data, data.len);
            *body_len += data.len;
            at += used;
            *over = at;
        }
        free(bytes);
    }
    return r;
}

static const struct chunked {
    const char *text;
    const char *body; /* NULL: refused with status */
    int status;
} CHUNKED[] = {
    {"0\r\n\r\n", "", 0},
    {"3\r\nabc\r\n0\r\n\r\n", "abc", 0},
    {"3\r\nabc\r\n2\r\nde\r\n000\r\n\r\n", "abcde", 0},
    {"0000000000000003\r\nabc\r\n0\r\n\r\n", "abc", 0},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0},
    {"3;a=b\r\nabc\r\n0;x=\"y;\\\"\"\r\n\r\n", "abc", 0},
    {"3 ;a\r\nabc\r\n0\t;\r\n\r\n", "abc", 0},
    {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0},
    {"3\r\nabc\r\n0\r\nContent-Length: 5\r\nHost: x\r\n\r\n", "abc", 0},
    {"0x3\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"+3\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"-3\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {" 3\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"3 \r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"3_0\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"\r\nabc", NULL, 400},
    {";a\r\n", NULL, 400},
    {"g\r\n", NULL, 400},
    {"00000000000000003\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"3\nabc\n0\n\n", NULL, 400},
    {"3\r\nabc\n0\r\n\r\n", NULL, 400},
    {"3\r\nabc\r\n0\n\r\n", NULL, 400},
    {"3\r\nabc\r\n0\r\n\n", NULL, 400},
    {"3\r\nabc\r\n0\r\nX: y\n\r\n", NULL, 400},
    {"3;a\nabc\r\n0\r\n\r\n", NULL, 400},
    {"3;a\rb\r\nabc\r\n0\r\n\r\n", NULL, 400},
    {"3\rabc\r\n0\r\n\r\n", NULL, 400},
    {"3\r\nabcXX0\r\n\r\n", NULL, 400},
    {"3\r\nabcd\r\n0\r\n\r\n", NULL, 400},
    {"0\r\n folded\r\n\r\n", NULL, 400},
    {"0\r\nX : y\r\n\r\n", NULL, 400},
    {"0\r\nno colon\r\n\r\n", NULL, 400},
    {"ffffffffffffffff\r\n", NULL, 413},
    {"8000000000000000\r\n", NULL, 413},
    {"3e9\r\n", NULL, 413},
    {"3\r\nabc\r\n3e6\r\n", NULL, 413},
};

static void chunked_bodies_are_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CHUNKED / sizeof CHUNKED[0]; i++) {
        const struct chunked *c = &CHUNKED[i];
        char text[256], body[256];
        size_t len = strlen(c->text), body_len = 0, over = 0;
        (void)snprintf(text, sizeof text, "%sGET", c->text);
        for (size_t piece = 1; piece <= len + 3; piece++) {
            int status = 0;
            enum http_parse_result r = feed(text, len + 3, piece, body, &body_len, &over, &status);
            if (c->body == NULL && (r != HTTP_PARSE_REJECT || status != c->status)) {
                fail_msg("gave %d, status %d, in pieces of %zu:\n%s", (int)r, status, piece,
                         c->text);
            }
            if (c->body != NULL && (r != HTTP_PARSE_DONE || over != len ||
                                    !slice_is(slice_make(body, body_len), c->body))) {
                fail_msg("gave %d and %zu bytes in pieces of %zu:\n%s", (int)r, body_len, piece,
                         c->text);
            }
        }
    }
}

static void a_chunked_body_without_its_end_asks_for_more(void **state)
{
    (void)state;
    static const char TEXT[] = "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n";
    char body[64];
    for (size_t cut = 1; cut < sizeof TEXT - 1; cut++) {
        size_t body_len = 0, over = 0;
        int status = 0;
        assert_int_equal(feed(TEXT, cut, cut, body, &body_len, &over, &status), HTTP_PARSE_MORE);
    }
}

static void endless_extensions_and_trailers_are_refused(void **state)
{
    (void)state;
    static const char *const STARTS[] = {"3;", "3 ", "0\r\n", "0\r\nX:"};
    char text[1024], body[16];
    for (size_t i = 0; i < sizeof STARTS / sizeof STARTS[0]; i++) {
        size_t start = strlen(STARTS[i]), body_len = 0, over = 0;
        int status = 0;
        memset(text, i == 1 ? ' ' : 'a', sizeof text);
        memcpy(text, STARTS[i], start);
        assert_int_equal(feed(text, sizeof text, 100, body, &body_len, &over, &status),
                         HTTP_PARSE_REJECT);
        assert_int_equal(status, 431);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_heads_are_refused_wherever_they_are_cut),
        cmocka_unit_test(heads_are_served_wherever_they_are_cut),
        cmocka_unit_test(a_target_is_split_at_its_first_question_mark),
        cmocka_unit_test(methods_are_told_apart_by_case),
        cmocka_unit_test(known_headers_are_the_first_of_their_name_but_of_proxies_the_last),
        cmocka_unit_test(every_known_header_is_found),
        cmocka_unit_test(expect_is_noted_but_for_old_clients),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(what_never_ends_is_refused_at_the_limit),
        cmocka_unit_test(too_many_headers_are_refused),
        cmocka_unit_test(chunked_bodies_are_read_in_pieces_of_any_size),
        cmocka_unit_test(a_chunked_body_without_its_end_asks_for_more),
        cmocka_unit_test(endless_extensions_and_trailers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
