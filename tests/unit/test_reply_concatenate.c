/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/reply_concatenate.h"

#include <string.h>

static struct reply_form a_form(enum reply_format format, const char *name)
{
    struct reply_form form;
    reply_form_init(&form);
    form.format = (uint8_t)format;
    form.name_len = (uint8_t)strlen(name);
    memcpy(form.name, name, form.name_len);
    form.accept_json = true;
    return form;
}

static void the_frame_is_that_of_the_form(void **state)
{
    (void)state;
    static const struct {
        enum reply_format format;
        const char *name, *none, *two;
    } CASES[] = {
        {REPLY_XML, "",
         "<response status=\"ok\" permission_level=\"anonymous\" message=\"\" cached=\"0\">"
         "</response>",
         "<response status=\"ok\" permission_level=\"anonymous\" message=\"\" cached=\"0\">"
         "<method name=\"a&quot;&lt;\">1</method><method name=\"b\">2</method></response>"},
        {REPLY_JSON, "", "{}", "{\"a\\\"<\":1,\"b\":2}"},
        {REPLY_CALLBACK, "f", "/**/f({});", "/**/f({\"a\\\"<\":1,\"b\":2});"},
        {REPLY_VARIABLE, "x", "var x = {}", "var x = {\"a\\\"<\":1,\"b\":2}"},
    };
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct reply_form form = a_form(CASES[i].format, CASES[i].name);
        buffer_reset(&out);
        reply_concatenate_open(&out, &form);
        reply_concatenate_close(&out, &form);
        assert_true(slice_is(buffer_slice(&out), CASES[i].none));
        buffer_reset(&out);
        reply_concatenate_open(&out, &form);
        reply_concatenate_begin(&out, &form, slice_of("a\"<"), true);
        buffer_append_char(&out, '1');
        reply_concatenate_end(&out, &form);
        reply_concatenate_begin(&out, &form, slice_of("b"), false);
        buffer_append_char(&out, '2');
        reply_concatenate_end(&out, &form);
        reply_concatenate_close(&out, &form);
        assert_true(slice_is(buffer_slice(&out), CASES[i].two));
    }
    buffer_fini(&out);
}

static void answers_within_are_bare(void **state)
{
    (void)state;
    for (int format = REPLY_XML; format <= REPLY_VARIABLE; format++) {
        struct reply_form form = a_form((enum reply_format)format, "x"), inner;
        reply_concatenate_inner(&inner, &form);
        assert_int_equal(inner.format, format == REPLY_XML ? REPLY_XML : REPLY_JSON);
        assert_int_equal(inner.name_len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frame_is_that_of_the_form),
        cmocka_unit_test(answers_within_are_bare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
