/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/page.h"
#include "consumer/page_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { LARGEST = 1024 * 1024, ALL_GZIPPED_MAX = 150 * 1000 };

static struct http_reply reply_to(const char *path, const char *name, const char *value,
                                  struct buffer *headers)
{
    struct http_request req = {.header_count = name == NULL ? 0 : 1};
    req.headers[0] = (struct http_header){slice_of(name), slice_of(value)};
    const struct page_file *f = page_find(slice_of(path));
    assert_non_null(f);
    return page_reply(f, &req, headers);
}

static bool has_line(const struct buffer *headers, const char *part)
{
    return memmem(headers->data, headers->len, part, strlen(part)) != NULL;
}

static void the_packed_files_are_the_plain_ones(void **state)
{
    (void)state;
    size_t all = 0;
    unsigned char *plain = malloc(LARGEST);
    for (size_t i = 0; i < page_file_count; i++) {
        const struct page_file *f = &page_files[i];
        z_stream z = {.next_in = (Bytef *)(uintptr_t)f->gzip,
                      .avail_in = (uInt)f->gzip_len,
                      .next_out = plain,
                      .avail_out = LARGEST};
        assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, f->plain_len);
        assert_memory_equal(plain, f->plain, f->plain_len);
        assert_int_equal(inflateEnd(&z), Z_OK);
        all += f->gzip_len;
    }
    free(plain);
    assert_in_range(all, 1, ALL_GZIPPED_MAX);
}

static void what_is_no_file_is_not_found(void **state)
{
    (void)state;
    const char *paths[] = {"",   "/page",        "/page/", "/index.html", "/page/../page.js",
                           "//", "/page/PAGE.js"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_null(page_find(slice_of(paths[i])));
    }
    assert_non_null(page_find(slice_of("/")));
}

static void gzip_is_for_who_takes_it(void **state)
{
    (void)state;
    static const struct {
        const char *accepts;
        bool is_gzip;
    } cases[] = {
        {NULL, false},
        {"gzip", true},
        {"GZIP", true},
        {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"x-gzip", true},
        {"gzip;q=0", false},
        {"gzip ; q=0.000", false},
        {"gzip;q=0.001", true},
        {"identity", false},
        {"br", false},
        {"", false},
        {"gzipped", false},
        {"gzip;", true},
        {", ,gzip", true},
    };
    struct buffer headers;
    buffer_init(&headers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_reply r = reply_to("/", cases[i].accepts == NULL ? NULL : "Accept-Encoding",
                                       cases[i].accepts, &headers);
        assert_int_equal(r.status, 200);
        assert_int_equal(has_line(&headers, "Content-Encoding: gzip\r\n"), cases[i].is_gzip);
        assert_int_equal((unsigned char)r.body.data[0] == 0x1f, cases[i].is_gzip);
        assert_true(has_line(&headers, "Vary: Accept-Encoding\r\n"));
    }
    buffer_fini(&headers);
}

static void who_has_the_file_is_told_so(void **state)
{
    (void)state;
    struct buffer headers;
    buffer_init(&headers);
    const char *digest = page_find(slice_of("/page/page.js"))->digest;
    static const char *const around[][2] = {
        {"W/\"", "\""}, {"\"", "\""}, {"\"other\", W/\"", "\""}};
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s%s%s", around[i][0], digest, around[i][1]);
        struct http_reply r = reply_to("/page/page.js", "If-None-Match", text, &headers);
        assert_int_equal(r.status, 304);
        assert_null(r.content_type);
        assert_true(has_line(&headers, digest));
    }
    assert_int_equal(reply_to("/", "If-None-Match", "*", &headers).status, 304);
    assert_int_equal(reply_to("/page/page.js", "If-None-Match", "W/\"0000\"", &headers).status,
                     200);
    assert_int_equal(reply_to("/page/page.js", "If-None-Match", "", &headers).status, 200);
    buffer_fini(&headers);
}

static void nothing_from_elsewhere_may_run(void **state)
{
    (void)state;
    struct buffer headers;
    buffer_init(&headers);
    (void)reply_to("/", NULL, NULL, &headers);
    assert_true(
        has_line(&headers, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
    assert_true(has_line(&headers, "frame-ancestors 'none'"));
    assert_false(has_line(&headers, "unsafe"));
    buffer_fini(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_packed_files_are_the_plain_ones),
        cmocka_unit_test(what_is_no_file_is_not_found),
        cmocka_unit_test(gzip_is_for_who_takes_it),
        cmocka_unit_test(who_has_the_file_is_told_so),
        cmocka_unit_test(nothing_from_elsewhere_may_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
