/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/access.h"

static void without_tokens_anyone_may_read(void **state)
{
    (void)state;
    assert_true(access_allows("", slice_of(NULL)));
}

static void only_a_listed_bearer_token_is_let_in(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool allowed;
    } cases[] = {
        {"Bearer one", true},
        {"bearer two", true},
        {"Bearer tw", false},
        {"Bearer twoo", false},
        {"Bearer one,two", false},
        {"Bearer ", false},
        {"Basic one", false},
        {"one", false},
        {NULL, false},
        {"Bearer \0one", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(access_allows("one,two", slice_of(cases[i].header)), cases[i].allowed);
    }
}

static void tokens_are_counted_without_the_empty_ones(void **state)
{
    (void)state;
    assert_int_equal(access_count(""), 0);
    assert_int_equal(access_count("one"), 1);
    assert_int_equal(access_count(",one,,two,"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tokens_anyone_may_read),
        cmocka_unit_test(only_a_listed_bearer_token_is_let_in),
        cmocka_unit_test(tokens_are_counted_without_the_empty_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
