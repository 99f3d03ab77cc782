/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/referer.h"

static const struct {
    const char *referer, *url, *domain; /* url NULL: no page */
} rows[] = {
    {"https://a.example/x?y=1#z", "https://a.example/x?y=1", "a.example"},
    {"  HTTP://User:p@A.Example:8080?Q \t", "http://a.example:8080/?Q", "a.example"},
    {"https://a.example", "https://a.example/", "a.example"},
    {"https://a.example..:443/", "https://a.example..:443/", "a.example"},
    {"http://a.example:/", "http://a.example:/", "a.example"},
    {"http://a.example:8o/", "http://a.example:8o/", "a.example:8o"},
    {"http://[::1]:80/A", "http://[::1]:80/A", "[::1]"},
    {"http://[::1]/", "http://[::1]/", "[::1]"},
    {"http://a@b@c.example/@", "http://c.example/@", "c.example"},
    {"http://u@/x", NULL, NULL},
    {"http://:80/", NULL, NULL},
    {"http://...", NULL, NULL},
    {"https://", NULL, NULL},
    {"https:/a.example", NULL, NULL},
    {"javascript://a.example/%0aalert(1)", NULL, NULL},
    {"file:///etc/passwd", NULL, NULL},
    {"a.example/x", NULL, NULL},
    {"", NULL, NULL},
};

static void assert_slice(struct slice found, const char *wanted)
{
    assert_int_equal(found.len, strlen(wanted));
    assert_memory_equal(found.data, wanted, found.len);
}

static void a_page_is_told_by_its_url_and_its_domain(void **state)
{
    (void)state;
    struct buffer url;
    buffer_init(&url);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice domain = slice_of(NULL);
        bool is_page = referer_page(slice_of(rows[i].referer), &url, &domain);
        assert_int_equal(is_page, rows[i].url != NULL);
        if (is_page) {
            assert_slice(buffer_slice(&url), rows[i].url);
            assert_slice(domain, rows[i].domain);
        }
    }
    buffer_fini(&url);
}

static void what_is_absent_is_no_page(void **state)
{
    (void)state;
    struct buffer url;
    struct slice domain;
    buffer_init(&url);
    assert_false(referer_page(slice_of(NULL), &url, &domain));
    buffer_fini(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_told_by_its_url_and_its_domain),
        cmocka_unit_test(what_is_absent_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
