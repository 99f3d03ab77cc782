/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/screen.h"

static void assert_frame(const char *text, size_t lines, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    screen_frame(&out, "title", slice_of(text), lines);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

#define TITLE "\033[Htitle\033[K\n"
#define MORE "more lines: in a taller terminal, or fewer by --limit"

static void each_line_clears_what_stood_there(void **state)
{
    (void)state;
    assert_frame("", 24, TITLE "\033[J");
    assert_frame("a\n\nb\n", 24, TITLE "a\033[K\n\033[K\nb\033[K\n\033[J");
    assert_frame("a\nb", 24, TITLE "a\033[K\nb\033[K\n\033[J");
}

/* Else it would scroll, and the title be lost. */
static void no_more_is_written_than_there_is_room_for(void **state)
{
    (void)state;
    assert_frame("a\nb\n", 4, TITLE "a\033[K\nb\033[K\n\033[J");
    assert_frame("a\nb\nc\n", 4, TITLE "a\033[K\nb\033[K\n\033[J" MORE);
    assert_frame("a\nb\nc\n", 0, TITLE "a\033[K\nb\033[K\n\033[J" MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_clears_what_stood_there),
        cmocka_unit_test(no_more_is_written_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
