/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/held.h"

#include <string.h>

static const char SITE[] = "{}";
static const struct cors_answer *const cors = (const void *)SITE; /* any address */

static struct reply_form a_form(enum reply_format format, const char *name)
{
    struct reply_form form;
    reply_form_init(&form);
    form.format = (uint8_t)format;
    form.name_len = (uint8_t)strlen(name);
    memcpy(form.name, name, form.name_len);
    return form;
}

static void assert_same_part(const struct held_part *p, const struct held_part *wanted)
{
    assert_ptr_equal(p->method, wanted->method);
    assert_int_equal(p->sequence, wanted->sequence);
    assert_int_equal(p->kind, wanted->kind);
    assert_true(slice_equal(p->name, wanted->name));
    assert_true(slice_equal(p->text, wanted->text));
}

static void what_is_held_comes_out_the_same(void **state)
{
    (void)state;
    const struct method *play = method_find(slice_of("/api/analytics/report/play"));
    const struct method *batch = method_find(slice_of("/api/analytics/report/batch"));
    const struct held_part parts[] = {
        {.method = play, .sequence = UINT64_MAX, .kind = EVENT_KIND_DOWNLOAD},
        {.method = batch,
         .sequence = 7,
         .name = slice_of("a name"),
         .text = slice_make("\0\1\2", 3)},
        {.name = slice_make("\0", 1), .text = slice_of("an answer of its own")},
    };
    static const char *const NAMES[] = {"", "f", "window.ignore"};
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < 3; i++) {
        const struct held h = {SITE, cors, i > 0};
        struct reply_form form = a_form(REPLY_CALLBACK, NAMES[i]), read_form;
        struct held read;
        struct held_part p;
        held_begin(&b, &h, &form);
        for (size_t n = 0; n < i + 1; n++) {
            held_add(&b, &parts[n]);
        }
        assert_false(buffer_failed(&b));
        struct slice rest = held_open(buffer_slice(&b), &read, &read_form);
        assert_ptr_equal(read.site_json, SITE);
        assert_int_equal(read.is_list, i > 0);
        assert_ptr_equal(read.cors, cors);
        assert_int_equal(read_form.format, REPLY_CALLBACK);
        assert_true(slice_is(slice_make(read_form.name, read_form.name_len), NAMES[i]));
        for (size_t n = 0; n < i + 1; n++) {
            assert_true(held_next(&rest, &p));
            assert_same_part(&p, &parts[n]);
        }
        assert_false(held_next(&rest, &p));
    }
    buffer_fini(&b);
}

static void beginning_again_forgets_the_parts(void **state)
{
    (void)state;
    const struct held h = {SITE, cors, false};
    struct reply_form form = a_form(REPLY_XML, ""), read_form;
    struct held read;
    struct held_part p = {.sequence = 1};
    struct buffer b;
    buffer_init(&b);
    held_begin(&b, &h, &form);
    held_add(&b, &p);
    held_begin(&b, &h, &form);
    struct slice rest = held_open(buffer_slice(&b), &read, &read_form);
    assert_int_equal(read_form.format, REPLY_XML);
    assert_false(held_next(&rest, &p));
    buffer_fini(&b);
}

static void lost_memory_is_told(void **state)
{
    (void)state;
    const struct held h = {SITE, cors, false};
    struct reply_form form = a_form(REPLY_XML, "");
    struct held_part p = {.text = slice_make("", SIZE_MAX / 2)};
    struct buffer b;
    buffer_init(&b);
    held_begin(&b, &h, &form);
    held_add(&b, &p);
    assert_true(buffer_failed(&b));
    buffer_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_comes_out_the_same),
        cmocka_unit_test(beginning_again_forgets_the_parts),
        cmocka_unit_test(lost_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
