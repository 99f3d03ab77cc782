/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/privacy.h"

static void the_signal_is_the_value_one(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool is_asked;
    } cases[] = {{"DNT", "1", true},     {"dnt", "1", true},    {"Sec-GPC", "1", true},
                 {"SEC-GPC", "1", true}, {"DNT", "0", false},   {"DNT", "", false},
                 {"DNT", "11", false},   {"X-DNT", "1", false}, {"Sec-GPC", "?1", false},
                 {"DNTS", "1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request req = {.header_count = 2};
        req.headers[0] = (struct http_header){slice_of("Host"), slice_of("1")};
        req.headers[1] = (struct http_header){slice_of(cases[i].name), slice_of(cases[i].value)};
        assert_int_equal(privacy_is_asked(&req), cases[i].is_asked);
    }
}

static void what_names_a_viewer_goes_and_the_rest_stays(void **state)
{
    (void)state;
    struct player_event e = {.photo_id = 7,
                             .uuid = slice_of("u"),
                             .viewer = slice_of("v"),
                             .ip = slice_of("192.0.2.0"),
                             .ua = slice_of("agent"),
                             .source = slice_of("embed"),
                             .report_id = slice_of("r")};
    privacy_strip(&e);
    assert_null(e.uuid.data);
    assert_null(e.viewer.data);
    assert_null(e.ip.data);
    assert_null(e.ua.data);
    assert_true(slice_is(e.source, "embed"));
    assert_true(slice_is(e.report_id, "r"));
    assert_int_equal(e.photo_id, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signal_is_the_value_one),
        cmocka_unit_test(what_names_a_viewer_goes_and_the_rest_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
