/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/publisher.h"

#include "publisher_fixture.h"

#include <errno.h>

static void records_arrive_in_the_order_of_their_lanes(void **state)
{
    struct kafka *k = *state;
    append(k, 0, 500);
    start(k);
    append(k, 1, 500);
    append(k, 0, 1);
    receive(k, 1001);
    assert_int_equal(count_by_marks(k, 0), 501);
    assert_int_equal(count_by_marks(k, 1), 500);
    assert_int_equal(stop(k, 10000), 0);
    struct journal_status status;
    journal_status(k->journal->j, &status);
    assert_int_equal(status.waiting, 0);
}

static void records_carry_key_value_time_and_headers(void **state)
{
    struct kafka *k = *state;
    struct journal_shard *s = journal_shard_at(k->journal->j, 0);
    struct slice value = slice_make("\x81\0\xff", 3);
    assert_int_equal(journal_append(s, 1712345678901, slice_of("21"), value), 0);
    assert_int_equal(journal_commit(s), 0);
    start(k);
    rd_kafka_message_t *m = receive_one(k);
    assert_true(slice_is(slice_make(m->key, m->key_len), "21"));
    assert_true(slice_equal(slice_make(m->payload, m->len), value));
    rd_kafka_timestamp_type_t type;
    assert_int_equal(rd_kafka_message_timestamp(m, &type), 1712345678901);
    assert_int_equal(type, RD_KAFKA_TIMESTAMP_CREATE_TIME);
    rd_kafka_headers_t *headers = NULL;
    assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
    assert_int_equal(rd_kafka_header_cnt(headers), 2);
    assert_header(headers, "content-type", "application/msgpack");
    assert_header(headers, "schema-version", "1");
    rd_kafka_message_destroy(m);
}

/* The hashes are those of Kafka's Java client. */
static void the_partition_is_the_java_clients(void **state)
{
    struct kafka *k = *state;
    static const struct {
        const char *key;
        int32_t murmur2;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    };
    struct journal_shard *s = journal_shard_at(k->journal->j, 0);
    start(k);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(journal_append(s, 1700000000000, slice_of(cases[i].key), slice_of("v")),
                         0);
        assert_int_equal(journal_commit(s), 0);
        rd_kafka_message_t *m = receive_one(k);
        assert_true(slice_is(slice_make(m->key, m->key_len), cases[i].key));
        assert_int_equal(m->partition, (cases[i].murmur2 & 0x7fffffff) % PARTITIONS);
        rd_kafka_message_destroy(m);
    }
}

static void a_broker_that_is_down_at_the_start_is_waited_for(void **state)
{
    struct kafka *k = *state;
    struct publisher_status status;
    assert_int_equal(rd_kafka_mock_broker_set_down(k->cluster.mock, 1), 0);
    start(k);
    append(k, 0, 100);
    publisher_status(k->p, &status);
    assert_false(status.connected);
    await_reason(k, "no answer", &status);
    assert_int_equal(status.delivered, 0);
    assert_int_equal(rd_kafka_mock_broker_set_up(k->cluster.mock, 1), 0);
    receive(k, 100);
    assert_int_equal(count_by_marks(k, 0), 100);
    await_connected(k, true, &status);
    assert_string_equal(status.reason, "");
}

static void a_broker_that_goes_and_comes_back_gets_the_rest(void **state)
{
    struct kafka *k = *state;
    struct publisher_status status;
    start(k);
    append(k, 0, 10);
    receive(k, 10);
    await_connected(k, true, &status);
    assert_int_equal(rd_kafka_mock_broker_set_down(k->cluster.mock, 1), 0);
    append(k, 0, 200);
    await_connected(k, false, &status);
    assert_int_equal(rd_kafka_mock_broker_set_up(k->cluster.mock, 1), 0);
    receive_all_of(k, 0, 210);
    assert_int_equal(count_by_marks(k, 0), 210);
}

static void errors_that_pass_cost_nothing(void **state)
{
    struct kafka *k = *state;
    cluster_refuse(&k->cluster, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
    cluster_refuse(&k->cluster, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 2);
    cluster_refuse(&k->cluster, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 2);
    append(k, 0, 300);
    start(k);
    receive_all_of(k, 0, 300);
    assert_int_equal(count_by_marks(k, 0), 300);
    assert_int_equal(stop(k, 10000), 0);
}

static void a_fatal_error_costs_a_producer_and_no_record(void **state)
{
    struct kafka *k = *state;
    k->metrics = metrics_new();
    k->options.metrics = k->metrics;
    append(k, 0, 400);
    append(k, 1, 400);
    cluster_refuse(&k->cluster, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 3);
    start(k);
    receive_all_of(k, 0, 400);
    receive_all_of(k, 1, 400);
    assert_int_equal(count_by_marks(k, 0), 400);
    assert_int_equal(count_by_marks(k, 1), 400);
    struct publisher_status status;
    await_connected(k, true, &status);
    await_delivered(k, 800, &status);
    assert_true(status.resent > 0);
    assert_metric(k, "playreport_publisher_rebuilds_total", true);
    assert_metric(k, "playreport_publisher_failed_deliveries_total", true);
    assert_metric(k, "playreport_publisher_resent_records_total", true);
    assert_metric(k, "playreport_publisher_delivered_records_total", true);
    assert_metric(k, "playreport_publisher_connected", true);
    assert_metric(k, "playreport_publisher_in_flight_records", false);
    assert_int_equal(stop(k, 10000), 0);
    metrics_free(k->metrics);
}

static void a_restart_sends_again_only_what_is_unsettled(void **state)
{
    struct kafka *k = *state;
    struct publisher_status status;
    start(k);
    append(k, 0, 20);
    receive(k, 20);
    await_connected(k, true, &status);
    assert_int_equal(rd_kafka_mock_broker_set_down(k->cluster.mock, 1), 0);
    append(k, 0, 5);
    await_connected(k, false, &status);
    assert_int_equal(stop(k, 0), 5);
    fixture_close(k->journal);
    fixture_open(k->journal);
    assert_int_equal(rd_kafka_mock_broker_set_up(k->cluster.mock, 1), 0);
    start(k);
    receive(k, 25);
    receive_all_of(k, 0, 25);
    assert_int_equal(k->count, 25);
    await_connected(k, true, &status);
    assert_int_equal(status.resent, 5);
    assert_int_equal(stop(k, 10000), 0);
}

static void a_full_queue_of_librdkafka_is_waited_for(void **state)
{
    struct kafka *k = *state;
    config_free(k->config);
    k->config = cluster_config(&k->cluster, "queue.buffering.max.messages=7");
    k->options.config = k->config;
    append(k, 0, 1000);
    start(k);
    receive(k, 1000);
    assert_int_equal(count_by_marks(k, 0), 1000);
    assert_int_equal(k->count, 1000);
    struct publisher_status status;
    await_connected(k, true, &status);
    assert_int_equal(status.resent, 0);
}

static void stopping_does_not_wait_for_the_linger(void **state)
{
    struct kafka *k = *state;
    k->options.linger_ms = 100000;
    append(k, 0, 10);
    start(k);
    uint64_t begun_ms = clock_mono_ms();
    assert_int_equal(stop(k, 60000), 0);
    assert_true(clock_mono_ms() < begun_ms + 20000);
    receive(k, 10);
}

static void a_drain_ends_by_itself_once_all_is_delivered(void **state)
{
    struct kafka *k = *state;
    append(k, 0, 100);
    start(k);
    assert_false(publisher_is_drained(k->p));
    publisher_drain(k->p, 60000);
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    while (!publisher_is_drained(k->p)) {
        assert_true(clock_mono_ms() < end_ms);
        receive_all_of(k, 0, 100);
    }
    struct publisher_status status;
    publisher_status(k->p, &status);
    assert_int_equal(status.delivered, 100);
    assert_int_equal(status.replication, 1);
    assert_int_equal(stop(k, 0), 0);
}

static void a_missing_topic_is_waited_for_by_name(void **state)
{
    struct kafka *k = *state;
    struct publisher_status status;
    rd_kafka_mock_topic_set_error(k->cluster.mock, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    append(k, 0, 10);
    start(k);
    await_reason(k, "topic reports does not exist", &status);
    assert_int_equal(status.delivered, 0);
    assert_int_equal(stop(k, 0), 10);
    rd_kafka_mock_topic_set_error(k->cluster.mock, TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    start(k);
    receive(k, 10);
}

static void bad_settings_refuse_the_start(void **state)
{
    struct kafka *k = *state;
    config_free(k->config);
    k->config = cluster_config(&k->cluster, "acks=1");
    k->options.config = k->config;
    k->options.journal = k->journal->j;
    struct error err = {""};
    assert_int_equal(publisher_start(&k->p, &k->options, &err), -EINVAL);
    assert_non_null(strstr(err.text, "kafka.acks"));
    assert_null(k->p);
}

static void a_linger_out_of_range_refuses_the_start(void **state)
{
    struct kafka *k = *state;
    k->options.journal = k->journal->j;
    k->options.linger_ms = -1;
    struct error err = {""};
    assert_int_equal(publisher_start(&k->p, &k->options, &err), -EINVAL);
    assert_non_null(strstr(err.text, "linger_ms"));
    assert_null(k->p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_arrive_in_the_order_of_their_lanes),
        TEST(records_carry_key_value_time_and_headers),
        TEST(the_partition_is_the_java_clients),
        TEST(a_broker_that_is_down_at_the_start_is_waited_for),
        TEST(a_broker_that_goes_and_comes_back_gets_the_rest),
        TEST(errors_that_pass_cost_nothing),
        TEST(a_fatal_error_costs_a_producer_and_no_record),
        TEST(a_restart_sends_again_only_what_is_unsettled),
        TEST(a_full_queue_of_librdkafka_is_waited_for),
        TEST(stopping_does_not_wait_for_the_linger),
        TEST(a_drain_ends_by_itself_once_all_is_delivered),
        TEST(a_missing_topic_is_waited_for_by_name),
        TEST(bad_settings_refuse_the_start),
        TEST(a_linger_out_of_range_refuses_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
