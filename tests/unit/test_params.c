/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"

#include <stdio.h>
#include <stdlib.h>

#define FFFD "\xEF\xBF\xBD"

enum { PAIRS_MAX = 8 };

struct pair {
    const char *name, *value;
};

struct parsed {
    char *scratch;
    struct slice names[PAIRS_MAX], values[PAIRS_MAX];
    size_t count;
};

static struct parsed parse(struct slice encoded)
{
    struct parsed p = {.scratch = malloc(params_scratch_size(encoded.len) + 1)};
    assert_non_null(p.scratch);
    struct params_cursor c;
    params_start(&c, encoded, p.scratch, params_scratch_size(encoded.len));
    while (p.count < PAIRS_MAX && params_next(&c, &p.names[p.count], &p.values[p.count])) {
        p.count++;
    }
    return p;
}

static void check(const char *encoded, const struct pair *pairs, size_t count)
{
    struct parsed p = parse(slice_of(encoded));
    assert_int_equal(p.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_is(p.names[i], pairs[i].name));
        assert_true(slice_is(p.values[i], pairs[i].value));
        assert_non_null(p.values[i].data);
    }
    free(p.scratch);
}

#define CHECK(encoded, ...)                                                                        \
    check((encoded), (const struct pair[]){__VA_ARGS__},                                           \
          sizeof((const struct pair[]){__VA_ARGS__}) / sizeof(struct pair))

static void names_and_values_come_in_their_order(void **state)
{
    (void)state;
    CHECK("photo_id=1&event=play&photo_id=2", {"photo_id", "1"}, {"event", "play"},
          {"photo_id", "2"});
    CHECK("uid=dGVzdA==&event=play", {"uid", "dGVzdA=="}, {"event", "play"});
    CHECK("a=1?b=2", {"a", "1?b=2"});
    CHECK("photo_id[]=1", {"photo_id[]", "1"});
    CHECK("photo_id=1;event=play", {"photo_id", "1;event=play"});
}

static void a_name_without_equals_has_the_empty_value(void **state)
{
    (void)state;
    CHECK("photo_id=1&event&source=a", {"photo_id", "1"}, {"event", ""}, {"source", "a"});
    CHECK("raw", {"raw", ""});
    CHECK("raw=", {"raw", ""});
}

static void empty_pairs_and_pairs_without_a_name_are_skipped(void **state)
{
    (void)state;
    CHECK("photo_id=1&&event=play&", {"photo_id", "1"}, {"event", "play"});
    CHECK("&photo_id=1", {"photo_id", "1"});
    CHECK("=x&photo_id=1&=", {"photo_id", "1"});
    check("", NULL, 0);
    check("&&&", NULL, 0);
    struct parsed p = parse((struct slice){0});
    assert_int_equal(p.count, 0);
    free(p.scratch);
}

static void plus_and_percent_are_decoded_once_in_both(void **state)
{
    (void)state;
    CHECK("source=a+b%2Bc", {"source", "a b+c"});
    CHECK("so+urce=1&%65vent=play", {"so urce", "1"}, {"event", "play"});
    CHECK("a=%2525&b=%26%3d%3B", {"a", "%25"}, {"b", "&=;"});
    CHECK("a%3Db=c", {"a=b", "c"});
    CHECK("s=%F0%9F%92%A5", {"s", "\xF0\x9F\x92\xA5"});
}

static void bad_percent_sequences_stay_as_they_are(void **state)
{
    (void)state;
    CHECK("source=20%-off&event=play", {"source", "20%-off"}, {"event", "play"});
    CHECK("a=%zz&b=%4&c=%&d=%%41&e=%4g", {"a", "%zz"}, {"b", "%4"}, {"c", "%"}, {"d", "%A"},
          {"e", "%4g"});
}

static void invalid_utf8_is_replaced_raw_and_encoded(void **state)
{
    (void)state;
    CHECK("a=%FF&b=x%E2%82&c=\xFF\xFE&%C0=1", {"a", FFFD}, {"b", "x" FFFD}, {"c", FFFD FFFD},
          {FFFD, "1"});
    CHECK("a=%FF%FF%FF%FFz", {"a", FFFD FFFD FFFD FFFD "z"});
    CHECK("a=\xFF\xFF+\xFF&b=%FF", {"a", FFFD FFFD " " FFFD}, {"b", FFFD});
}

static void a_nul_stays_in_the_value(void **state)
{
    (void)state;
    struct parsed p = parse(slice_of("source=a%00b"));
    assert_int_equal(p.count, 1);
    assert_true(slice_equal(p.values[0], slice_make("a\0b", 3)));
    free(p.scratch);
}

static void what_needs_no_change_is_not_copied(void **state)
{
    (void)state;
    const char *encoded = "source=caf\xC3\xA9&b=+";
    struct parsed p = parse(slice_of(encoded));
    assert_int_equal(p.count, 2);
    assert_ptr_equal(p.names[0].data, encoded);
    assert_ptr_equal(p.values[0].data, encoded + 7);
    assert_ptr_equal(p.values[1].data, p.scratch);
    free(p.scratch);
}

static void many_pairs_and_a_large_value_all_come_out(void **state)
{
    (void)state;
    enum { PAIRS = 10000, VALUE = 1 << 20, SIZE = PAIRS * 16 + VALUE };
    char *encoded = malloc(SIZE);
    char *scratch = malloc(params_scratch_size(SIZE));
    assert_non_null(encoded);
    assert_non_null(scratch);
    size_t len = 0;
    for (int i = 0; i < PAIRS; i++) {
        len += (size_t)snprintf(encoded + len, SIZE - len, "n%d=%%41&", i);
    }
    encoded[len++] = 'v';
    encoded[len++] = '=';
    memset(encoded + len, '\xFF', VALUE);
    len += VALUE;

    struct params_cursor c;
    struct slice name = {0}, value = {0};
    params_start(&c, slice_make(encoded, len), scratch, params_scratch_size(len));
    for (int i = 0; i < PAIRS; i++) {
        assert_true(params_next(&c, &name, &value));
        assert_true(slice_is(value, "A"));
    }
    assert_true(params_next(&c, &name, &value));
    assert_int_equal(value.len, 3 * VALUE);
    assert_false(params_next(&c, &name, &value));
    free(scratch);
    free(encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_come_in_their_order),
        cmocka_unit_test(a_name_without_equals_has_the_empty_value),
        cmocka_unit_test(empty_pairs_and_pairs_without_a_name_are_skipped),
        cmocka_unit_test(plus_and_percent_are_decoded_once_in_both),
        cmocka_unit_test(bad_percent_sequences_stay_as_they_are),
        cmocka_unit_test(invalid_utf8_is_replaced_raw_and_encoded),
        cmocka_unit_test(a_nul_stays_in_the_value),
        cmocka_unit_test(what_needs_no_change_is_not_copied),
        cmocka_unit_test(many_pairs_and_a_large_value_all_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
