/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"

static void assert_page(struct metrics *m, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    metrics_render(m, &b);
    buffer_append_char(&b, '\0');
    assert_false(buffer_failed(&b));
    assert_string_equal(b.data, expected);
    buffer_fini(&b);
}

static double half_of(void *arg)
{
    const int *value = arg;
    return *value / 2.0;
}

static void an_empty_set_gives_an_empty_page(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    assert_non_null(m);
    assert_page(m, "");
    metrics_free(m);
    metrics_free(NULL);
}

static void a_counter_starts_at_nought_and_adds_up(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metric *c = metrics_counter(m, "a_total", "", "Some help.");
    assert_non_null(c);
    assert_page(m, "# HELP a_total Some help.\n# TYPE a_total counter\na_total 0\n");
    metric_add(c, 2);
    metric_add(c, UINT64_C(1) << 40);
    assert_true(metric_read(c) == (UINT64_C(1) << 40) + 2);
    assert_page(m, "# HELP a_total Some help.\n# TYPE a_total counter\na_total 1099511627778\n");
    metrics_free(m);
}

static void time_is_counted_in_microseconds_and_shown_in_seconds(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metric *first = metrics_time(m, "a_seconds_total", "", "A.");
    struct metric *second = metrics_time(m, "a_seconds_total", "", "A.");
    metric_add(first, 2);
    assert_page(m, "# HELP a_seconds_total A.\n# TYPE a_seconds_total counter\n"
                   "a_seconds_total 0.000002\n");
    metric_add(second, UINT64_C(3600000999999));
    assert_page(m, "# HELP a_seconds_total A.\n# TYPE a_seconds_total counter\n"
                   "a_seconds_total 3600001.000001\n");
    metrics_free(m);
}

static void cells_of_the_same_name_and_labels_are_summed(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metric *first = metrics_counter(m, "a_total", "reason=\"x\"", "A.");
    struct metric *second = metrics_counter(m, "a_total", "reason=\"x\"", "A.");
    struct metric *other = metrics_counter(m, "a_total", "reason=\"y\"", "A.");
    assert_ptr_not_equal(first, second);
    metric_add(first, 1);
    metric_add(second, 10);
    metric_add(other, 100);
    assert_page(m, "# HELP a_total A.\n# TYPE a_total counter\n"
                   "a_total{reason=\"x\"} 11\na_total{reason=\"y\"} 100\n");
    metrics_free(m);
}

static void families_stand_together_in_the_order_they_came(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    int value = 5;
    metric_add(metrics_counter(m, "b_total", "k=\"1\"", "B."), 1);
    assert_int_equal(metrics_gauge(m, "a_gauge", "", "A.", half_of, &value), 0);
    metric_add(metrics_counter(m, "b_total", "k=\"2\"", "B."), 2);
    metric_add(metrics_counter(m, "b_total_more", "", "C."), 3);
    assert_page(m, "# HELP b_total B.\n# TYPE b_total counter\n"
                   "b_total{k=\"1\"} 1\nb_total{k=\"2\"} 2\n"
                   "# HELP a_gauge A.\n# TYPE a_gauge gauge\na_gauge 2.5\n"
                   "# HELP b_total_more C.\n# TYPE b_total_more counter\nb_total_more 3\n");
    metrics_free(m);
}

static void a_gauge_is_asked_each_time(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    int value = 8;
    assert_int_equal(metrics_gauge(m, "g", "k=\"v\"", "G.", half_of, &value), 0);
    assert_page(m, "# HELP g G.\n# TYPE g gauge\ng{k=\"v\"} 4\n");
    value = -3;
    assert_page(m, "# HELP g G.\n# TYPE g gauge\ng{k=\"v\"} -1.5\n");
    metrics_free(m);
}

/* Two workers each know their own connections. */
static void gauges_of_the_same_name_and_labels_are_summed(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    int values[] = {8, 3, 100};
    assert_int_equal(metrics_gauge(m, "g", "k=\"1\"", "G.", half_of, &values[0]), 0);
    assert_int_equal(metrics_gauge(m, "g", "k=\"2\"", "G.", half_of, &values[2]), 0);
    assert_int_equal(metrics_gauge(m, "g", "k=\"1\"", "G.", half_of, &values[1]), 0);
    assert_page(m, "# HELP g G.\n# TYPE g gauge\ng{k=\"1\"} 5.5\ng{k=\"2\"} 50\n");
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_gives_an_empty_page),
        cmocka_unit_test(a_counter_starts_at_nought_and_adds_up),
        cmocka_unit_test(time_is_counted_in_microseconds_and_shown_in_seconds),
        cmocka_unit_test(cells_of_the_same_name_and_labels_are_summed),
        cmocka_unit_test(families_stand_together_in_the_order_they_came),
        cmocka_unit_test(a_gauge_is_asked_each_time),
        cmocka_unit_test(gauges_of_the_same_name_and_labels_are_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
