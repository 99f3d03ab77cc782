/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/cors.h"

#include <errno.h>
#include <stdio.h>

#define COMMON                                                                                     \
    "Cross-Origin-Resource-Policy: cross-origin\r\nX-Content-Type-Options: nosniff\r\n"            \
    "Cache-Control: no-store\r\n"
#define METHODS "GET, HEAD, POST, OPTIONS\r\n"

static struct cors *parse(const char *list)
{
    struct cors *c = NULL;
    struct error err = {""};
    if (cors_parse(&c, list, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return c;
}

/* The block of that kind for that Origin is `lines`, and nothing else. */
static void expect_block(const struct cors *c, const char *origin, enum reply_headers which,
                         const char *lines)
{
    struct slice got = cors_headers(cors_find(c, slice_of(origin)), which);
    if (!slice_is(got, lines)) {
        fail_msg("%s: got\n%.*snot\n%s", origin == NULL ? "(none)" : origin, (int)got.len, got.data,
                 lines);
    }
}

static void a_star_lets_every_page_read(void **state)
{
    (void)state;
    static const char *const ORIGINS[] = {NULL, "", "null", "https://a.example", "*"};
    static const char *const STARS[] = {"*", " *\n", ",*, "};
#define STAR "Access-Control-Allow-Origin: *\r\n" COMMON
    for (size_t i = 0; i < sizeof STARS / sizeof STARS[0]; i++) {
        struct cors *c = parse(STARS[i]);
        assert_int_equal(cors_count(c), 0);
        for (size_t k = 0; k < sizeof ORIGINS / sizeof ORIGINS[0]; k++) {
            expect_block(c, ORIGINS[k], REPLY_HEADERS_USUAL, STAR);
            expect_block(c, ORIGINS[k], REPLY_HEADERS_RETRY, STAR "Retry-After: 5\r\n");
            expect_block(c, ORIGINS[k], REPLY_HEADERS_ALLOW, STAR "Allow: " METHODS);
            expect_block(c, ORIGINS[k], REPLY_HEADERS_PREFLIGHT,
                         STAR "Allow: " METHODS "Access-Control-Allow-Methods: " METHODS
                              "Access-Control-Allow-Headers: Accept, Authorization, "
                              "Content-Encoding, Content-Type, X-Requested-With\r\n"
                              "Access-Control-Max-Age: 86400\r\n");
        }
        cors_free(c);
    }
}

static void a_listed_origin_is_named_and_no_other(void **state)
{
    (void)state;
    static const char *const LISTED[] = {"http://[::1]:81", "https://a.example",
                                         "https://a.example:8443", "https://b.example"};
    static const char *const OTHERS[] = {NULL,
                                         "",
                                         "*",
                                         "null",
                                         "https://a.example ",
                                         "https://a.exampl",
                                         "https://a.example.org",
                                         "https://A.example",
                                         "https://a.example:443",
                                         "http://a.example",
                                         "https://c.example",
                                         "https://a.example, https://b.example"};
    struct cors *c = parse("https://b.example,HTTPS://A.example:443\thttps://a.example:8443,\r\n"
                           "http://[0::1]:81, https://b.example");
    assert_int_equal(cors_count(c), 5);
    for (size_t i = 0; i < sizeof LISTED / sizeof LISTED[0]; i++) {
        char lines[256];
        (void)snprintf(lines, sizeof lines,
                       "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n" COMMON, LISTED[i]);
        expect_block(c, LISTED[i], REPLY_HEADERS_USUAL, lines);
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        expect_block(c, OTHERS[i], REPLY_HEADERS_USUAL, "Vary: Origin\r\n" COMMON);
        expect_block(c, OTHERS[i], REPLY_HEADERS_RETRY,
                     "Vary: Origin\r\n" COMMON "Retry-After: 5\r\n");
        expect_block(c, OTHERS[i], REPLY_HEADERS_ALLOW,
                     "Vary: Origin\r\n" COMMON "Allow: " METHODS);
        expect_block(c, OTHERS[i], REPLY_HEADERS_PREFLIGHT,
                     "Vary: Origin\r\n" COMMON "Allow: " METHODS);
    }
    struct slice preflight =
        cors_headers(cors_find(c, slice_of("https://b.example")), REPLY_HEADERS_PREFLIGHT);
    assert_non_null(
        memmem(preflight.data, preflight.len, "\r\nAccess-Control-Allow-Methods: ", 32));
    assert_null(memmem(preflight.data, preflight.len, "Credentials", 11));
    cors_free(c);
}

static void of_many_origins_each_is_found(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct buffer list;
    char origin[64];
    buffer_init(&list);
    for (unsigned i = 0; i < COUNT; i++) {
        buffer_append_format(&list, "https://site%u.example,", i * 7919 % COUNT);
    }
    buffer_append_char(&list, '\0');
    struct cors *c = parse(list.data);
    buffer_fini(&list);
    assert_int_equal(cors_count(c), COUNT);
    for (unsigned i = 0; i <= COUNT; i++) {
        (void)snprintf(origin, sizeof origin, "https://site%u.example", i);
        struct slice got = cors_headers(cors_find(c, slice_of(origin)), REPLY_HEADERS_USUAL);
        assert_int_equal(memmem(got.data, got.len, origin, strlen(origin)) != NULL, i < COUNT);
    }
    cors_free(c);
}

static void what_is_wrong_is_named_with_what_is_right(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"", "''"},
        {" ,\n", "''"},
        {"null", "'null'"},
        {"https://a.example,https://b.example/", "'https://b.example/'"},
        {"https://a.example *", "'*'"},
        {"*,https://a.example", "'*'"},
        {"*,*", "'*'"},
        {"https://*.example", "'https://*.example'"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct cors *c = NULL;
        struct error err = {""};
        assert_int_equal(cors_parse(&c, CASES[i][0], &err), -EINVAL);
        assert_null(c);
        assert_non_null(strstr(err.text, CASES[i][1]));
        assert_non_null(strstr(err.text, "https://www.example.org"));
    }
    cors_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_lets_every_page_read),
        cmocka_unit_test(a_listed_origin_is_named_and_no_other),
        cmocka_unit_test(of_many_origins_each_is_found),
        cmocka_unit_test(what_is_wrong_is_named_with_what_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
