/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"
#include "ingest/reply_batch.h"

#include <string.h>

static const char SITE[] = "{\"site_id\":\"1\"}";

static void assert_rendered(const struct reply_batch *b, enum reply_format format,
                            const char *wanted)
{
    struct reply_form form;
    struct buffer out;
    reply_form_init(&form);
    form.format = (uint8_t)format;
    buffer_init(&out);
    reply_batch_render(&out, &form, b, SITE, slice_of("/b"));
    buffer_append_char(&out, '\0');
    assert_false(buffer_failed(&out));
    assert_string_equal(out.data, wanted);
    buffer_fini(&out);
}

static void a_batch_taken_whole_is_ok(void **state)
{
    (void)state;
    struct reply_batch b = {.accepted = 2};
    assert_rendered(&b, REPLY_XML,
                    "<response status=\"ok\" permission_level=\"anonymous\" message=\"2 of 2 "
                    "reports were taken\" cached=\"0\" accepted=\"2\" rejected=\"0\"/>");
    assert_rendered(&b, REPLY_JSON,
                    "{\"status\":\"ok\",\"message\":\"2 of 2 reports were taken\","
                    "\"permission_level\":\"anonymous\",\"cached\":\"0\",\"report\":{},\"p\":\"1\","
                    "\"size\":\"1\",\"site\":{\"site_id\":\"1\"},\"endpoint\":\"/b\","
                    "\"accepted\":\"2\",\"rejected\":\"0\",\"rejections\":[]}");
}

static void what_was_rejected_is_named_by_its_index(void **state)
{
    (void)state;
    struct reply_batch b = {.accepted = 1};
    reply_batch_reject(&b, 0, "invalid_input");
    reply_batch_reject(&b, 2, "no_such_photo");
    assert_rendered(&b, REPLY_XML,
                    "<response status=\"ok\" permission_level=\"anonymous\" message=\"1 of 3 "
                    "reports were taken\" cached=\"0\" accepted=\"1\" rejected=\"2\">"
                    "<rejected index=\"0\" code=\"invalid_input\"/>"
                    "<rejected index=\"2\" code=\"no_such_photo\"/></response>");
}

static void none_taken_is_the_error_of_the_first(void **state)
{
    (void)state;
    struct reply_batch b = {.accepted = 0};
    reply_batch_reject(&b, 0, "permission_denied");
    reply_batch_reject(&b, 1, "overloaded");
    assert_rendered(&b, REPLY_XML,
                    "<response status=\"error\" permission_level=\"anonymous\" "
                    "code=\"permission_denied\" message=\"0 of 2 reports were taken\" "
                    "accepted=\"0\" rejected=\"2\">"
                    "<rejected index=\"0\" code=\"permission_denied\"/>"
                    "<rejected index=\"1\" code=\"overloaded\"/></response>");
    assert_rendered(&b, REPLY_JSON,
                    "{\"status\":\"error\",\"message\":\"0 of 2 reports were taken\","
                    "\"code\":\"permission_denied\",\"permission_level\":\"anonymous\","
                    "\"endpoint\":\"/b\",\"accepted\":\"0\",\"rejected\":\"2\",\"rejections\":["
                    "{\"index\":\"0\",\"code\":\"permission_denied\"},"
                    "{\"index\":\"1\",\"code\":\"overloaded\"}]}");
}

static void what_is_packed_comes_out_the_same(void **state)
{
    (void)state;
    static struct reply_batch b, read;
    static char packed[REPLY_BATCH_PACKED_MAX];
    for (uint16_t i = 0; i < REPLY_BATCH_MAX; i++) {
        reply_batch_reject(&b, i, reply_batch_code_name((enum reply_batch_code)(i % 4)));
    }
    size_t len = reply_batch_pack(&b, packed);
    assert_int_equal(len, REPLY_BATCH_PACKED_MAX);
    assert_true(reply_batch_unpack(&read, packed, len));
    assert_int_equal(read.rejected, REPLY_BATCH_MAX);
    for (size_t i = 0; i < REPLY_BATCH_MAX; i++) {
        assert_int_equal(read.rejections[i].index, i);
        assert_int_equal(read.rejections[i].code, i % 4);
    }
    assert_false(reply_batch_unpack(&read, packed, len - 1));
    assert_false(reply_batch_unpack(&read, packed, 3));
    packed[len - 1] = 9;
    assert_false(reply_batch_unpack(&read, packed, len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_taken_whole_is_ok),
        cmocka_unit_test(what_was_rejected_is_named_by_its_index),
        cmocka_unit_test(none_taken_is_the_error_of_the_first),
        cmocka_unit_test(what_is_packed_comes_out_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
