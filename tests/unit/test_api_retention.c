/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/api_retention.h"

static bool parse(const char *names[], const char *values[], size_t count, struct query *q,
                  uint64_t *photo_id, struct query_error *err)
{
    struct query_param params[16];
    for (size_t i = 0; i < count; i++) {
        params[i] = (struct query_param){slice_of(names[i]), slice_of(values[i])};
    }
    *err = (struct query_error){.code = ""};
    return api_retention_parse(params, count, INT64_C(1670400000000), q, photo_id, err);
}

static void a_video_is_needed_and_the_rest_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *code, *parameter;
    } cases[] = {
        {"source", "embed", "missing_parameter", "photo_id"},
        {"photo_id", "", "invalid_parameter", "photo_id"},
        {"photo_id", "-7", "invalid_parameter", "photo_id"},
        {"photo_id", "9223372036854775808", "invalid_parameter", "photo_id"},
        {"tz", "UTC", "unknown_parameter", "tz"},
        {"", "x", "unknown_parameter", ""},
    };
    struct query q;
    struct query_error err;
    uint64_t photo_id;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = cases[i].name, *value = cases[i].value;
        assert_false(parse(&name, &value, 1, &q, &photo_id, &err));
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.parameter, cases[i].parameter);
    }
    const char *twice[] = {"photo_id", "photo_id"}, *values[] = {"7", "8"};
    assert_false(parse(twice, values, 2, &q, &photo_id, &err));
    assert_string_equal(err.code, "repeated_parameter");
    const char *bad[] = {"photo_id", "from"}, *ends[] = {"7", "yesterday"};
    assert_false(parse(bad, ends, 2, &q, &photo_id, &err));
    assert_string_equal(err.parameter, "from");
}

/* What parts terms and values in where is text in a source. */
static void a_source_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char *names[] = {"photo_id", "source", "site", "from", "bots"};
    static const char *values[] = {"7", "a\\,b;site==x", "", "-7d", "include"};
    struct query q;
    struct query_error err;
    uint64_t photo_id = 0;
    assert_true(parse(names, values, 5, &q, &photo_id, &err));
    assert_int_equal(photo_id, 7);
    assert_int_equal(q.grain, STORE_GRAIN_DAY);
    assert_true(q.bots && !q.internal);
    assert_int_equal(q.filter_count, 2);
    assert_int_equal(q.filters[1].value_count, 1);
    assert_true(slice_is(query_value_text(&q, &q.values[1]), values[1]));
}

static void assert_answer(const int64_t changes[STORE_POINTS], const char *part)
{
    struct buffer out;
    buffer_init(&out);
    api_retention(&out, 7, changes, 0);
    buffer_append_char(&out, '\0');
    assert_non_null(strstr(out.data, part));
    size_t commas = 0;
    for (const char *at = strchr(out.data, '['); *at != ']'; at++) {
        commas += *at == ',';
    }
    assert_int_equal(commas, 100);
    buffer_fini(&out);
}

/* (300,360) of 600, alone: 100 at 0, 0 at 25, 100 at 50 to 60. */
static void points_are_shares_of_the_viewings(void **state)
{
    (void)state;
    int64_t changes[STORE_POINTS] = {[0] = 1, [1] = -1, [50] = 1, [61] = -1};
    assert_answer(changes, "{\"photo_id\":7,\"viewings\":1,\"points\":[100,0,0,");
    assert_answer(changes, ",0,0,100,100,100,100,100,100,100,100,100,100,100,0,0,");
    int64_t three[STORE_POINTS] = {[0] = 3, [1] = -1, [2] = -1};
    assert_answer(three, "[100,66.66667,33.33333,33.33333,");
}

static void of_no_viewings_there_are_no_shares(void **state)
{
    (void)state;
    int64_t none[STORE_POINTS] = {0};
    assert_answer(none, "\"viewings\":0,\"points\":[null,null,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_video_is_needed_and_the_rest_is_named),
        cmocka_unit_test(a_source_is_taken_as_it_is),
        cmocka_unit_test(points_are_shares_of_the_viewings),
        cmocka_unit_test(of_no_viewings_there_are_no_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
