/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/error.h"

#include <string.h>

static void the_sentence_is_formatted(void **state)
{
    (void)state;
    struct error e = {0};
    error_set(&e, "%s: line %d", "file", 3);
    assert_string_equal(e.text, "file: line 3");
    error_set(&e, "again");
    assert_string_equal(e.text, "again");
}

static void a_long_sentence_is_cut_to_fit(void **state)
{
    (void)state;
    struct error e = {0};
    error_set(&e, "%0*d", 2 * ERROR_TEXT_SIZE, 7);
    assert_int_equal(strlen(e.text), ERROR_TEXT_SIZE - 1);
}

static void nobody_need_listen(void **state)
{
    (void)state;
    error_set(NULL, "%d", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sentence_is_formatted),
        cmocka_unit_test(a_long_sentence_is_cut_to_fit),
        cmocka_unit_test(nobody_need_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
