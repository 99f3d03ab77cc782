/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/viewings.h"

#include <stdio.h>
#include <string.h>

enum { KEPT = 100 };

static struct store_viewing_key key_of(uint32_t i)
{
    struct store_viewing_key key = {.site = 1 + i % 2, .photo_id = i % 3};
    memcpy(key.viewer, &i, sizeof i);
    return key;
}

static void put(struct viewings *v, uint32_t i, const char *state)
{
    struct store_viewing_key key = key_of(i);
    assert_int_equal(viewings_put(v, &key, slice_of(state), i), 0);
}

static bool is_held(struct viewings *v, uint32_t i, const char *state)
{
    struct store_viewing_key key = key_of(i);
    struct slice found;
    return viewings_find(v, &key, &found) && slice_is(found, state);
}

static void what_is_put_is_found_again_and_written_once(void **state)
{
    (void)state;
    struct viewings *v = viewings_new(KEPT);
    const struct store_viewing *rows = NULL;
    size_t count = 0;
    assert_false(is_held(v, 0, "a"));
    for (uint32_t i = 0; i < 1000; i++) {
        put(v, i, "first");
    }
    put(v, 7, "a longer state than there was room for when it was put for the first time");
    assert_int_equal(viewings_changed_count(v), 1000);
    assert_int_equal(viewings_changed(v, &rows, &count), 0);
    assert_int_equal(count, 1000);
    for (size_t i = 1; i < count; i++) {
        const struct store_viewing_key *x = &rows[i - 1].key, *y = &rows[i].key;
        bool rises = x->site != y->site           ? x->site < y->site
                     : x->photo_id != y->photo_id ? x->photo_id < y->photo_id
                                                  : memcmp(x->viewer, y->viewer, 16) < 0;
        assert_true(rises);
        uint32_t number;
        memcpy(&number, rows[i].key.viewer, sizeof number);
        assert_int_equal(rows[i].clock_ms, number);
        assert_true(slice_is(rows[i].state, "first") == (number != 7));
    }
    viewings_commit(v);
    assert_int_equal(viewings_changed_count(v), 0);
    viewings_free(v);
}

static void what_is_not_asked_for_goes_and_what_is_stays(void **state)
{
    (void)state;
    struct viewings *v = viewings_new(KEPT);
    put(v, 0, "asked for");
    put(v, 1, "not asked for");
    for (uint32_t i = 2; i < 1000; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        put(v, i, text);
        viewings_commit(v);
        assert_true(is_held(v, 0, "asked for"));
        assert_true(is_held(v, i, text));
    }
    assert_false(is_held(v, 1, "not asked for"));
    viewings_free(v);
}

static void a_change_is_not_dropped_before_it_is_committed(void **state)
{
    (void)state;
    struct viewings *v = viewings_new(2);
    for (uint32_t i = 0; i < 50; i++) {
        put(v, i, "changed");
    }
    for (uint32_t i = 0; i < 50; i++) {
        assert_true(is_held(v, i, "changed"));
    }
    viewings_commit(v);
    put(v, 50, "another");
    viewings_commit(v);
    put(v, 51, "another");
    put(v, 52, "another");
    viewings_commit(v);
    assert_false(is_held(v, 3, "changed"));
    viewings_free(v);
}

static void reset_forgets_what_changed_too(void **state)
{
    (void)state;
    struct viewings *v = viewings_new(KEPT);
    const struct store_viewing *rows = NULL;
    size_t count = 1;
    put(v, 1, "one");
    viewings_commit(v);
    put(v, 2, "two");
    viewings_reset(v);
    assert_false(is_held(v, 1, "one"));
    assert_false(is_held(v, 2, "two"));
    assert_int_equal(viewings_changed_count(v), 0);
    assert_int_equal(viewings_changed(v, &rows, &count), 0);
    assert_int_equal(count, 0);
    put(v, 2, "new");
    assert_true(is_held(v, 2, "new"));
    viewings_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_again_and_written_once),
        cmocka_unit_test(what_is_not_asked_for_goes_and_what_is_stays),
        cmocka_unit_test(a_change_is_not_dropped_before_it_is_committed),
        cmocka_unit_test(reset_forgets_what_changed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
