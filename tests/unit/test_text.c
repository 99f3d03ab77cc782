/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/text.h"

#include <locale.h>

typedef void append_fn(struct buffer *b, struct slice s);

struct escape_case {
    const char *text, *written;
};

static void check_cases(append_fn *append, const struct escape_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer b;
        buffer_init(&b);
        append(&b, slice_of(cases[i].text));
        buffer_append_char(&b, '\0');
        assert_false(buffer_failed(&b));
        assert_string_equal(b.data, cases[i].written);
        buffer_fini(&b);
    }
}

static void xml_is_escaped_and_forbidden_characters_removed(void **state)
{
    (void)state;
    static const struct escape_case cases[] = {
        {"", ""},
        {NULL, ""},
        {"plain 'text' \xF0\x9F\x92\xA5", "plain 'text' \xF0\x9F\x92\xA5"},
        {"]]><x a='1'>&amp;\x01", "]]&gt;&lt;x a='1'&gt;&amp;amp;"},
        {"\"a\"", "&quot;a&quot;"},
        {"a\tb\nc\rd", "a&#9;b&#10;c&#13;d"},
        {"\x0B\x1F\x0C", ""},
        {"a\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD", "a\xEF\xBF\xBD"},
        {"\xEF\xBC\x9D", "\xEF\xBC\x9D"},
    };
    check_cases(text_append_xml, cases, sizeof cases / sizeof cases[0]);
}

static void json_is_escaped_and_is_javascript_too(void **state)
{
    (void)state;
    static const struct escape_case cases[] = {
        {"", "\"\""},
        {NULL, "\"\""},
        {"a/b \xC3\xA9", "\"a/b \xC3\xA9\""},
        {"\"\\", "\"\\\"\\\\\""},
        {"</script>", "\"<\\/script>\""},
        {"<</", "\"<<\\/\""},
        {"<", "\"<\""},
        {"\n\x01\x1F\x7F", "\"\\u000a\\u0001\\u001f\x7F\""},
        {"\xE2\x80\xA8|\xE2\x80\xA9|\xE2\x80\xAA", "\"\\u2028|\\u2029|\xE2\x80\xAA\""},
    };
    check_cases(text_append_json, cases, sizeof cases / sizeof cases[0]);
}

static void a_nul_is_escaped_in_json_and_removed_in_xml(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    text_append_json(&b, slice_make("a\0b", 3));
    text_append_xml(&b, slice_make("a\0b", 3));
    assert_true(slice_is(buffer_slice(&b), "\"a\\u0000b\"ab"));
    buffer_fini(&b);
}

static void csv_cells_are_quoted_and_never_run(void **state)
{
    (void)state;
    static const struct escape_case cases[] = {
        {"", ""},
        {NULL, ""},
        {"plain text", "plain text"},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"a\r\nb", "\"a\r\nb\""},
        {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
        {"+1+1", "\"'+1+1\""},
        {"-2+3", "\"'-2+3\""},
        {"@SUM(1)", "\"'@SUM(1)\""},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"=1\",2", "\"'=1\"\",2\""},
        {"a=1", "a=1"},
    };
    check_cases(text_append_csv, cases, sizeof cases / sizeof cases[0]);
}

static void uint_takes_digits_up_to_its_maximum(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max, value;
    } cases[] = {
        {"0", 0, 0},
        {"000123", 123, 123},
        {"9223372036854775807", INT64_MAX, INT64_MAX},
        {"00000000000000000000000000000007", 7, 7},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = 1;
        assert_true(text_parse_uint(slice_of(cases[i].text), cases[i].max, &value));
        assert_true(value == cases[i].value);
    }
}

static void uint_refuses_all_else(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",     "-1",  "-0",       "+5",  " 5",  "5 ", "0x1F", "1_000",
        "''",   "NaN", "\xD9\xA1", "1.0", "1e3", "8",  "77",   "99999999999999999999999999",
        "\xB2",
    };
    uint64_t value = 42;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(text_parse_uint(slice_of(cases[i]), 7, &value));
    }
    assert_false(text_parse_uint(slice_of("9223372036854775808"), INT64_MAX, &value));
    assert_false(text_parse_uint(slice_of("18446744073709551616"), UINT64_MAX, &value));
    assert_false(text_parse_uint(slice_make("1\0", 2), 7, &value));
    assert_false(text_parse_uint((struct slice){0}, 7, &value));
    assert_true(value == 42);
}

static void check_double(const char *text, double expected)
{
    double value = 42;
    assert_true(text_parse_double(slice_of(text), &value));
    assert_memory_equal(&value, &expected, sizeof value);
}

static void doubles_are_read_correctly_rounded(void **state)
{
    (void)state;
    check_double("0", 0.0);
    check_double("-0", -0.0);
    check_double("12.345", 12.345);
    check_double("-1.5", -1.5);
    check_double("+.5", 0.5);
    check_double("3.", 3.0);
    check_double("1e3", 1000.0);
    check_double("1E-3", 0.001);
    check_double("007.250e+01", 72.5);
    check_double("0.1", 0.1);
    check_double("0.000001234", 0.000001234);
    check_double("9007199254740993", 9007199254740992.0);
    check_double("1.7976931348623157e308", 1.7976931348623157e308);
    check_double("4.9e-324", 4.9e-324);
    check_double("1e-999999999999999999999", 0.0);
    check_double("0e999999999999", 0.0);
    check_double("100000000000000000000000000000000000000000000000000", 1e50);
    check_double("0.3333333333333333333333333333333333333333333333333333", 1.0 / 3.0);
}

static void doubles_refuse_all_else(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",    ".",     "-",         "+",     "e5",    "1e",     "1e+",
        "--1", "1 ",    " 1",        "0x10",  "1,5",   "inf",    "nan",
        "NaN", "1e5.0", "undefined", "1.2.3", "1e309", "-1e309", "1e99999999999",
        "1f",
    };
    double value = 42;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(text_parse_double(slice_of(cases[i]), &value));
    }
    assert_false(text_parse_double(slice_make("1\0", 2), &value));
    assert_false(text_parse_double((struct slice){0}, &value));
    assert_true(value > 41 && value < 43);
}

static void doubles_do_not_change_with_the_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)setlocale(LC_NUMERIC, names[i]); /* one that is not installed leaves the last */
        check_double("1.5", 1.5);
        double value = 0;
        assert_false(text_parse_double(slice_of("1,5"), &value));
    }
    (void)setlocale(LC_NUMERIC, "C"); /* always there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_is_escaped_and_forbidden_characters_removed),
        cmocka_unit_test(json_is_escaped_and_is_javascript_too),
        cmocka_unit_test(a_nul_is_escaped_in_json_and_removed_in_xml),
        cmocka_unit_test(csv_cells_are_quoted_and_never_run),
        cmocka_unit_test(uint_takes_digits_up_to_its_maximum),
        cmocka_unit_test(uint_refuses_all_else),
        cmocka_unit_test(doubles_are_read_correctly_rounded),
        cmocka_unit_test(doubles_refuse_all_else),
        cmocka_unit_test(doubles_do_not_change_with_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
