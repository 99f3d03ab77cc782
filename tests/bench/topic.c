/*
 * Fills a topic with the events of viewers; reads it with nothing but
 * rd_kafka_consume_batch_queue(): what a consumer can reach at most; or sends one event over and
 * over, with or without headers: what librdkafka alone costs a publisher.
 */
#include "common/kafka_bytes.h"
#include "tests/bench/sample.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PARTITIONS = 12,
    PHOTOS = 100000,
    DAY_MS = 86400000,
    DAY_SEED = 20260101,
    BATCH = 4096,
    REASON_SIZE = 256,
    KEY_SIZE = 24,
    QUIET_MS = 20000,
    FLUSH_MS = 120000
};

/* What playreport-consumer sets where it differs from librdkafka's own defaults. */
static const char *const reader[][2] = {
    {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
    {"check.crcs", "true"},           {"queued.max.messages.kbytes", "65536"},
    {"fetch.wait.max.ms", "100"},     {"auto.offset.reset", "earliest"},
    {"group.id", "playreport-bench"}, {NULL, NULL},
};
static const char *const writer[][2] = {
    {"compression.type", "zstd"},
    {"linger.ms", "20"},
    {"queue.buffering.max.messages", "500000"},
    {NULL, NULL},
};

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *bootstrap,
                               const char *const settings[][2])
{
    char reason[REASON_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool is_whole = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, reason,
                                      sizeof reason) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; is_whole && settings[i][0] != NULL; i++) {
        is_whole = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) ==
                   RD_KAFKA_CONF_OK;
    }
    rd_kafka_t *rk = is_whole ? rd_kafka_new(type, conf, reason, sizeof reason) : NULL;
    if (rk == NULL) {
        (void)fprintf(stderr, "kafka: %s\n", reason);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Writing. ---- */

struct record {
    struct slice key, value;
    int64_t ts_ms;
    bool has_headers;
};

/* As the ingest does: two headers, the receive time as timestamp, the photo_id as key. */
static rd_kafka_resp_err_t produce(rd_kafka_t *rk, const char *topic, const struct record *r)
{
    int32_t partition =
        rd_kafka_msg_partitioner_murmur2(NULL, r->key.data, r->key.len, PARTITIONS, NULL, NULL);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        kafka_bytes(RD_KAFKA_VTYPE_KEY, r->key),
        kafka_bytes(RD_KAFKA_VTYPE_VALUE, r->value),
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->ts_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"content-type", "application/msgpack", 19}},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"schema-version", "1", 1}},
    };
    size_t count = sizeof parts / sizeof parts[0] - (r->has_headers ? 0 : 2);
    rd_kafka_error_t *failed = rd_kafka_produceva(rk, parts, count);
    rd_kafka_resp_err_t code =
        failed == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(failed);
    if (failed != NULL) {
        rd_kafka_error_destroy(failed);
    }
    return code;
}

/* Waits for room. */
static rd_kafka_resp_err_t send_record(rd_kafka_t *rk, const char *topic, const struct record *r)
{
    rd_kafka_resp_err_t failed;
    do {
        failed = produce(rk, topic, r);
        (void)rd_kafka_poll(rk, failed == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
    } while (failed == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return failed;
}

static struct record next_record(struct sample *s, char value[EVENT_SIZE_MAX], char key[KEY_SIZE])
{
    uint64_t photo_id;
    size_t len = sample_next(s, value, EVENT_SIZE_MAX, &photo_id);
    (void)snprintf(key, KEY_SIZE, "%llu", (unsigned long long)photo_id);
    return (struct record){slice_of(key), slice_make(value, len), (int64_t)s->ts_ms, true};
}

/* The last event is of now. */
static int fill(const char *bootstrap, const char *topic, uint64_t count, bool is_of_a_day)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, bootstrap, writer);
    if (rk == NULL) {
        return 1;
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
    struct sample s;
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000;
    /* A lane of its own each time; of a day the viewers are the same each time. */
    sample_init(&s, is_of_a_day ? DAY_SEED : (uint64_t)now.tv_sec << 30 | (uint64_t)now.tv_nsec,
                PHOTOS, now_ms - (is_of_a_day ? DAY_MS : count / 50));
    if (is_of_a_day) {
        s.event_ms = (double)DAY_MS / (double)count;
    }
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (uint64_t i = 0; i < count && failed == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        char value[EVENT_SIZE_MAX], key[KEY_SIZE];
        struct record r = next_record(&s, value, key);
        failed = send_record(rk, topic, &r);
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed = rd_kafka_flush(rk, FLUSH_MS);
    }
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)fprintf(stderr, "fill: %s\n", rd_kafka_err2str(failed));
    }
    rd_kafka_destroy(rk);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 1;
}

/* The keys change, so that all partitions have their share; the rest is always the same. */
static int send_same(const char *bootstrap, const char *topic, uint64_t count, bool has_headers)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, bootstrap, writer);
    if (rk == NULL) {
        return 1;
    }
    struct sample s;
    char value[EVENT_SIZE_MAX], key[KEY_SIZE];
    sample_init(&s, 1, 100000, 1700000000000U);
    struct record r = next_record(&s, value, key);
    r.has_headers = has_headers;
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (uint64_t i = 0; i < count && failed == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        key[0] = (char)('1' + i % 9);
        failed = send_record(rk, topic, &r);
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed = rd_kafka_flush(rk, FLUSH_MS);
    }
    (void)printf("records=%llu bytes=%zu cpu=%.6f\n", (unsigned long long)count, r.value.len,
                 seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    rd_kafka_destroy(rk);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 1;
}

/* ---- Reading. ---- */

static bool assign_all(rd_kafka_t *rk, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    bool is_assigned = rd_kafka_assign(rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    return is_assigned;
}

/* Counts a batch and gives it back. */
static uint64_t count_batch(rd_kafka_message_t **batch, ssize_t got, uint64_t *bytes)
{
    uint64_t count = 0;
    for (ssize_t i = 0; i < got; i++) {
        if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            count++;
            *bytes += batch[i]->len;
        }
        rd_kafka_message_destroy(batch[i]);
    }
    return count;
}

static uint64_t read_all(rd_kafka_queue_t *queue, uint64_t wanted, uint64_t *bytes,
                         double *first_at)
{
    static rd_kafka_message_t *batch[BATCH];
    uint64_t count = 0;
    double heard_at = seconds_of(CLOCK_MONOTONIC);
    *first_at = 0;
    while (count < wanted && (seconds_of(CLOCK_MONOTONIC) - heard_at) * 1000 < QUIET_MS) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 50, batch, BATCH);
        if (got > 0) {
            heard_at = seconds_of(CLOCK_MONOTONIC);
            *first_at = *first_at == 0 ? heard_at : *first_at;
            count += count_batch(batch, got, bytes);
        }
    }
    return count;
}

static int read_topic(const char *bootstrap, const char *topic, uint64_t wanted)
{
    rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, bootstrap, reader);
    if (rk == NULL) {
        return 1;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    uint64_t count = 0, bytes = 0;
    if (rd_kafka_poll_set_consumer(rk) == RD_KAFKA_RESP_ERR_NO_ERROR && assign_all(rk, topic)) {
        double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), first_at;
        count = read_all(queue, wanted, &bytes, &first_at);
        (void)printf("records=%llu bytes=%llu seconds=%.6f cpu=%.6f\n", (unsigned long long)count,
                     (unsigned long long)bytes, seconds_of(CLOCK_MONOTONIC) - first_at,
                     seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    rd_kafka_queue_destroy(queue);
    (void)rd_kafka_consumer_close(rk); /* it has no group to leave */
    rd_kafka_destroy(rk);
    return count == wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc == 5 ? argv[1] : "";
    uint64_t count = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;
    if (strcmp(what, "fill") == 0) {
        return fill(argv[2], argv[3], count, false);
    }
    if (strcmp(what, "fill-day") == 0) {
        return fill(argv[2], argv[3], count, true);
    }
    if (strcmp(what, "read") == 0) {
        return read_topic(argv[2], argv[3], count);
    }
    if (strcmp(what, "send") == 0 || strcmp(what, "send-plain") == 0) {
        return send_same(argv[2], argv[3], count, strcmp(what, "send") == 0);
    }
    (void)fputs(
        "usage: playreport-bench-topic fill|fill-day|read|send|send-plain BOOTSTRAP TOPIC COUNT\n",
        stderr);
    return 2;
}
