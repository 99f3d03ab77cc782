/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/api_list.h"

enum { MANY = 40 };

static bool parse(enum api_list list, const char *const names[], const char *const values[],
                  size_t count, struct query *q, struct query_error *err)
{
    struct query_param params[MANY];
    for (size_t i = 0; i < count; i++) {
        params[i] = (struct query_param){slice_of(names[i]), slice_of(values[i])};
    }
    *err = (struct query_error){.code = ""};
    return api_list_parse(list, params, count, INT64_C(1670400000000), q, err);
}

static void the_most_played_come_first(void **state)
{
    (void)state;
    static const enum query_field dimensions[] = {QUERY_PHOTO_ID, QUERY_SOURCE};
    struct query q;
    struct query_error err;
    for (enum api_list list = API_LIST_PHOTOS; list <= API_LIST_SOURCES; list++) {
        assert_true(parse(list, NULL, NULL, 0, &q, &err));
        assert_int_equal(q.dimension_count, 1);
        assert_int_equal(q.columns[0], dimensions[list]);
        assert_int_equal(q.column_count, 4);
        assert_int_equal(q.orders[0].field, QUERY_PLAYS);
        assert_true(q.orders[0].descending);
        assert_int_equal(q.filter_count, 0);
    }
}

static void the_first_metric_orders_unless_it_is_told(void **state)
{
    (void)state;
    static const char *const names[] = {"metrics", "sort", "from", "limit"};
    static const char *const values[] = {"downloads,plays", "photo_id", "-7d", "5"};
    struct query q;
    struct query_error err;
    assert_true(parse(API_LIST_PHOTOS, names, values, 1, &q, &err));
    assert_int_equal(q.orders[0].field, QUERY_DOWNLOADS);
    assert_true(q.orders[0].descending);
    assert_true(parse(API_LIST_PHOTOS, names, values, 4, &q, &err));
    assert_int_equal(q.orders[0].field, QUERY_PHOTO_ID);
    assert_int_equal(q.limit, 5);
    assert_int_equal(q.from.kind, QUERY_EDGE_TIME);
}

/* What parts terms and values in where is text in q. */
static void what_it_begins_with_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"q", "where"};
    static const char *const values[] = {"a\\,b;site==x", "site==default;photo_id!=7"};
    struct query q;
    struct query_error err;
    assert_true(parse(API_LIST_SOURCES, names, values, 2, &q, &err));
    assert_int_equal(q.filter_count, 3);
    assert_int_equal(q.filters[2].field, QUERY_SOURCE);
    assert_true(q.filters[2].is_prefix);
    assert_int_equal(q.filters[2].value_count, 1);
    assert_true(slice_is(query_value_text(&q, &q.values[2]), values[0]));
    static const char *const photo[] = {"12"};
    assert_true(parse(API_LIST_PHOTOS, names, photo, 1, &q, &err));
    assert_int_equal(q.filters[0].field, QUERY_PHOTO_ID);
    assert_true(q.filters[0].is_prefix);
    static const char *const nothing[] = {""};
    assert_true(parse(API_LIST_PHOTOS, names, nothing, 1, &q, &err));
    assert_int_equal(q.filter_count, 0);
}

static void a_fault_names_its_parameter(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *code, *parameter;
    } cases[] = {
        {"q", "12x", "invalid_parameter", "q"},
        {"q", "-1", "invalid_parameter", "q"},
        {"dimensions", "source", "unknown_parameter", "dimensions"},
        {"color", "red", "unknown_parameter", "color"},
        {"where", "source=embed", "invalid_parameter", "where"},
        {"metrics", "seconds", "invalid_parameter", "metrics"},
        {"metrics", ",plays", "invalid_parameter", "metrics"},
        {"sort", "-loads,-loads", "invalid_parameter", "sort"},
        {"limit", "0", "invalid_parameter", "limit"},
    };
    struct query q;
    struct query_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(parse(API_LIST_PHOTOS, &cases[i].name, &cases[i].value, 1, &q, &err));
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.parameter, cases[i].parameter);
    }
    static const char *const own[] = {"q", "where", "metrics", "sort"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        const char *names[] = {own[i], own[i]}, *values[] = {"", ""};
        assert_false(parse(API_LIST_PHOTOS, names, values, 2, &q, &err));
        assert_string_equal(err.code, "repeated_parameter");
        assert_string_equal(err.parameter, own[i]);
    }
    const char *names[MANY], *values[MANY];
    for (size_t i = 0; i < MANY; i++) {
        names[i] = "limit";
        values[i] = "1";
    }
    assert_false(parse(API_LIST_PHOTOS, names, values, MANY, &q, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_played_come_first),
        cmocka_unit_test(the_first_metric_orders_unless_it_is_told),
        cmocka_unit_test(what_it_begins_with_is_taken_as_it_is),
        cmocka_unit_test(a_fault_names_its_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
