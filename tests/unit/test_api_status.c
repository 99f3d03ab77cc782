/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/api_status.h"

static void expect(const struct pipeline_status *ps, const struct vitals_view *v, int64_t now_ms,
                   const char *wanted)
{
    struct buffer out;
    buffer_init(&out);
    api_status(&out, ps, v, now_ms);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, wanted);
    buffer_fini(&out);
}

static void before_anything_is_known(void **state)
{
    (void)state;
    const struct pipeline_status ps = {.reason = "the \"topic\" is not there yet",
                                       .lag_records = -1};
    const struct vitals_view v = {.flushes = 0};
    expect(
        &ps, &v, 1000,
        "{\"now\":\"1970-01-01T00:00:01Z\",\"ready\":false,\"reason\":\"the \\\"topic\\\" is not "
        "there yet\",\"complete_through\":null,\"lag_seconds\":0,\"lag_records\":null,"
        "\"records\":0,\"repeats\":0,\"dead_letters\":{},"
        "\"flush_ms\":{\"of\":0,\"p50\":null,\"p99\":null},\"partitions\":0,"
        "\"partitions_waiting\":0,\"store_bytes\":0}\n");
}

static void while_it_counts(void **state)
{
    (void)state;
    const struct pipeline_status ps = {.ready = true,
                                       .complete_through_ms = 60000,
                                       .lag_records = 5,
                                       .partitions = 12,
                                       .held = 1,
                                       .stopped = 2,
                                       .records = 900,
                                       .repeats = 7,
                                       .store_bytes = 4096};
    const struct vitals_view v = {.flushes = 3,
                                  .flush_p50_us = 1500,
                                  .flush_p99_us = 20007,
                                  .dead = {{"bad_utf8", 2}, {"not_a_map", 1}},
                                  .dead_count = 2};
    expect(&ps, &v, 65999,
           "{\"now\":\"1970-01-01T00:01:05.999Z\",\"ready\":true,\"reason\":\"\","
           "\"complete_through\":\"1970-01-01T00:01:00Z\",\"lag_seconds\":5,\"lag_records\":5,"
           "\"records\":900,\"repeats\":7,\"dead_letters\":{\"bad_utf8\":2,\"not_a_map\":1},"
           "\"flush_ms\":{\"of\":3,\"p50\":1.500,\"p99\":20.007},\"partitions\":12,"
           "\"partitions_waiting\":3,\"store_bytes\":4096}\n");
}

/* Nothing waits, so nothing is late, however long ago the last report was. */
static void an_idle_topic_does_not_lag(void **state)
{
    (void)state;
    const struct pipeline_status ps = {.ready = true, .complete_through_ms = 1000, .partitions = 1};
    const struct vitals_view v = {.flushes = 0};
    struct buffer out;
    buffer_init(&out);
    api_status(&out, &ps, &v, 3600000);
    buffer_append_char(&out, '\0');
    assert_non_null(strstr(out.data, "\"lag_seconds\":0,\"lag_records\":0,"));
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_is_known),
        cmocka_unit_test(while_it_counts),
        cmocka_unit_test(an_idle_topic_does_not_lag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
