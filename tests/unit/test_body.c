/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/body.h"

static char scratch[4096];

static void the_media_type_decides(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        enum body_kind wanted;
    } cases[] = {
        {"application/x-www-form-urlencoded", "{", BODY_FORM},
        {"Application/X-WWW-Form-URLEncoded; charset=UTF-8", "", BODY_FORM},
        {"application/json", "", BODY_JSON},
        {"application/json;charset=utf-8", "a=1", BODY_JSON},
        {"application/json ; charset=\"UTF-8\"", "{}", BODY_JSON},
        {"Application/JSON", "{}", BODY_JSON},
        {"text/plain;charset=UTF-8", "{\"a\":1}", BODY_JSON},
        {"text/plain", " \r\n\t[", BODY_JSON},
        {"TEXT/PLAIN", "photo_id=1", BODY_FORM},
        {"text/plain", "  ", BODY_FORM},
        {NULL, "{}", BODY_JSON},
        {NULL, "a=1", BODY_FORM},
        {NULL, NULL, BODY_FORM},
        {"", "[1]", BODY_JSON},
        {"multipart/form-data; boundary=x", "", BODY_MULTIPART},
        {"multipart/form-data", "--x--", BODY_UNSUPPORTED},
        {"multipart/form-data; boundary=\"\"", "----", BODY_UNSUPPORTED},
        {"application/jsonx", "{}", BODY_UNSUPPORTED},
        {"application/xml", "<a/>", BODY_UNSUPPORTED},
        {"multipart/mixed; boundary=x", "", BODY_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(body_kind_of(slice_of(cases[i].type), slice_of(cases[i].body)),
                         cases[i].wanted);
    }
}

static bool read_parts(struct fields *f, const char *type, const char *body)
{
    return body_multipart_fields(f, slice_of(type), slice_of(body), scratch, sizeof(scratch));
}

static void plain_fields_of_a_form_are_read(void **state)
{
    (void)state;
    struct fields f;
    assert_true(read_parts(&f, "multipart/form-data; charset=x; boundary=\"a b\"",
                           "preamble\r\n"
                           "--a b\r\n"
                           "Content-Disposition: form-data; name=\"photo_id\"\r\n\r\n7\r\n"
                           "--a b \t\r\n"
                           "content-type: text/plain\r\n"
                           "CONTENT-DISPOSITION:form-data;name=source\r\n\r\na\xff\r\n--b\r\n"
                           "--a b\r\n"
                           "Content-Disposition: form-data; name=\"timeStart\"\r\n\r\n1.5\r\n"
                           "--a b\r\n"
                           "Content-Disposition: form-data; name=\"page; x\"\r\n\r\n\r\n"
                           "--a b\r\n"
                           "Content-Disposition: form-data; name=\"uuid\"\r\n\r\n\r\n"
                           "--a b--\r\nepilogue"));
    assert_true(slice_is(f.values[FIELD_PHOTO_ID], "7"));
    assert_true(slice_is(f.values[FIELD_SOURCE], "a\xef\xbf\xbd\r\n--b"));
    assert_true(slice_is(f.values[FIELD_TIME_START], "1.5"));
    assert_non_null(f.values[FIELD_UUID].data);
    assert_int_equal(f.values[FIELD_UUID].len, 0);
}

static void the_fields_of_a_form_come_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } WANTED[] = {{"b", "1"}, {"any name \xef\xbf\xbd", ""}, {"b", "\xef\xbf\xbd/"}};
    const struct slice type = slice_of("multipart/form-data; boundary=x");
    struct slice body = slice_of("--x\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n"
                                 "--x\r\nContent-Disposition: form-data; name=\"any name \xff\"\r\n"
                                 "\r\n\r\n--x\r\nContent-Disposition: form-data; name=b\r\n\r\n"
                                 "\xff/\r\n--x--");
    struct body_parts p;
    struct slice name, value;
    body_parts_start(&p, type, body, scratch, sizeof scratch);
    for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        assert_true(body_parts_next(&p, &name, &value));
        assert_true(slice_is(name, WANTED[i].name));
        assert_true(slice_is(value, WANTED[i].value));
    }
    assert_false(body_parts_next(&p, &name, &value));
    assert_false(p.is_broken);
    body_parts_start(&p, type, slice_make(body.data, body.len - 5), scratch, sizeof scratch);
    assert_true(body_parts_next(&p, &name, &value) && body_parts_next(&p, &name, &value));
    assert_false(body_parts_next(&p, &name, &value));
    assert_true(p.is_broken);
    assert_false(body_parts_next(&p, &name, &value));
}

static void an_empty_form_is_read(void **state)
{
    (void)state;
    struct fields f;
    assert_true(read_parts(&f, "multipart/form-data; boundary=x", "--x--\r\n"));
    assert_null(f.values[FIELD_PHOTO_ID].data);
}

static void forms_with_files_and_broken_ones_are_not_read(void **state)
{
    (void)state;
    static const char usual[] = "multipart/form-data; boundary=x";
    static const char *const cases[][2] = {
        {usual, NULL},
        {usual, ""},
        {usual, "--y--"},
        {usual, "--x"},
        {usual, "--x\r\n"},
        {usual, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue"},
        {usual, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n--x--"},
        {usual, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"
                "--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--x--"},
        {usual, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
                "--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--x--"},
        {usual, "--xContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--"},
        {usual, "--xy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--"},
        {usual, "--x\r\nContent-Type: text/plain\r\n\r\n1\r\n--x--"},
        {usual,
         "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n\r\n--x--"},
        {usual, "--x\r\nContent-Disposition: form-data; filename*=f; name=a\r\n\r\n\r\n--x--"},
        {usual, "--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--x--"},
        {"multipart/form-data", "--x--"},
        {"multipart/form-data; boundary=", "----"},
        {"multipart/form-data; boundary=\"x", "--x--"},
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         "--01234567890123456789012345678901234567890123456789012345678901234567890--"},
    };
    struct fields f;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(read_parts(&f, cases[i][0], cases[i][1]));
    }
}

static void a_nul_in_a_part_is_remembered(void **state)
{
    (void)state;
    static const char body[] =
        "--x\r\nContent-Disposition\0: form-data; name=\"uuid\"\r\n"
        "Content-Disposition: form-data; name=\"source\"\r\n\r\na\0b\r\n--x--";
    struct fields f;
    assert_true(body_multipart_fields(&f, slice_of("multipart/form-data; boundary=x"),
                                      slice_make(body, sizeof(body) - 1), scratch,
                                      sizeof(scratch)));
    assert_int_equal(f.fault, FIELDS_HOLD_NUL);
    assert_int_equal(f.fault_field, FIELD_SOURCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_media_type_decides),
        cmocka_unit_test(plain_fields_of_a_form_are_read),
        cmocka_unit_test(the_fields_of_a_form_come_one_by_one),
        cmocka_unit_test(an_empty_form_is_read),
        cmocka_unit_test(forms_with_files_and_broken_ones_are_not_read),
        cmocka_unit_test(a_nul_in_a_part_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
