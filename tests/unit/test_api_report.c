/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/api_report.h"

#include <jansson.h>

static void parse(const char *dimensions, const char *format, const char *from, const char *to,
                  struct query *q)
{
    struct query_param params[] = {{slice_of("dimensions"), slice_of(dimensions)},
                                   {slice_of("format"), slice_of(format)},
                                   {slice_of("from"), slice_of(from)},
                                   {slice_of("to"), slice_of(to)},
                                   {slice_of("metrics"), slice_of("events")}};
    struct query_error err;
    assert_true(query_parse(params, 5, 1700000123456, q, &err));
}

static struct query_cell text(const char *value)
{
    return (struct query_cell){.text = slice_of(value)};
}

static struct query_cell number(int64_t value)
{
    return (struct query_cell){.number = value};
}

/* Nothing is unfinished. */
static const struct api_report_time whole = {NULL, INT32_MAX, 0};

/* What would be the cursor; empty here, since no test has so many rows. */
static struct buffer no_cursor(void)
{
    struct buffer cursor;
    buffer_init(&cursor);
    return cursor;
}

/* Renders two rows of source, photo_id and events into out. */
static void render(const char *format, struct buffer *out)
{
    struct query q;
    parse("source,photo_id", format, "all", "all", &q);
    struct query_cell rows[2][3] = {{text("embed"), number(INT64_MAX), number(12)},
                                    {text("(none)"), number(0), number(3)}};
    struct api_report a;
    buffer_init(out);
    struct buffer cursor = no_cursor();
    api_report_begin(&a, &q, &whole, out, &cursor);
    api_report_row(&a, rows[0]);
    api_report_row(&a, rows[1]);
    api_report_end(&a, 3);
    assert_false(buffer_failed(out));
}

static void assert_rendered(const char *format, const char *expected)
{
    struct buffer out;
    render(format, &out);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_fini(&out);
}

static void csv_has_a_header_and_exact_numbers(void **state)
{
    (void)state;
    assert_rendered("csv", "source,photo_id,events\r\n"
                           "embed,9223372036854775807,12\r\n"
                           "(none),0,3\r\n");
}

static void ndjson_is_a_row_a_line(void **state)
{
    (void)state;
    assert_rendered("ndjson",
                    "{\"source\":\"embed\",\"photo_id\":9223372036854775807,\"events\":12}\n"
                    "{\"source\":\"(none)\",\"photo_id\":0,\"events\":3}\n");
}

static void a_table_is_aligned(void **state)
{
    (void)state;
    assert_rendered("table", "source             photo_id  events\n"
                             "embed   9223372036854775807      12\n"
                             "(none)                    0       3\n");
}

static void json_carries_rows_and_what_they_mean(void **state)
{
    (void)state;
    struct buffer out;
    render("json", &out);
    json_error_t fault;
    json_t *root = json_loadb(out.data, out.len, 0, &fault);
    assert_non_null(root);
    json_t *rows = json_object_get(root, "rows"), *meta = json_object_get(root, "meta");
    assert_int_equal(json_array_size(rows), 2);
    json_t *id = json_object_get(json_array_get(rows, 0), "photo_id");
    assert_true(json_integer_value(id) == INT64_MAX);
    assert_int_equal(json_integer_value(json_object_get(meta, "rows")), 2);
    assert_int_equal(json_integer_value(json_object_get(meta, "took_ms")), 3);
    assert_true(json_is_null(json_object_get(meta, "complete_through")));
    assert_true(json_is_null(json_object_get(meta, "from")));
    assert_true(json_is_null(json_object_get(meta, "to")));
    assert_string_equal(json_string_value(json_object_get(meta, "grain")), "day");
    assert_non_null(json_string_value(json_object_get(meta, "rounding")));
    assert_int_equal(json_object_size(json_object_get(meta, "definitions")), 3);
    json_decref(root);
    buffer_fini(&out);
}

static void no_rows_are_an_empty_list(void **state)
{
    (void)state;
    const char *formats[] = {"json", "csv", "ndjson", "table"};
    const char *starts[] = {"{\"rows\":[],\"meta\":{\"rows\":0,", "site,events\r\n", "",
                            "site  events\n"};
    for (int i = 0; i < 4; i++) {
        struct query q;
        struct buffer out;
        struct api_report a;
        parse("site", formats[i], "all", "all", &q);
        buffer_init(&out);
        struct buffer cursor = no_cursor();
        api_report_begin(&a, &q, &whole, &out, &cursor);
        api_report_end(&a, 3);
        buffer_append_char(&out, '\0');
        assert_memory_equal(out.data, starts[i], strlen(starts[i]));
        assert_true(i == 0 || out.len == strlen(starts[i]) + 1);
        buffer_fini(&out);
    }
}

static void assert_meta(const char *dimension, const char *from, const char *to,
                        const char *expected)
{
    struct query q;
    struct buffer out;
    struct api_report a;
    struct api_report_time at = {NULL, INT32_MAX, 1700000123456};
    parse(dimension, "json", from, to, &q);
    buffer_init(&out);
    struct buffer cursor = no_cursor();
    api_report_begin(&a, &q, &at, &out, &cursor);
    api_report_end(&a, 0);
    buffer_append_char(&out, '\0');
    if (strstr(out.data, expected) == NULL) {
        fail_msg("%s has no %s", out.data, expected);
    }
    buffer_fini(&out);
}

static void meta_tells_the_range_and_how_far_it_is_complete(void **state)
{
    (void)state;
    assert_meta("", "all", "now", "\"complete_through\":\"2023-11-14T22:15:23.456Z\"");
    assert_meta("quarter", "2023-11-14", "now",
                "\"from\":\"2023-11-14T00:00:00Z\",\"to\":\"2023-11-14T22:30:00Z\"");
    assert_meta("hour", "2023-11-14", "now",
                "\"from\":\"2023-11-14T00:00:00Z\",\"to\":\"2023-11-14T23:00:00Z\"");
    assert_meta("day", "2023-11-14", "now",
                "\"from\":\"2023-11-14\",\"to\":\"2023-11-14T22:15:23.456Z\",\"tz\":null,"
                "\"cursor\":null,\"grain\":\"day\"");
}

static void days_hours_and_quarters_are_written_as_iso_dates(void **state)
{
    (void)state;
    const char *dimensions[] = {"day", "hour", "quarter"};
    const int64_t values[] = {19675, 472222, 1888889};
    const char *expected[] = {"{\"day\":\"2023-11-14\",\"events\":1}\n",
                              "{\"hour\":\"2023-11-14T22:00:00Z\",\"events\":1}\n",
                              "{\"quarter\":\"2023-11-14T22:15:00Z\",\"events\":1}\n"};
    for (int i = 0; i < 3; i++) {
        struct query q;
        struct buffer out;
        struct api_report a;
        parse(dimensions[i], "ndjson", "all", "all", &q);
        buffer_init(&out);
        struct buffer cursor = no_cursor();
        api_report_begin(&a, &q, &whole, &out, &cursor);
        api_report_row(&a, (struct query_cell[]){number(values[i]), number(1)});
        api_report_end(&a, 3);
        assert_true(slice_is(buffer_slice(&out), expected[i]));
        buffer_fini(&out);
    }
}

static void shares_are_decimals_and_those_of_nothing_null(void **state)
{
    (void)state;
    const char *formats[] = {"ndjson", "csv", "table"};
    const char *expected[] = {("{\"play_rate\":0.250000}\n{\"play_rate\":1.000001}\n"
                               "{\"play_rate\":null}\n"),
                              "play_rate\r\n0.250000\r\n1.000001\r\n\r\n",
                              "play_rate\n 0.250000\n 1.000001\n        -\n"};
    for (int i = 0; i < 3; i++) {
        struct query_param params[] = {{slice_of("format"), slice_of(formats[i])},
                                       {slice_of("metrics"), slice_of("play_rate")}};
        struct query q;
        struct query_error err;
        struct buffer out, cursor = no_cursor();
        struct api_report a;
        assert_true(query_parse(params, 2, 1700000123456, &q, &err));
        buffer_init(&out);
        api_report_begin(&a, &q, &whole, &out, &cursor);
        api_report_row(&a, (struct query_cell[]){number(250000)});
        api_report_row(&a, (struct query_cell[]){number(1000001)});
        api_report_row(&a, (struct query_cell[]){{.is_null = true}});
        api_report_end(&a, 0);
        buffer_append_char(&out, '\0');
        assert_string_equal(out.data, expected[i]);
        buffer_fini(&out);
    }
}

static void text_of_players_does_no_harm(void **state)
{
    (void)state;
    const char *formats[] = {"json", "csv", "table"};
    const char *expected[] = {"{\"source\":\"=1+\\\"2\\\"\\u001b[2J\",\"events\":1}",
                              "\"'=1+\"\"2\"\"\x1b[2J\",1\r\n", "=1+\"2\"?[2J       1\n"};
    for (int i = 0; i < 3; i++) {
        struct query q;
        struct buffer out;
        struct api_report a;
        parse("source", formats[i], "all", "all", &q);
        buffer_init(&out);
        struct buffer cursor = no_cursor();
        api_report_begin(&a, &q, &whole, &out, &cursor);
        api_report_row(&a, (struct query_cell[]){text("=1+\"2\"\x1b[2J"), number(1)});
        api_report_end(&a, 3);
        buffer_append_char(&out, '\0');
        if (strstr(out.data, expected[i]) == NULL) {
            fail_msg("%s has no %s", out.data, expected[i]);
        }
        buffer_fini(&out);
    }
}

static void a_column_is_as_wide_as_its_characters(void **state)
{
    (void)state;
    struct query q;
    struct buffer out;
    struct api_report a;
    parse("source", "table", "all", "all", &q);
    buffer_init(&out);
    struct buffer cursor = no_cursor();
    api_report_begin(&a, &q, &whole, &out, &cursor);
    api_report_row(&a, (struct query_cell[]){text("\xC3\xA5\xC3\xA5\xC3\xA5"), number(1)});
    api_report_end(&a, 3);
    assert_true(slice_is(buffer_slice(&out), "source  events\n"
                                             "\xC3\xA5\xC3\xA5\xC3\xA5          1\n"));
    buffer_fini(&out);
}

static void lost_memory_of_a_table_fails_the_answer(void **state)
{
    (void)state;
    struct query q;
    struct buffer out;
    struct api_report a;
    parse("source", "table", "all", "all", &q);
    buffer_init(&out);
    struct buffer cursor = no_cursor();
    api_report_begin(&a, &q, &whole, &out, &cursor);
    assert_false(buffer_reserve(&a.cells, SIZE_MAX));
    api_report_end(&a, 3);
    assert_true(buffer_failed(&out));
    buffer_fini(&out);
}

static void errors_name_the_parameter(void **state)
{
    (void)state;
    struct query_error e = {"invalid_parameter", "limit", "limit is \"a number\""};
    struct buffer out;
    buffer_init(&out);
    api_report_error(&out, &e);
    assert_true(slice_is(buffer_slice(&out),
                         "{\"error\":{\"code\":\"invalid_parameter\",\"message\":\"limit is "
                         "\\\"a number\\\"\",\"parameter\":\"limit\"}}\n"));
    buffer_fini(&out);
}

static void every_format_has_its_type(void **state)
{
    (void)state;
    assert_string_equal(api_report_content_type(QUERY_JSON), "application/json");
    assert_non_null(strstr(api_report_content_type(QUERY_CSV), "text/csv"));
    assert_non_null(strstr(api_report_content_type(QUERY_NDJSON), "ndjson"));
    assert_non_null(strstr(api_report_content_type(QUERY_TABLE), "text/plain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_header_and_exact_numbers),
        cmocka_unit_test(ndjson_is_a_row_a_line),
        cmocka_unit_test(a_table_is_aligned),
        cmocka_unit_test(json_carries_rows_and_what_they_mean),
        cmocka_unit_test(no_rows_are_an_empty_list),
        cmocka_unit_test(meta_tells_the_range_and_how_far_it_is_complete),
        cmocka_unit_test(days_hours_and_quarters_are_written_as_iso_dates),
        cmocka_unit_test(shares_are_decimals_and_those_of_nothing_null),
        cmocka_unit_test(text_of_players_does_no_harm),
        cmocka_unit_test(a_column_is_as_wide_as_its_characters),
        cmocka_unit_test(lost_memory_of_a_table_fails_the_answer),
        cmocka_unit_test(errors_name_the_parameter),
        cmocka_unit_test(every_format_has_its_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
