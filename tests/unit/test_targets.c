/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/targets.h"

#include <stdio.h>

static bool add(struct targets *t, const char *name, const char *value)
{
    return targets_add(t, slice_of(name), slice_of(value));
}

static void values_that_start_with_a_slash_are_targets(void **state)
{
    (void)state;
    static const struct {
        const char *value, *path, *query;
    } CASES[] = {
        {"/api/echo?a=1&b=%2f+", "/api/echo", "a=1&b=%2f+"},
        {"/api/echo", "/api/echo", NULL},
        {"/api/echo?", "/api/echo", ""},
        {"/api/echo?a=1#b", "/api/echo", "a=1"},
        {"/", "/", NULL},
        {"//h.example/api/echo", "//h.example/api/echo", NULL},
    };
    struct targets t;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        targets_init(&t);
        assert_true(add(&t, "data", CASES[i].value));
        assert_int_equal(t.count, 1);
        assert_true(slice_is(t.each[0].name, "data"));
        assert_true(slice_is(t.each[0].path, CASES[i].path));
        assert_int_equal(t.each[0].query.data == NULL, CASES[i].query == NULL);
        assert_true(slice_equal(t.each[0].query, slice_of(CASES[i].query)));
    }
}

static void other_parameters_are_ignored(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"a", ""},       {"a", NULL},          {"a", "1"},         {"a", "api/echo"},
        {"a", " /api"},  {"a", "?/"},          {"a", "http://h/"}, {"", "/api/echo"},
        {"format", "/"}, {"callback", "/api"}, {"varname", "/"},   {"raw", "/api/echo"},
    };
    struct targets t;
    targets_init(&t);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_true(add(&t, CASES[i][0], CASES[i][1]));
    }
    assert_int_equal(t.count, 0);
}

static void of_one_name_the_first_stands(void **state)
{
    (void)state;
    struct targets t;
    targets_init(&t);
    assert_true(add(&t, "a", "/1") && add(&t, "b", "/2") && add(&t, "a", "/3") &&
                add(&t, "A", "/4"));
    assert_int_equal(t.count, 3);
    assert_true(slice_is(t.each[0].path, "/1"));
    assert_true(slice_is(t.each[1].path, "/2"));
    assert_true(slice_is(t.each[2].path, "/4"));
}

static void past_the_limit_none_is_added(void **state)
{
    (void)state;
    struct targets t;
    char names[TARGETS_MAX][8];
    targets_init(&t);
    for (unsigned i = 0; i < TARGETS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%u", i);
        assert_true(add(&t, names[i], "/api/echo"));
    }
    assert_int_equal(t.count, TARGETS_MAX);
    assert_false(add(&t, "more", "/api/echo"));
    assert_false(add(&t, "n0", "/api/echo"));
    assert_true(add(&t, "more", "no target"));
    assert_int_equal(t.count, TARGETS_MAX);
}

/* Else each of very many would be looked for. */
static void repeats_count_for_the_limit(void **state)
{
    (void)state;
    struct targets t;
    targets_init(&t);
    for (unsigned i = 0; i < TARGETS_MAX; i++) {
        assert_true(add(&t, "a", "/api/echo"));
    }
    assert_int_equal(t.count, 1);
    assert_false(add(&t, "a", "/api/echo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_start_with_a_slash_are_targets),
        cmocka_unit_test(other_parameters_are_ignored),
        cmocka_unit_test(of_one_name_the_first_stands),
        cmocka_unit_test(past_the_limit_none_is_added),
        cmocka_unit_test(repeats_count_for_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
