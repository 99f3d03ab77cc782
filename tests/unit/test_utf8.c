/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/utf8.h"

#include <stdlib.h>

#define FFFD "\xEF\xBF\xBD"

static void each_character_decodes_to_its_code_point(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        uint32_t code;
    } cases[] = {
        {"Ax", 1, 'A'},
        {"\x7F", 1, 0x7F},
        {"\xC2\x80", 2, 0x80},
        {"\xDF\xBF", 2, 0x7FF},
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xED\x9F\xBF", 3, 0xD7FF},
        {"\xEE\x80\x80", 3, 0xE000},
        {"\xEF\xBF\xBF", 3, 0xFFFF},
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_decode(slice_of(cases[i].text), &code), cases[i].len);
        assert_int_equal(code, cases[i].code);
        assert_true(utf8_is_valid(slice_of(cases[i].text)));
    }
    uint32_t code = 1;
    assert_int_equal(utf8_decode(slice_make("\0", 1), &code), 1);
    assert_int_equal(code, 0);
}

static const char *const broken[] = {
    "\x80",             /* a continuation alone */
    "\xBF",             /* likewise */
    "\xC0\x80",         /* overlong NUL */
    "\xC1\xBF",         /* overlong */
    "\xC3",             /* cut */
    "\xC3(",            /* no continuation */
    "\xE0\x9F\xBF",     /* overlong */
    "\xE2\x82",         /* cut */
    "\xED\xA0\x80",     /* surrogate */
    "\xED\xBF\xBF",     /* surrogate */
    "\xF0\x8F\xBF\xBF", /* overlong */
    "\xF0\x9F\x92",     /* cut */
    "\xF4\x90\x80\x80", /* past U+10FFFF */
    "\xF5\x80\x80\x80", /* past U+10FFFF */
    "\xFE",             /* never */
    "\xFF",             /* never */
};

static void broken_characters_do_not_decode_and_are_not_valid(void **state)
{
    (void)state;
    uint32_t code = 7;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(utf8_decode(slice_of(broken[i]), &code), 0);
        assert_false(utf8_is_valid(slice_of(broken[i])));
    }
    assert_int_equal(utf8_decode(slice_of(""), &code), 0);
    assert_int_equal(code, 7);
}

static void a_broken_byte_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char text[40];
        memset(text, 'a', sizeof text);
        assert_true(utf8_is_valid(slice_make(text, sizeof text)));
        text[at] = '\xFF';
        assert_false(utf8_is_valid(slice_make(text, sizeof text)));
    }
    assert_true(utf8_is_valid((struct slice){0}));
}

static void cut_never_parts_a_character(void **state)
{
    (void)state;
    struct slice s = slice_of("a\xC3\xA9\xF0\x9F\x92\xA5z"); /* 1 + 2 + 4 + 1 bytes */
    static const size_t lens[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
    for (size_t max = 0; max < sizeof lens / sizeof lens[0]; max++) {
        struct slice cut = utf8_cut(s, max);
        assert_int_equal(cut.len, lens[max]);
        assert_ptr_equal(cut.data, s.data);
    }
    assert_null(utf8_cut((struct slice){0}, 5).data);
}

static void repair_replaces_each_maximal_part(void **state)
{
    (void)state;
    static const struct {
        const char *text, *repaired;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xF0\x9F\x92\xA5", "\xF0\x9F\x92\xA5"},
        {"a\xFF"
         "b",
         "a" FFFD "b"},
        {"\xC0\x80", FFFD FFFD},
        {"\xED\xA0\x80", FFFD FFFD FFFD},
        {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xE2\x82", FFFD},
        {"\xE2\x82(", FFFD "("},
        {"\xF0\x9F\x92\xF0\x9F\x92\xA5", FFFD "\xF0\x9F\x92\xA5"},
        {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", /* Unicode 3.9, table 3-11 */
         "a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice s = slice_of(cases[i].text);
        char *out = malloc(utf8_repaired_size(s.len) + 1);
        assert_non_null(out);
        size_t len = utf8_repair(s, out);
        assert_true(slice_is(slice_make(out, len), cases[i].repaired));
        free(out);
    }
}

static void repair_works_from_the_end_of_its_own_room(void **state)
{
    (void)state;
    char room[3 * 6];
    memcpy(room + 12, "\xFF\xC3\xA9\xFF\xFF\xFF", 6);
    size_t len = utf8_repair(slice_make(room + 12, 6), room);
    assert_true(slice_is(slice_make(room, len), FFFD "\xC3\xA9" FFFD FFFD FFFD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_decodes_to_its_code_point),
        cmocka_unit_test(broken_characters_do_not_decode_and_are_not_valid),
        cmocka_unit_test(a_broken_byte_is_found_wherever_it_stands),
        cmocka_unit_test(cut_never_parts_a_character),
        cmocka_unit_test(repair_replaces_each_maximal_part),
        cmocka_unit_test(repair_works_from_the_end_of_its_own_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
