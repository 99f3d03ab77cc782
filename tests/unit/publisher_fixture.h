/* What the tests of the publisher share: a journal, a mock of a cluster, a reader of the topic. */
#ifndef TESTS_UNIT_PUBLISHER_FIXTURE_H
#define TESTS_UNIT_PUBLISHER_FIXTURE_H

#include "common/buffer.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "ingest/publisher.h"

#include "journal_fixture.h"
#include "kafka_fixture.h"

static const char TOPIC[] = "reports";

enum { PARTITIONS = 12, MESSAGES_MAX = 4096, SHARDS = 2 };

/* A record as the topic has it. */
struct message {
    int32_t partition;
    uint64_t shard, sequence; /* what its value names */
};

struct kafka {
    struct fixture *journal;
    struct cluster cluster;
    struct config *config;
    struct metrics *metrics;
    struct publisher *p;
    struct publisher_options options;
    rd_kafka_t *reader;
    rd_kafka_topic_t *reader_topic;
    rd_kafka_queue_t *queue;
    struct message messages[MESSAGES_MAX]; /* in the order of their arrival */
    size_t count;
};

static inline void start_reader(struct kafka *k)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers",
                                       rd_kafka_mock_cluster_bootstraps(k->cluster.mock), reason,
                                       sizeof reason),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", reason, sizeof reason), 0);
    assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof reason), 0);
    assert_int_equal(
        rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "200", reason, sizeof reason), 0);
    k->reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    assert_non_null(k->reader);
    k->reader_topic = rd_kafka_topic_new(k->reader, TOPIC, NULL);
    k->queue = rd_kafka_queue_new(k->reader);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(
            rd_kafka_consume_start_queue(k->reader_topic, i, RD_KAFKA_OFFSET_BEGINNING, k->queue),
            0);
    }
}

static inline void stop_reader(struct kafka *k)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(rd_kafka_consume_stop(k->reader_topic, i), 0);
    }
    rd_kafka_queue_destroy(k->queue);
    rd_kafka_topic_destroy(k->reader_topic);
    rd_kafka_destroy(k->reader);
}

static inline int set_up(void **state)
{
    struct kafka *k = calloc(1, sizeof *k);
    k->journal = fixture_new();
    k->journal->options.shard_count = SHARDS;
    fixture_open(k->journal);
    cluster_start(&k->cluster, TOPIC, PARTITIONS);
    k->config = cluster_config(&k->cluster, NULL);
    k->options = (struct publisher_options){.config = k->config,
                                            .topic = TOPIC,
                                            .topic_partitions = PARTITIONS,
                                            .topic_replication = -1,
                                            .topic_retention_ms = -1,
                                            .linger_ms = 1};
    start_reader(k);
    *state = k;
    return 0;
}

static inline void start(struct kafka *k)
{
    struct error err = {""};
    k->options.journal = k->journal->j;
    if (publisher_start(&k->p, &k->options, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static inline uint64_t stop(struct kafka *k, int64_t drain_ms)
{
    uint64_t left = publisher_stop(k->p, drain_ms);
    k->p = NULL;
    return left;
}

static inline int tear_down(void **state)
{
    struct kafka *k = *state;
    if (k->p != NULL) {
        (void)stop(k, 0);
    }
    stop_reader(k);
    cluster_stop(&k->cluster);
    config_free(k->config);
    fixture_free(k->journal);
    free(k);
    return 0;
}

/* Appends count records to a shard, in one batch; the value is "SHARD SEQUENCE". */
static inline void append(struct kafka *k, unsigned shard, int count)
{
    struct journal_shard *s = journal_shard_at(k->journal->j, shard);
    for (int i = 0; i < count; i++) {
        char key[32], value[64];
        uint64_t sequence = journal_shard_next(s);
        snprintf(key, sizeof key, "%" PRIu64, sequence % 50);
        snprintf(value, sizeof value, "%u %" PRIu64, shard, sequence);
        assert_int_equal(
            journal_append(s, 1700000000000 + sequence, slice_of(key), slice_of(value)), 0);
    }
    assert_int_equal(journal_commit(s), 0);
}

static inline void keep(struct kafka *k, const rd_kafka_message_t *m)
{
    char value[64] = "";
    assert_true(m->len < sizeof value);
    memcpy(value, m->payload, m->len);
    struct message *kept = &k->messages[k->count++];
    assert_true(k->count < MESSAGES_MAX);
    kept->partition = m->partition;
    if (sscanf(value, "%" SCNu64 " %" SCNu64, &kept->shard, &kept->sequence) != 2) {
        kept->shard = UINT64_MAX;
    }
}

/* Reads on until the topic holds count messages. */
static inline void receive(struct kafka *k, size_t count)
{
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    while (k->count < count) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("%zu of %zu messages came", k->count, count);
        }
        rd_kafka_message_t *m = rd_kafka_consume_queue(k->queue, 100);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            keep(k, m);
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
    }
}

/* Reads until each sequence from 1 to last of the shard has come. */
static inline void receive_all_of(struct kafka *k, uint64_t shard, uint64_t last)
{
    size_t looked_at = 0, found = 0;
    bool *seen = calloc(last + 1, sizeof *seen);
    while (found < last) {
        receive(k, looked_at + 1);
        const struct message *m = &k->messages[looked_at++];
        if (m->shard == shard && m->sequence <= last && !seen[m->sequence]) {
            seen[m->sequence] = true;
            found++;
        }
    }
    free(seen);
}

/*
 * What a consumer's marks count: those above the highest sequence of their partition and shard so
 * far. Equal to what was appended only if no record came behind a later one of its partition.
 */
static inline size_t count_by_marks(const struct kafka *k, uint64_t shard)
{
    uint64_t marks[PARTITIONS] = {0};
    size_t count = 0;
    for (size_t i = 0; i < k->count; i++) {
        const struct message *m = &k->messages[i];
        if (m->shard == shard && m->sequence > marks[m->partition]) {
            marks[m->partition] = m->sequence;
            count++;
        }
    }
    return count;
}

/* Asks until it is so; the mock's own client passes the time. */
static inline void await_connected(struct kafka *k, bool connected, struct publisher_status *status)
{
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    for (publisher_status(k->p, status); status->connected != connected;
         publisher_status(k->p, status)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("still %s: %s", connected ? "away" : "connected", status->reason);
        }
        (void)rd_kafka_poll(k->cluster.rk, 5);
    }
}

/* The topic may hold a record before its delivery report is taken. */
static inline void await_delivered(struct kafka *k, uint64_t count, struct publisher_status *status)
{
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    for (publisher_status(k->p, status); status->delivered < count || status->in_flight > 0;
         publisher_status(k->p, status)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("%" PRIu64 " of %" PRIu64 " delivered", status->delivered, count);
        }
        (void)rd_kafka_poll(k->cluster.rk, 5);
    }
}

static inline void await_reason(struct kafka *k, const char *word, struct publisher_status *status)
{
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    for (publisher_status(k->p, status); strstr(status->reason, word) == NULL;
         publisher_status(k->p, status)) {
        if (clock_mono_ms() > end_ms) {
            fail_msg("\"%s\" is not in \"%s\"", word, status->reason);
        }
        (void)rd_kafka_poll(k->cluster.rk, 5);
    }
}

static inline rd_kafka_message_t *receive_one(struct kafka *k)
{
    uint64_t end_ms = clock_mono_ms() + KAFKA_WAIT_MS;
    for (;;) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(k->queue, 100);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return m;
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
        assert_true(clock_mono_ms() < end_ms);
    }
}

static inline void assert_header(const rd_kafka_headers_t *headers, const char *name,
                                 const char *value)
{
    const void *data = NULL;
    size_t len = 0;
    assert_int_equal(rd_kafka_header_get_last(headers, name, &data, &len), 0);
    assert_true(slice_is(slice_make(data, len), value));
}

static inline void assert_metric(struct kafka *k, const char *name, bool positive)
{
    struct buffer page;
    buffer_init(&page);
    metrics_render(k->metrics, &page);
    buffer_append_char(&page, '\0');
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(page.data, line);
    assert_non_null(at);
    assert_int_equal(strtod(at + strlen(line), NULL) > 0, positive);
    buffer_fini(&page);
}

#endif
