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

#include <string.h>

static const char LETTERS[] = "reports.dlq";

enum { LETTER_PARTITIONS = 2, BIG_SIZE = 3000, SLOW_ANSWER_MS = 500 };

static int set_up_letters(void **state)
{
    (void)set_up(state);
    struct kafka *k = *state;
    k->metrics = metrics_new();
    k->options.metrics = k->metrics;
    return rd_kafka_mock_topic_create(k->cluster.mock, LETTERS, LETTER_PARTITIONS, 1);
}

static int tear_down_letters(void **state)
{
    struct kafka *k = *state;
    struct metrics *metrics = k->metrics;
    int failed = tear_down(state);
    metrics_free(metrics);
    return failed;
}

/* passed requests to produce are answered well, the next count with err. */
static void refuse_after(struct kafka *k, size_t passed, rd_kafka_resp_err_t err, size_t count)
{
    cluster_refuse(&k->cluster, RD_KAFKA_RESP_ERR_NO_ERROR, passed);
    cluster_refuse(&k->cluster, err, count);
}

static rd_kafka_topic_t *read_letters(struct kafka *k, rd_kafka_queue_t *queue)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(k->reader, LETTERS, NULL);
    for (int32_t i = 0; i < LETTER_PARTITIONS; i++) {
        assert_int_equal(rd_kafka_consume_start_queue(rkt, i, RD_KAFKA_OFFSET_BEGINNING, queue), 0);
    }
    return rkt;
}

static void end_letters(rd_kafka_topic_t *rkt, rd_kafka_queue_t *queue)
{
    for (int32_t i = 0; i < LETTER_PARTITIONS; i++) {
        assert_int_equal(rd_kafka_consume_stop(rkt, i), 0);
    }
    rd_kafka_topic_destroy(rkt);
    rd_kafka_queue_destroy(queue);
}

static void await_dead(struct kafka *k, uint64_t count)
{
    struct publisher_status status;
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    for (publisher_status(k->p, &status); status.dead < count; publisher_status(k->p, &status)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("%" PRIu64 " letters, and: %s", status.dead, status.reason);
        }
        (void)rd_kafka_poll(k->cluster.rk, 5);
    }
    assert_int_equal(status.dead, count);
}

/* Reads until all but one of the shard's sequences have come: none came behind a later one. */
static void receive_all_but_one_of(struct kafka *k, uint64_t shard, uint64_t last)
{
    for (size_t count = last - 1; count_by_marks(k, shard) < last - 1; count++) {
        receive(k, count);
    }
    assert_int_equal(count_by_marks(k, shard), last - 1);
}

static void append_big(struct kafka *k, unsigned shard, size_t size)
{
    struct journal_shard *s = journal_shard_at(k->journal->j, shard);
    char *value = calloc(1, size);
    memset(value, 'x', size);
    assert_int_equal(journal_append(s, 1700000000000, slice_of("21"), slice_make(value, size)), 0);
    assert_int_equal(journal_commit(s), 0);
    free(value);
}

static void a_batch_that_is_refused_once_costs_no_record(void **state)
{
    struct kafka *k = *state;
    append(k, 0, 500);
    append(k, 1, 500);
    refuse_after(k, 14, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    start(k);
    receive_all_of(k, 0, 500);
    receive_all_of(k, 1, 500);
    assert_int_equal(count_by_marks(k, 0), 500);
    assert_int_equal(count_by_marks(k, 1), 500);
    struct publisher_status status;
    await_connected(k, true, &status);
    assert_int_equal(status.dead, 0);
    assert_int_equal(stop(k, 10000), 0);
}

/*
 * The mock knows nothing of producers, as a broker knows nothing of a new one: it would store a
 * second batch that is on its way while the first is refused. Those of the first would come behind.
 */
static void a_first_batch_that_is_refused_is_not_overtaken(void **state)
{
    struct kafka *k = *state;
    config_free(k->config);
    k->config = cluster_config(&k->cluster, "batch.num.messages=2");
    k->options.config = k->config;
    struct journal_shard *s = journal_shard_at(k->journal->j, 0);
    for (int i = 1; i <= 10; i++) {
        char value[16];
        snprintf(value, sizeof value, "0 %d", i);
        assert_int_equal(journal_append(s, 1700000000000, slice_of("21"), slice_of(value)), 0);
    }
    assert_int_equal(journal_commit(s), 0);
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
                         k->cluster.mock, 1, KAFKA_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                         SLOW_ANSWER_MS),
                     0);
    start(k);
    receive_all_of(k, 0, 10);
    assert_int_equal(count_by_marks(k, 0), 10);
    assert_int_equal(stop(k, 10000), 0);
}

static void a_record_that_is_refused_alone_becomes_a_letter(void **state)
{
    struct kafka *k = *state;
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    append_big(k, 0, BIG_SIZE);
    start(k);
    await_dead(k, 1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->reader);
    rd_kafka_topic_t *rkt = read_letters(k, queue);
    rd_kafka_message_t *m = NULL;
    while (m == NULL) {
        m = rd_kafka_consume_queue(queue, KAFKA_WAIT_MS);
    }
    assert_int_equal(m->err, 0);
    assert_true(slice_is(slice_make(m->key, m->key_len), "21"));
    assert_int_equal(m->len, BIG_SIZE);
    rd_kafka_headers_t *headers = NULL;
    assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
    assert_header(headers, "dlq.reason", rd_kafka_err2str(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
    assert_header(headers, "dlq.topic", TOPIC);
    assert_header(headers, "dlq.partition", "0"); /* (murmur2("21") & 0x7fffffff) % 12 */
    assert_header(headers, "dlq.offset", "-1");
    assert_header(headers, "dlq.timestamp", "1700000000000");
    rd_kafka_message_destroy(m);
    end_letters(rkt, queue);
    assert_metric(k, "playreport_publisher_dead_letters_total", true);
    assert_int_equal(stop(k, 10000), 0);
}

/* Which is dead is for the client's threads to say: the first that the second refusal meets. */
static void what_stands_around_a_dead_record_is_delivered_in_order(void **state)
{
    struct kafka *k = *state;
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    append(k, 0, 1);
    start(k);
    struct publisher_status status;
    await_reason(k, "record 1 of lane", &status);
    append(k, 0, 499);
    await_dead(k, 1);
    receive_all_but_one_of(k, 0, 500);
    await_connected(k, true, &status);
    assert_int_equal(stop(k, 10000), 0);
}

static void each_error_that_speaks_of_a_record_makes_a_letter(void **state)
{
    struct kafka *k = *state;
    static const rd_kafka_resp_err_t errors[] = {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
                                                 RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
                                                 RD_KAFKA_RESP_ERR_INVALID_RECORD};
    start(k);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        refuse_after(k, 0, errors[i], 2);
        append(k, 0, 1);
        await_dead(k, i + 1);
    }
    assert_int_equal(stop(k, 10000), 0);
}

static void an_error_that_speaks_of_the_topic_makes_none(void **state)
{
    struct kafka *k = *state;
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 3);
    append(k, 0, 20);
    start(k);
    receive_all_of(k, 0, 20);
    struct publisher_status status;
    await_connected(k, true, &status);
    assert_int_equal(status.dead, 0);
    assert_int_equal(stop(k, 10000), 0);
}

static void a_letter_that_is_refused_is_sent_again_and_counted_once(void **state)
{
    struct kafka *k = *state;
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 3);
    append(k, 0, 1);
    start(k);
    char words[128];
    snprintf(words, sizeof words, "the dead letter of record 1 of lane %016" PRIx64,
             journal_shard_lane(journal_shard_at(k->journal->j, 0)));
    struct publisher_status status;
    await_reason(k, words, &status);
    assert_false(status.connected);
    await_dead(k, 1);
    await_connected(k, true, &status);
    assert_int_equal(stop(k, 10000), 0);
}

static void without_a_topic_for_letters_the_lane_waits_and_the_record_stays(void **state)
{
    struct kafka *k = *state;
    rd_kafka_mock_topic_set_error(k->cluster.mock, LETTERS,
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    append(k, 0, 1);
    start(k);
    struct publisher_status status;
    await_reason(k, "topic reports.dlq does not exist, and topic_create is off", &status);
    append(k, 1, 50);
    receive_all_of(k, 1, 50);
    assert_int_equal(stop(k, 0), 1);
    fixture_close(k->journal);
    fixture_open(k->journal);
    rd_kafka_mock_topic_set_error(k->cluster.mock, LETTERS, RD_KAFKA_RESP_ERR_NO_ERROR);
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    metrics_free(k->metrics);
    k->metrics = metrics_new();
    k->options.metrics = k->metrics;
    start(k);
    await_dead(k, 1);
    assert_int_equal(stop(k, 10000), 0);
}

static void letters_of_two_lanes_are_each_sent_once(void **state)
{
    struct kafka *k = *state;
    append(k, 0, 1);
    append(k, 1, 1);
    start(k);
    receive_all_of(k, 0, 1);
    receive_all_of(k, 1, 1);
    struct publisher_status status;
    await_connected(k, true, &status);
    refuse_after(k, 0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 4);
    append(k, 0, 1);
    append(k, 1, 1);
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    struct journal_status js = {.waiting = 1};
    while (js.waiting > 0 && clock_mono_ms() < end_ms) {
        (void)rd_kafka_poll(k->cluster.rk, 5);
        journal_status(k->journal->j, &js);
    }
    assert_int_equal(js.waiting, 0);
    publisher_status(k->p, &status);
    assert_true(status.dead >= 1 && status.dead <= 2);
    assert_int_equal(stop(k, 10000), 0);
}

static void what_our_own_limit_forbids_becomes_a_letter_without_a_new_producer(void **state)
{
    struct kafka *k = *state;
    config_free(k->config);
    k->config = cluster_config(&k->cluster, "message.max.bytes=2000");
    k->options.config = k->config;
    append(k, 0, 3);
    append_big(k, 0, BIG_SIZE);
    append(k, 0, 3);
    start(k);
    await_dead(k, 1);
    receive_all_but_one_of(k, 0, 7);
    for (size_t i = 0; i < k->count; i++) {
        assert_int_not_equal(k->messages[i].sequence, 4);
    }
    assert_metric(k, "playreport_publisher_rebuilds_total", false);
    assert_int_equal(stop(k, 10000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_letters, tear_down_letters)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_that_is_refused_once_costs_no_record),
        TEST(a_first_batch_that_is_refused_is_not_overtaken),
        TEST(a_record_that_is_refused_alone_becomes_a_letter),
        TEST(what_stands_around_a_dead_record_is_delivered_in_order),
        TEST(each_error_that_speaks_of_a_record_makes_a_letter),
        TEST(an_error_that_speaks_of_the_topic_makes_none),
        TEST(a_letter_that_is_refused_is_sent_again_and_counted_once),
        TEST(without_a_topic_for_letters_the_lane_waits_and_the_record_stays),
        TEST(letters_of_two_lanes_are_each_sent_once),
        TEST(what_our_own_limit_forbids_becomes_a_letter_without_a_new_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
