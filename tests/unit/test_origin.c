/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/origin.h"

#include <stdlib.h>

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
#define A250 A50 A50 A50 A50 A50

/* A copy without room behind it, so that reading too far is seen. */
static bool serialise(struct buffer *out, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    buffer_init(out);
    bool is_good = origin_serialise(out, slice_make(copy, len));
    free(copy);
    return is_good;
}

static void origins_become_what_browsers_send(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"https://www.example.org", "https://www.example.org"},
        {"HTTPS://WWW.Example.ORG", "https://www.example.org"},
        {"http://a", "http://a"},
        {"http://localhost:3000", "http://localhost:3000"},
        {"http://a.example:80", "http://a.example"},
        {"http://a.example:0080", "http://a.example"},
        {"http://a.example:443", "http://a.example:443"},
        {"https://a.example:443", "https://a.example"},
        {"HTTPS://a.example:443", "https://a.example"},
        {"https://a.example:80", "https://a.example:80"},
        {"https://a.example:65535", "https://a.example:65535"},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
        {"https://a_b-c.example", "https://a_b-c.example"},
        {"https://1.2.3.4:8443", "https://1.2.3.4:8443"},
        {"https://1.a", "https://1.a"},
        {"https://[::1]", "https://[::1]"},
        {"https://[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"},
        {"http://[2001:db8::1]:80", "http://[2001:db8::1]"},
        {"chrome-extension://abcdef", "chrome-extension://abcdef"},
        {"capacitor://localhost", "capacitor://localhost"},
        {"a+1.b://c:80", "a+1.b://c:80"},
        {"https://" A250 "abc", "https://" A250 "abc"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer out;
        if (!serialise(&out, CASES[i][0])) {
            fail_msg("%s is refused", CASES[i][0]);
        }
        buffer_append_char(&out, '\0');
        assert_string_equal(out.data, CASES[i][1]);
        buffer_fini(&out);
    }
}

static void what_is_no_origin_is_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {
        "",
        "null",
        "*",
        "www.example.org",
        "//www.example.org",
        "://www.example.org",
        "1http://www.example.org",
        "ht_tp://www.example.org",
        "https:/www.example.org",
        "https://",
        "https://www.example.org/",
        "https://www.example.org/page",
        "https://www.example.org?x",
        "https://www.example.org#x",
        "https://user@www.example.org",
        "https://*.example.org",
        "https://www.example.org.",
        "https://.example.org",
        "https://www..example.org",
        "https://www.example.org:",
        "https://www.example.org:0",
        "https://www.example.org:65536",
        "https://www.example.org:+1",
        "https://www.example.org:1:2",
        "https://b\xc3\xbc.example",
        "https://a b.example",
        "https://%61.example",
        "https://1.2.3",
        "https://1.2.3.256",
        "https://a.1",
        "https://::1",
        "https://[::1",
        "https://[",
        "https://[]",
        "https://[]:80",
        "https://[1.2.3.4]",
        "https://[::ffff:1.2.3.4]",
        "https://[::1]x",
        "https://[::1]:",
        "https://[::1%eth0]",
        "https://" A250 "abcd",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer out;
        if (serialise(&out, CASES[i])) {
            fail_msg("%s is taken", CASES[i]);
        }
        buffer_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_become_what_browsers_send),
        cmocka_unit_test(what_is_no_origin_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
