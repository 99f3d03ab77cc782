/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/event_json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *render(const struct player_event *e)
{
    struct buffer out;
    json_error_t err;
    buffer_init(&out);
    event_append_json(&out, e);
    assert_false(buffer_failed(&out));
    json_t *json = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &err);
    if (json == NULL) {
        fail_msg("%s: %.*s", err.text, (int)out.len, out.data);
    }
    assert_null(memchr(out.data, '\n', out.len));
    buffer_fini(&out);
    return json;
}

static size_t bytes_of(const char *hex, char *out)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (char)strtoul(digits, NULL, 16);
    }
    return len;
}

/* A vector may write a time as an integer, and have keys that nobody knows. */
static bool is_same(json_t *json, json_t *vector, bool is_whole)
{
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        const json_t *want = json_object_get(vector, key);
        if (json_is_real(value) ? json_real_value(value) != json_number_value(want)
                                : !json_equal(value, want)) {
            return false;
        }
    }
    return !is_whole || json_object_size(json) == json_object_size(vector);
}

static void every_vector_gives_its_json(void **state)
{
    (void)state;
    static char bytes[EVENT_SIZE_MAX];
    json_error_t err;
    size_t i;
    json_t *vector, *vectors = json_load_file(TEST_DATA "/events.json", 0, &err);
    assert_non_null(vectors);
    json_array_foreach(vectors, i, vector)
    {
        struct player_event e;
        size_t len = bytes_of(json_string_value(json_object_get(vector, "hex")), bytes);
        assert_int_equal(event_decode(slice_make(bytes, len), &e), EVENT_DECODE_OK);
        json_t *json = render(&e);
        if (!is_same(json, json_object_get(vector, "json"),
                     json_is_true(json_object_get(vector, "canonical")))) {
            char *text = json_dumps(json, 0);
            print_error("%s: %s\n", json_string_value(json_object_get(vector, "name")), text);
            free(text);
            fail();
        }
        json_decref(json);
    }
    json_decref(vectors);
}

static void times_that_are_no_numbers_are_null(void **state)
{
    (void)state;
    const struct player_event e = {.present = EVENT_HAS_TIME_START | EVENT_HAS_TIME_END,
                                   .time_start = NAN,
                                   .time_end = -INFINITY};
    json_t *json = render(&e);
    assert_true(json_is_null(json_object_get(json, "time_start")));
    assert_true(json_is_null(json_object_get(json, "time_end")));
    assert_null(json_object_get(json, "time_total"));
    json_decref(json);
}

static void doubles_come_back_as_doubles(void **state)
{
    (void)state;
    static const double values[] = {0.0, 1.0, 0.1, 1e300, 5e-324, 123456789012345680.0, 2.0 / 3};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct player_event e = {.present = EVENT_HAS_TIME_TOTAL, .time_total = values[i]};
        json_t *json = render(&e);
        assert_true(json_is_real(json_object_get(json, "time_total")));
        assert_true(json_real_value(json_object_get(json, "time_total")) == values[i]);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_gives_its_json),
        cmocka_unit_test(times_that_are_no_numbers_are_null),
        cmocka_unit_test(doubles_come_back_as_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
