/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/intern.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t id_of(struct intern *n, const char *text)
{
    return intern_id(n, slice_of(text));
}

static size_t pending_count(const struct intern *n)
{
    size_t count = 0;
    (void)intern_pending(n, &count); /* only how many there are is wanted */
    return count;
}

static void a_string_keeps_its_id(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(id_of(n, "embed"), 1);
    assert_int_equal(id_of(n, "site"), 2);
    assert_int_equal(id_of(n, "embed"), 1);
    assert_int_equal(id_of(n, ""), 3);
    assert_int_equal(intern_id(n, slice_make("site", 3)), 4);
    intern_free(n);
}

static void loaded_strings_are_not_pending_and_new_ids_follow_theirs(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(intern_load(n, 7, slice_of("share")), 0);
    assert_int_equal(intern_load(n, 3, slice_of("site")), 0);
    assert_int_equal(pending_count(n), 0);
    assert_int_equal(id_of(n, "share"), 7);
    assert_int_equal(id_of(n, "embed"), 8);
    size_t count = 0;
    const struct store_string *pending = intern_pending(n, &count);
    assert_int_equal(count, 1);
    assert_int_equal(pending[0].id, 8);
    assert_true(slice_is(pending[0].text, "embed"));
    intern_free(n);
}

static void rollback_forgets_the_pending_ones_only(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(id_of(n, "site"), 1);
    intern_commit(n);
    assert_int_equal(id_of(n, "embed"), 2);
    intern_rollback(n);
    assert_int_equal(pending_count(n), 0);
    assert_int_equal(id_of(n, "share"), 2);
    assert_int_equal(id_of(n, "site"), 1);
    assert_int_equal(id_of(n, "embed"), 3);
    intern_free(n);
}

static void rollback_of_many_chunks_leaves_the_committed_text_whole(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(id_of(n, "kept"), 1);
    intern_commit(n);
    char *large = calloc(1, 100000);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20000; i++) {
            char text[32];
            snprintf(text, sizeof(text), "source %d", i);
            assert_int_equal(id_of(n, text), i + 2);
        }
        assert_int_equal(intern_id(n, slice_make(large, 100000)), 20002);
        assert_int_equal(id_of(n, ""), 20003);
        assert_int_equal(pending_count(n), 20002);
        intern_rollback(n);
    }
    free(large);
    assert_int_equal(id_of(n, "kept"), 1);
    assert_int_equal(id_of(n, "source 1"), 2);
    intern_free(n);
}

static void reset_forgets_everything(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(intern_load(n, 9, slice_of("site")), 0);
    assert_int_equal(id_of(n, "embed"), 10);
    intern_reset(n);
    assert_int_equal(pending_count(n), 0);
    assert_int_equal(id_of(n, "embed"), 1);
    intern_free(n);
}

static void no_id_is_given_after_the_last(void **state)
{
    (void)state;
    struct intern *n = intern_new();
    assert_int_equal(intern_load(n, UINT32_MAX, slice_of("last")), 0);
    assert_int_equal(id_of(n, "one more"), 0);
    assert_int_equal(id_of(n, "last"), UINT32_MAX);
    assert_int_equal(pending_count(n), 0);
    intern_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_keeps_its_id),
        cmocka_unit_test(loaded_strings_are_not_pending_and_new_ids_follow_theirs),
        cmocka_unit_test(rollback_forgets_the_pending_ones_only),
        cmocka_unit_test(rollback_of_many_chunks_leaves_the_committed_text_whole),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(no_id_is_given_after_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
