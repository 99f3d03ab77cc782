/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/metrics.h"
#include "ingest/publisher_health.h"
#include "ingest/publisher_sender.h"

#include "kafka_fixture.h"

static const char TOPIC[] = "reports";

/* Issue 3: what was handed on after it is not to blame, whatever the error's code says. */
static void a_fatal_error_breaks_the_sender_and_speaks_of_no_later_record(void **state)
{
    (void)state;
    struct cluster cluster;
    struct health health;
    struct sender *s = NULL;
    struct error err = {""};
    struct metrics *metrics = metrics_new();
    cluster_start(&cluster, TOPIC, 1);
    struct config *config = cluster_config(&cluster, NULL);
    assert_int_equal(health_init(&health), 0);
    const struct sender_options options = {
        .config = config,
        .topic = TOPIC,
        .wake_fd = -1,
        .health = &health,
        .delivered = metrics_counter(metrics, "delivered", "", "Test."),
        .failed = metrics_counter(metrics, "failed", "", "Test.")};
    assert_int_equal(sender_new(&s, &options, &err), 0);
    assert_int_equal(
        rd_kafka_test_fatal_error(sender_handle(s), RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "test"),
        0);
    struct window_lane lane;
    window_lane_init(&lane, 7, 0);
    const struct journal_record record = {
        .sequence = 1, .ts_ms = 1700000000000, .key = slice_of("1"), .value = slice_of("value")};
    assert_int_equal(sender_send(s, &lane, &record, 1, &err), SENDER_BROKEN);
    assert_non_null(sender_failure(s));
    assert_false(sender_failure(s)->has_record);
    assert_int_equal(sender_in_flight(s), 0);
    sender_free(s);
    health_fini(&health);
    config_free(config);
    cluster_stop(&cluster);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fatal_error_breaks_the_sender_and_speaks_of_no_later_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
