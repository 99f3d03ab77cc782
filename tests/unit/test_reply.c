/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"
#include "ingest/reply.h"

#include <stdio.h>

static char scratch[4096];
static const char site[] = "{\"site_id\":\"1\"}";
static const char endpoint[] = "/api/analytics/report/play";

#define JSON_OK                                                                                    \
    "{\"status\":\"ok\",\"message\":\"The event was "                                              \
    "reported\",\"permission_level\":\"anonymous\","                                               \
    "\"cached\":\"0\",\"report\":{},\"p\":\"1\",\"size\":\"1\",\"site\":{\"site_id\":\"1\"},"      \
    "\"endpoint\":\"/api/analytics/report/play\"}"
#define JSON_ERROR                                                                                 \
    "{\"status\":\"error\",\"message\":\"a \\\"b\\\" <\\/c>\",\"code\":\"invalid_input\","         \
    "\"permission_level\":\"anonymous\",\"endpoint\":\"/api/analytics/report/play\"}"

static bool choose(struct reply_form *form, const char *query, const char *accept,
                   struct report_fault *why)
{
    struct fields f;
    fields_from_query(&f, slice_of(query), scratch, sizeof(scratch));
    return reply_choose_form(form, &f, slice_of(accept), why);
}

static void forms_are_rendered_as_the_contract_writes_them(void **state)
{
    (void)state;
    static const char xml_ok[] = "<response status=\"ok\" permission_level=\"anonymous\" "
                                 "message=\"The event was reported\" cached=\"0\"/>";
    static const char xml_error[] = "<response status=\"error\" permission_level=\"anonymous\" "
                                    "code=\"invalid_input\" "
                                    "message=\"a &quot;b&quot; &lt;/c&gt;\"/>";
    static const struct {
        const char *query, *ok, *error;
    } cases[] = {
        {"", xml_ok, xml_error},
        {"format=xml", xml_ok, xml_error},
        {"raw=1", xml_ok, xml_error},
        {"varname=x", xml_ok, xml_error},
        {"format=json", JSON_OK, JSON_ERROR},
        {"format=json&raw", JSON_OK, JSON_ERROR},
        {"format=json&raw=t&varname=x", JSON_OK, JSON_ERROR},
        {"format=json&varname=", JSON_OK, JSON_ERROR},
        {"format=json&varname=x", "var x = " JSON_OK, "var x = " JSON_ERROR},
        {"callback=f", "/**/f(" JSON_OK ");", "/**/f(" JSON_ERROR ");"},
        {"callback=window.ignore&format=json&raw=1&varname=x", "/**/window.ignore(" JSON_OK ");",
         "/**/window.ignore(" JSON_ERROR ");"},
    };
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply_form form;
        struct report_fault why;
        assert_true(choose(&form, cases[i].query, NULL, &why));
        buffer_reset(&out);
        reply_ok(&out, &form, EVENT_KIND_EVENT, site, slice_of(endpoint));
        buffer_append_char(&out, '\0');
        assert_string_equal(out.data, cases[i].ok);
        buffer_reset(&out);
        reply_error(&out, &form, "invalid_input", "a \"b\" </c>", slice_of(endpoint));
        buffer_append_char(&out, '\0');
        assert_string_equal(out.data, cases[i].error);
    }
    buffer_fini(&out);
}

static void a_play_is_called_a_play(void **state)
{
    (void)state;
    struct reply_form form;
    struct buffer out;
    buffer_init(&out);
    reply_form_init(&form);
    reply_ok(&out, &form, EVENT_KIND_PLAY, site, slice_of(endpoint));
    buffer_append_char(&out, '\0');
    assert_non_null(strstr(out.data, "message=\"The play was reported\""));
    buffer_fini(&out);
}

static void an_endpoint_in_any_bytes_makes_valid_json(void **state)
{
    (void)state;
    struct reply_form form = {.format = REPLY_JSON};
    struct buffer out;
    buffer_init(&out);
    reply_error(&out, &form, "no_such_method", "x", slice_of("/api/\"\xff</\x01"));
    buffer_append_char(&out, '\0');
    assert_non_null(strstr(out.data, "\"endpoint\":\"/api/\\\"\xef\xbf\xbd<\\/\\u0001\"}"));
    buffer_fini(&out);
}

static void names_are_javascript_identifiers(void **state)
{
    (void)state;
    static const char *const good[] = {"f",
                                       "_",
                                       "$",
                                       "jQuery1102_123",
                                       "a.b.c",
                                       "a[0]",
                                       "a[0][12].b",
                                       "window.ignore",
                                       "angular.callbacks._0"};
    static const char *const bad[] = {
        "alert(1);cb", "cb%0d%0aX-Y:1", "<script>", "a[0]('x')", "1a",   ".a",        "a.",
        "a..b",        "a.1",           "a[]",      "a[x]",      "a[1",  "a]",        "[0]",
        "a[0]b",       "a%20b",         "a-b",      "caf%C3%A9", "a%00", "a%E2%80%A8"};
    char query[64];
    struct reply_form form;
    struct report_fault why;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(query, sizeof(query), "callback=%s", good[i]);
        assert_true(choose(&form, query, NULL, &why));
        assert_int_equal(form.format, REPLY_CALLBACK);
        assert_true(slice_is(slice_make(form.name, form.name_len), good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(query, sizeof(query), "callback=%s", bad[i]);
        assert_false(choose(&form, query, NULL, &why));
        assert_int_equal(form.format, REPLY_JSON);
        assert_string_equal(why.code, "invalid_input");
        assert_non_null(strstr(why.message, "callback"));
        (void)snprintf(query, sizeof(query), "format=json&varname=%s", bad[i]);
        assert_false(choose(&form, query, NULL, &why));
        assert_int_equal(form.format, REPLY_JSON);
        assert_non_null(strstr(why.message, "varname"));
    }
}

static void names_are_128_bytes_at_most(void **state)
{
    (void)state;
    char query[512];
    struct reply_form form;
    struct report_fault why;
    (void)snprintf(query, sizeof(query), "callback=f%0127d", 0);
    assert_true(choose(&form, query, NULL, &why));
    assert_int_equal(form.name_len, 128);
    (void)snprintf(query, sizeof(query), "callback=f%0128d", 0);
    assert_false(choose(&form, query, NULL, &why));
    (void)snprintf(query, sizeof(query), "callback=CWS%0400d", 0);
    assert_false(choose(&form, query, NULL, &why));
}

static void the_content_type_goes_by_form_and_accept(void **state)
{
    (void)state;
    static const char script[] = "text/javascript; charset=utf-8";
    static const char xml[] = "text/xml; charset=utf-8";
    static const struct {
        const char *query, *accept, *wanted;
    } cases[] = {
        {"", NULL, xml},
        {"", "application/json", xml},
        {"format=json", NULL, script},
        {"format=json", "*/*", script},
        {"format=json", "text/html, application/json", "application/json"},
        {"format=json", "Application/JSON;q=0.9,*/*", "application/json"},
        {"format=json", "application/jsonp, application/json2", script},
        {"format=json&varname=x", "application/json", "application/json"},
        {"callback=f", "application/json", script},
        {"callback=(", "application/json", script},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply_form form;
        struct report_fault why;
        (void)choose(&form, cases[i].query, cases[i].accept, &why);
        assert_string_equal(reply_form_content_type(&form), cases[i].wanted);
    }
}

static void a_packed_form_comes_back_the_same(void **state)
{
    (void)state;
    static const char *const queries[] = {"", "format=json", "callback=window.ignore",
                                          "format=json&varname=x"};
    char packed[REPLY_FORM_PACKED_MAX];
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct reply_form form, back;
        struct report_fault why;
        assert_true(choose(&form, queries[i], "application/json", &why));
        size_t len = reply_form_pack(&form, packed);
        assert_int_equal(len, 3U + form.name_len);
        assert_int_equal(reply_form_unpack(&back, packed, len), len);
        assert_memory_equal(&form, &back, sizeof(form));
        assert_int_equal(reply_form_unpack(&back, packed, len - 1), 0);
    }
}

static void header_blocks_hold_what_browsers_need(void **state)
{
    (void)state;
    for (int i = REPLY_HEADERS_USUAL; i <= REPLY_HEADERS_PREFLIGHT; i++) {
        struct slice block = reply_headers((enum reply_headers)i);
        assert_non_null(strstr(block.data, "Cross-Origin-Resource-Policy: cross-origin\r\n"));
        assert_non_null(strstr(block.data, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(block.data, "Cache-Control: no-store\r\n"));
        assert_null(strstr(block.data, "Access-Control-"));
        assert_memory_equal(block.data + block.len - 2, "\r\n", 2);
    }
    assert_non_null(strstr(reply_headers(REPLY_HEADERS_RETRY).data, "\r\nRetry-After: "));
    assert_non_null(strstr(reply_headers(REPLY_HEADERS_ALLOW).data, "\r\nAllow: GET, HEAD, "));
    assert_non_null(strstr(reply_headers(REPLY_HEADERS_PREFLIGHT).data, "\r\nAllow: GET, HEAD, "));
}

static void unconfirmed_names_the_event_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *query, *before, *after;
    } cases[] = {
        {"",
         "<response status=\"error\" permission_level=\"anonymous\" code=\"unconfirmed\" "
         "message=\"",
         "\" kept=\"1\" id=\"a-1\"/>"},
        {"format=json", "{\"status\":\"error\",\"message\":\"",
         "\",\"code\":\"unconfirmed\",\"kept\":\"1\",\"id\":\"a-1\",\"permission_level\":"
         "\"anonymous\",\"endpoint\":\"/api/analytics/report/play\"}"},
        {"callback=f", "/**/f({\"status\":\"error\",", "/api/analytics/report/play\"});"},
        {"format=json&varname=x", "var x = {\"status\":\"error\",",
         "/api/analytics/report/play\"}"},
    };
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply_form form;
        struct report_fault why;
        assert_true(choose(&form, cases[i].query, NULL, &why));
        buffer_reset(&out);
        reply_unconfirmed(&out, &form, "a-1", slice_of(endpoint));
        size_t before = strlen(cases[i].before), after = strlen(cases[i].after);
        assert_true(out.len > before + after);
        assert_memory_equal(out.data, cases[i].before, before);
        assert_memory_equal(out.data + out.len - after, cases[i].after, after);
    }
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unconfirmed_names_the_event_in_every_form),
        cmocka_unit_test(forms_are_rendered_as_the_contract_writes_them),
        cmocka_unit_test(a_play_is_called_a_play),
        cmocka_unit_test(an_endpoint_in_any_bytes_makes_valid_json),
        cmocka_unit_test(names_are_javascript_identifiers),
        cmocka_unit_test(names_are_128_bytes_at_most),
        cmocka_unit_test(the_content_type_goes_by_form_and_accept),
        cmocka_unit_test(a_packed_form_comes_back_the_same),
        cmocka_unit_test(header_blocks_hold_what_browsers_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
