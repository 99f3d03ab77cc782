/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/report.h"
#include "ingest/report_json.h"

#include <stdlib.h>

struct reading {
    struct report_json *memory;
    struct fields fields;
};

static void read_bytes(struct reading *r, const char *bytes, size_t len)
{
    /* A copy without room behind it, so that reading too far is seen. */
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    assert_int_equal(report_json_read(&r->memory, &r->fields, slice_make(copy, len)), 0);
    free(copy);
}

static void read_text(struct reading *r, const char *text)
{
    read_bytes(r, text, strlen(text));
}

static void assert_message(const char *body, const char *wanted)
{
    struct reading r;
    struct player_event e;
    struct report_fault why = {"", ""};
    const struct report_context ctx = {.site = {"s", 1}};
    read_text(&r, body);
    enum report_result result = report_make(&r.fields, REPORT_PATH_EVENT, &ctx, &e, &why);
    report_json_free(r.memory);
    if (wanted == NULL) {
        assert_int_equal(result, REPORT_OK);
        return;
    }
    assert_int_equal(result, REPORT_REFUSED);
    assert_string_equal(why.code, "invalid_input");
    assert_string_equal(why.message, wanted);
}

static void members_become_fields(void **state)
{
    (void)state;
    struct reading r;
    read_text(
        &r,
        "{\"photo_id\":9007199254740993,\"event\":\"load\",\"source\":\"a\\u00e9\",\"raw\":true,"
        "\"timeStart\":1.5,\"time_end\":-3,\"time_total\":null,\"skip\":false,\"uuid\":\"\","
        "\"page\":{\"photo_id\":1},\"list\":[1,[2]]}");
    assert_int_equal(r.fields.fault, FIELDS_GOOD);
    assert_true(slice_is(r.fields.values[FIELD_PHOTO_ID], "9007199254740993"));
    assert_true(slice_is(r.fields.values[FIELD_EVENT], "load"));
    assert_true(slice_is(r.fields.values[FIELD_SOURCE], "a\xc3\xa9"));
    assert_true(slice_is(r.fields.values[FIELD_RAW], "1"));
    assert_true(slice_is(r.fields.values[FIELD_SKIP], "0"));
    assert_true(slice_is(r.fields.values[FIELD_TIME_START], "1.5"));
    assert_true(slice_is(r.fields.values[FIELD_TIME_END], "-3"));
    assert_null(r.fields.values[FIELD_TIME_TOTAL].data);
    assert_non_null(r.fields.values[FIELD_UUID].data);
    assert_int_equal(r.fields.values[FIELD_UUID].len, 0);
    report_json_free(r.memory);
}

static void reports_are_judged_as_those_of_a_query(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"photo_id\":1,\"event\":\"play\"}", NULL},
        {" \r\n\t{\"photo_id\":\"007\",\"event\":\"play\"}\n", NULL},
        {"{\"photo_id\":9223372036854775807,\"event\":\"play\"}", NULL},
        {"{\"photo_id\":-1,\"event\":\"play\"}",
         "The parameter photo_id must be a whole number in decimal digits."},
        {"{\"photo_id\":-0,\"event\":\"play\"}",
         "The parameter photo_id must be a whole number in decimal digits."},
        {"{\"photo_id\" :\r\n-0 ,\"event\":\"play\",\"source\":\"\xff\"}",
         "The parameter photo_id must be a whole number in decimal digits."},
        {"{\"photo_id\":0,\"event\":\"play\",\"x\":-0,\"y\":{\"photo_id\":-0}}", NULL},
        {"{\"photo_id\":0,\"event\":\"play\",\"source\":\"\\\"photo_id\\\":-0 \"}", NULL},
        {"{\"photo_id\":\"+5\",\"event\":\"play\"}",
         "The parameter photo_id must be a whole number in decimal digits."},
        {"{\"photo_id\":1.5,\"event\":\"play\"}",
         "The parameter photo_id has the wrong JSON type."},
        {"{\"photo_id\":1.0,\"event\":\"play\"}",
         "The parameter photo_id has the wrong JSON type."},
        {"{\"photo_id\":1e3,\"event\":\"play\"}",
         "The parameter photo_id has the wrong JSON type."},
        {"{\"photo_id\":true,\"event\":\"play\"}",
         "The parameter photo_id has the wrong JSON type."},
        {"{\"photo_id\":null,\"event\":\"play\"}", "The parameter photo_id is missing."},
        {"{\"photo_id\":9223372036854775808,\"event\":\"play\"}",
         "The parameter photo_id is out of range."},
        {"{\"photo_id\":1,\"x\":9223372036854775808}", "A number in the JSON is out of range."},
        {"{\"photo_id\":NaN,\"event\":\"play\"}", "The body is no valid JSON."},
        {"{\"photo_id\":Infinity,\"event\":\"play\"}", "The body is no valid JSON."},
        {"{\"photo_id\":1,\"event\":null}", "The parameter event is missing."},
        {"{\"photo_id\":1,\"event\":\"\"}", "The parameter event is missing."},
        {"{\"photo_id\":1,\"event\":7}", "The parameter event has the wrong JSON type."},
        {"{\"photo_id\":1,\"event\":[]}", "The parameter event has the wrong JSON type."},
        {"{\"photo_id\":1,\"event\":{}}", "The parameter event has the wrong JSON type."},
        {"{\"photo_id\":1,\"event\":false}", "The parameter event has the wrong JSON type."},
        {"{\"photo_id\":1,\"event\":\"play\",\"source\":\"a\\u0000b\"}",
         "The parameter source holds a NUL."},
        {"{\"photo_id\":1,\"event\":\"play\",\"page\":\"a\\u0000b\"}", NULL},
        {"{\"photo_id\":1,\"photo_id\":2,\"event\":\"play\"}",
         "The parameter photo_id is given twice."},
        {"{\"photo_id\":1,\"event\":\"play\",\"x\":1,\"x\":2}",
         "A member of the JSON object is given twice."},
        {"{}", "The parameter photo_id is missing."},
        {"[{\"photo_id\":1,\"event\":\"play\"}]",
         "The body is an array; one report, a JSON object, is expected."},
        {"[]", "The body is an array; one report, a JSON object, is expected."},
        {"7", "The body must be a JSON object with one report."},
        {"null", "The body must be a JSON object with one report."},
        {"", "The body is no valid JSON."},
        {"{\"photo_id\":1,\"event\":\"play\"", "The body is no valid JSON."},
        {"{\"photo_id\":1,\"event\":\"play\"} x", "The body is no valid JSON."},
        {"{'photo_id':1}", "The body is no valid JSON."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_message(cases[i][0], cases[i][1]);
    }
}

static void times_keep_their_value(void **state)
{
    (void)state;
    struct reading r;
    struct player_event e;
    struct report_fault why;
    const struct report_context ctx = {.site = {"s", 1}};
    read_text(&r, "{\"photo_id\":1,\"time_start\":0.1,\"timeEnd\":\"12.25\",\"time_total\":1e2}");
    assert_int_equal(report_make(&r.fields, REPORT_PATH_PLAY, &ctx, &e, &why), REPORT_OK);
    assert_true(e.time_start >= 0.1 && e.time_start <= 0.1);
    assert_true(e.time_end >= 12.25 && e.time_end <= 12.25);
    assert_true(e.time_total >= 100 && e.time_total <= 100);
    report_json_free(r.memory);
}

/* The rule of a query: -0 is no whole number, but a number of seconds, and no switch. */
static void negative_zero_is_what_it_is_in_a_query(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"photo_id\":-0,\"play_timestamp\":-0,\"bytes_total\":-0,\"skip\":-0,\"time_start\":-0}",
        "[{\"photo_id\":0,\"bytes_total\":0},{\"photo_id\":\t-0,\"play_timestamp\":-0,"
        "\"bytes_total\":-0,\"skip\":-0,\"time_start\":-0,\"uuid\":\"a-0\"},{\"photo_id\":0}]"};
    static const enum field members[] = {FIELD_PHOTO_ID, FIELD_PLAY_TIMESTAMP, FIELD_BYTES_TOTAL,
                                         FIELD_SKIP, FIELD_TIME_START};
    struct reading r;
    struct report_batch *b = NULL;
    enum fields_fault fault;
    read_text(&r, bodies[0]);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_true(slice_is(r.fields.values[members[i]], "-0"));
    }
    report_json_free(r.memory);
    assert_int_equal(report_batch_open(&b, &fault, slice_of(bodies[1])), 0);
    for (size_t n = 0; n < 3; n++) {
        const char *wanted = n == 1 ? "-0" : "0";
        assert_int_equal(report_batch_next(b, &r.fields), 0);
        assert_true(slice_is(r.fields.values[FIELD_PHOTO_ID], wanted));
        assert_true(n == 2 || slice_is(r.fields.values[FIELD_BYTES_TOTAL], wanted));
    }
    report_batch_free(b);
}

static void broken_utf_8_becomes_replacement_characters(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, "{\"source\":\"a\xff"
                  "b\xe2\x82\"}");
    assert_int_equal(r.fields.fault, FIELDS_GOOD);
    assert_true(slice_is(r.fields.values[FIELD_SOURCE], "a\xef\xbf\xbd"
                                                        "b\xef\xbf\xbd"));
    report_json_free(r.memory);
}

static void the_form_of_the_reply_survives_a_fault(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"event\":7,\"format\":\"json\"}",
        "{\"event\":\"a\",\"event\":\"b\",\"format\":\"json\"}",
        "{\"event\":\"a\\u0000\",\"format\":\"json\"}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct reading r;
        read_text(&r, bodies[i]);
        assert_int_not_equal(r.fields.fault, FIELDS_GOOD);
        assert_int_equal(r.fields.fault_field, FIELD_EVENT);
        assert_true(slice_is(r.fields.values[FIELD_FORMAT], "json"));
        report_json_free(r.memory);
    }
}

static void deep_nesting_is_refused_not_followed(void **state)
{
    (void)state;
    enum { DEPTH = 1024 * 1024 };
    struct reading r;
    char *bomb = malloc(DEPTH);
    assert_non_null(bomb);
    memset(bomb, '[', DEPTH);
    read_bytes(&r, bomb, DEPTH);
    assert_int_equal(r.fields.fault, FIELDS_NOT_JSON);
    report_json_free(r.memory);
    free(bomb);
}

static void members_that_are_strings_come_one_by_one(void **state)
{
    (void)state;
    static const char *const WANTED[][2] = {{"z", "1"}, {"photo_id", "/api"}, {"", "\xef\xbf\xbd"}};
    struct reading r;
    struct slice name, value;
    void *at = NULL;
    read_text(&r, "{\"z\":\"1\",\"n\":1,\"o\":{\"a\":\"b\"},\"photo_id\":\"/api\",\"t\":true,"
                  "\"\":\"\xff\",\"none\":null}");
    for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        assert_true(report_json_next(r.memory, &at, &name, &value));
        assert_true(slice_is(name, WANTED[i][0]));
        assert_true(slice_is(value, WANTED[i][1]));
    }
    assert_false(report_json_next(r.memory, &at, &name, &value));
    report_json_free(r.memory);
    static const char *const NONE[] = {"[\"a\"]", "\"a\"", "{", "{}"};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        read_text(&r, NONE[i]);
        at = NULL;
        assert_false(report_json_next(r.memory, &at, &name, &value));
        report_json_free(r.memory);
    }
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    report_json_free(NULL);
}

static enum fields_fault open_batch(struct report_batch **out, const char *text)
{
    enum fields_fault fault;
    assert_int_equal(report_batch_open(out, &fault, slice_of(text)), 0);
    assert_int_equal(fault == FIELDS_GOOD, *out != NULL);
    return fault;
}

static void reports_of_a_batch_are_read_one_by_one(void **state)
{
    (void)state;
    struct report_batch *b;
    struct fields f;
    const char *text = " [ {\"photo_id\":1,\"reportType\":\"event\",\"source\":\"a],[b\"} ,\n"
                       "{\"photo_id\":1,\"photo_id\":2}, 7,{\"photo_id\":9223372036854775808},[],"
                       "{\"photo_id\":\"3\",\"data\":[1]},{\"source\":\"\xff\"}]\n";
    assert_int_equal(open_batch(&b, text), FIELDS_GOOD);
    assert_int_equal(report_batch_count(b), 7);
    static const enum fields_fault faults[] = {
        FIELDS_GOOD,  FIELDS_REPEATED, FIELDS_NOT_AN_OBJECT, FIELDS_OUT_OF_RANGE,
        FIELDS_BATCH, FIELDS_GOOD,     FIELDS_GOOD};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(report_batch_next(b, &f), 0);
        assert_int_equal(f.fault, faults[i]);
        if (i == 0) {
            assert_true(slice_is(f.values[FIELD_REPORT_TYPE], "event"));
            assert_true(slice_is(f.values[FIELD_SOURCE], "a],[b"));
        } else if (i == 5) {
            assert_true(slice_is(f.values[FIELD_PHOTO_ID], "3"));
            assert_null(f.values[FIELD_SOURCE].data); /* nothing of another's is left */
        } else if (i == 6) {
            assert_true(slice_is(f.values[FIELD_SOURCE], "\xef\xbf\xbd"));
        }
    }
    report_batch_free(b);
}

static void what_is_no_array_is_no_batch(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fields_fault fault;
    } cases[] = {{"", FIELDS_NOT_JSON},           {"[{}", FIELDS_NOT_JSON},
                 {"[{},]", FIELDS_NOT_JSON},      {"[{}] x", FIELDS_NOT_JSON},
                 {"[{\"a\":}]", FIELDS_NOT_JSON}, {"{}", FIELDS_NOT_AN_OBJECT},
                 {"7", FIELDS_NOT_AN_OBJECT}};
    struct report_batch *b;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(open_batch(&b, cases[i].text), cases[i].fault);
    }
    enum fields_fault fault;
    assert_int_equal(report_batch_open(&b, &fault, slice_make("[1\0]", 4)), 0);
    assert_int_equal(fault, FIELDS_NOT_JSON);
    assert_int_equal(open_batch(&b, "[[]]"), FIELDS_GOOD);
    report_batch_free(b);
    assert_int_equal(open_batch(&b, "[]"), FIELDS_GOOD);
    assert_int_equal(report_batch_count(b), 0);
    report_batch_free(b);
    report_batch_free(NULL);
}

static void a_nul_beside_strings_is_no_json(void **state)
{
    (void)state;
    struct reading r;
    static const char body[] = "{\"photo_id\":2\0,\"event\":\"load\"}";
    read_bytes(&r, body, sizeof body - 1);
    assert_int_equal(r.fields.fault, FIELDS_NOT_JSON);
    report_json_free(r.memory);
}

static void names_of_batches_mean_nothing_in_one_report(void **state)
{
    (void)state;
    struct reading r;
    read_text(&r, "{\"photo_id\":1,\"event\":\"load\",\"data\":[1],\"reportType\":{}}");
    assert_int_equal(r.fields.fault, FIELDS_GOOD);
    assert_null(r.fields.values[FIELD_DATA].data);
    report_json_free(r.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_fields),
        cmocka_unit_test(reports_are_judged_as_those_of_a_query),
        cmocka_unit_test(times_keep_their_value),
        cmocka_unit_test(negative_zero_is_what_it_is_in_a_query),
        cmocka_unit_test(broken_utf_8_becomes_replacement_characters),
        cmocka_unit_test(the_form_of_the_reply_survives_a_fault),
        cmocka_unit_test(deep_nesting_is_refused_not_followed),
        cmocka_unit_test(members_that_are_strings_come_one_by_one),
        cmocka_unit_test(freeing_nothing_is_fine),
        cmocka_unit_test(reports_of_a_batch_are_read_one_by_one),
        cmocka_unit_test(what_is_no_array_is_no_batch),
        cmocka_unit_test(a_nul_beside_strings_is_no_json),
        cmocka_unit_test(names_of_batches_mean_nothing_in_one_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
