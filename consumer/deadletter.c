#include "consumer/deadletter.h"

#include "common/clock.h"
#include "common/kafka_bytes.h"
#include "common/kafka_conf.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    DEADLETTER_CLOSE_WAIT_MS = 2000,
    DEADLETTER_POLL_MS = 50,
    DEADLETTER_DUE_COUNT = 500,
    DEADLETTER_DUE_BYTES = 8 * 1024 * 1024,
    DEADLETTER_HEADERS = 6, /* of ours */
    DEADLETTER_FAULT_SIZE = 256
};

static const struct {
    const char *name, *value;
} settings[] = {
    {"message.max.bytes", "1000000000"}, /* the topic's limit counts: what was read can be sent */
    {"queue.buffering.max.kbytes", "65536"},
    {"sticky.partitioning.linger.ms", "0"}, /* else letters without a key pass on_partition() by */
};

/* Letters of one partition. Given up ones were sent first, so their reports come first. */
struct letters {
    int32_t partition;
    bool refused;
    size_t waiting, given_up;
};

struct deadletter {
    rd_kafka_conf_t *conf; /* each producer gets a copy */
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    char *topic;
    char *origin_topic;
    int64_t origin_epoch;
    struct letters *of; /* the partitions that ever had one */
    size_t of_count;
    size_t waiting; /* of all */
    size_t bytes;   /* of values, since none waited */
    bool refused;   /* one that is waited for */
    char fault[DEADLETTER_FAULT_SIZE];
};

static struct letters *find(const struct deadletter *d, int32_t partition)
{
    for (size_t i = 0; i < d->of_count; i++) {
        if (d->of[i].partition == partition) {
            return &d->of[i];
        }
    }
    return NULL;
}

static struct letters *find_or_add(struct deadletter *d, int32_t partition)
{
    struct letters *l = find(d, partition);
    if (l != NULL) {
        return l;
    }
    struct letters *grown = reallocarray(d->of, d->of_count + 1, sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    d->of = grown;
    l = &d->of[d->of_count++];
    *l = (struct letters){.partition = partition};
    return l;
}

static void refuse(struct deadletter *d, struct letters *l, const char *why)
{
    l->refused = true;
    d->refused = true;
    (void)snprintf(d->fault, sizeof d->fault, "%s", why);
}

static void *opaque_of(int32_t partition)
{
    return (void *)(intptr_t)partition;
}

static int32_t partition_of(const void *opaque)
{
    return (int32_t)(intptr_t)opaque;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct deadletter *d = opaque;
    struct letters *l = find(d, partition_of(m->_private));
    if (l->given_up > 0) {
        l->given_up--;
        return;
    }
    l->waiting--;
    d->waiting--;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(d, l, rd_kafka_err2str(m->err));
    } else {
        d->fault[0] = '\0';
    }
}

/* The letters of one partition go to one partition. */
static int32_t on_partition(const rd_kafka_topic_t *rkt, const void *key, size_t key_len,
                            int32_t count, void *topic_opaque, void *opaque)
{
    (void)rkt;
    (void)key;
    (void)key_len;
    (void)topic_opaque;
    return partition_of(opaque) % count;
}

static int make_conf(struct deadletter *d, const struct config *config, struct error *err)
{
    int failed =
        kafka_conf_make(&d->conf, KAFKA_PRODUCER, "playreport-deadletter", NULL, config, err);
    if (failed != 0) {
        return failed;
    }
    char reason[256];
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        /* The names and values are right, so it does not fail. */
        (void)rd_kafka_conf_set(d->conf, settings[i].name, settings[i].value, reason,
                                sizeof reason);
    }
    rd_kafka_conf_set_opaque(d->conf, d);
    rd_kafka_conf_set_dr_msg_cb(d->conf, on_delivery);
    return 0;
}

/* Leaves what there is when it fails. */
static int open_producer(struct deadletter *d, struct error *err)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(d->conf);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, "kafka: %s", reason);
        return -EINVAL;
    }
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_default_topic_conf_dup(rk);
    rd_kafka_topic_conf_set_partitioner_cb(topic_conf, on_partition);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, d->topic, topic_conf);
    if (rkt == NULL) {
        error_set(err, "topic %s: %s", d->topic, rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_destroy(rk);
        return -EINVAL;
    }
    d->rk = rk;
    d->rkt = rkt;
    return 0;
}

/* What is not delivered belongs to no committed flush: it is read and sent again. */
static void close_producer(rd_kafka_t *rk, rd_kafka_topic_t *rkt)
{
    if (rk == NULL) {
        return;
    }
    (void)rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(rk, DEADLETTER_CLOSE_WAIT_MS);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
}

/*
 * A producer to which a letter was refused is beyond use, and keeps those behind it for ever. What
 * waits still is refused with it.
 */
static void renew_producer(struct deadletter *d)
{
    rd_kafka_t *rk = d->rk;
    rd_kafka_topic_t *rkt = d->rkt;
    struct error err = {""};
    if (open_producer(d, &err) != 0) {
        LOG_WARN("deadletter_producer_failed", log_text("err", err.text));
        return; /* tried again */
    }
    close_producer(rk, rkt);
    for (size_t i = 0; i < d->of_count; i++) { /* whose reports did not come in time */
        struct letters *l = &d->of[i];
        d->waiting -= l->waiting;
        l->refused = l->refused || l->waiting > 0;
        d->refused = d->refused || l->refused;
        l->waiting = l->given_up = 0;
    }
}

int deadletter_open(struct deadletter **out, const struct deadletter_options *options,
                    struct error *err)
{
    struct deadletter *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    d->topic = strdup(options->topic);
    d->origin_topic = strdup(options->origin_topic);
    d->origin_epoch = options->origin_epoch;
    int failed =
        d->topic == NULL || d->origin_topic == NULL ? -ENOMEM : make_conf(d, options->config, err);
    if (failed == 0) {
        failed = open_producer(d, err);
    }
    if (failed != 0) {
        deadletter_close(d);
        return failed;
    }
    *out = d;
    return 0;
}

void deadletter_close(struct deadletter *d)
{
    if (d == NULL) {
        return;
    }
    close_producer(d->rk, d->rkt);
    if (d->conf != NULL) {
        rd_kafka_conf_destroy(d->conf);
    }
    free(d->topic);
    free(d->origin_topic);
    free(d->of);
    free(d);
}

/* A record that was a letter before, and was replayed, tells of its last place only. */
static void remove_ours(rd_kafka_headers_t *headers)
{
    static const char *const ours[DEADLETTER_HEADERS] = {
        "dlq.reason", "dlq.topic", "dlq.partition", "dlq.offset", "dlq.timestamp", "dlq.epoch"};
    for (size_t i = 0; i < DEADLETTER_HEADERS; i++) {
        (void)rd_kafka_header_remove(headers, ours[i]); /* most often there is none */
    }
}

static rd_kafka_headers_t *headers_of(const struct deadletter *d, const struct poll_record *r,
                                      const char *reason)
{
    rd_kafka_headers_t *headers = r->headers == NULL ? rd_kafka_headers_new(DEADLETTER_HEADERS)
                                                     : rd_kafka_headers_copy(r->headers);
    remove_ours(headers);
    char partition[16];
    char offset[24];
    char timestamp[24];
    char epoch[24];
    (void)snprintf(partition, sizeof partition, "%" PRId32, r->partition);
    (void)snprintf(offset, sizeof offset, "%" PRId64, r->offset);
    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, r->timestamp_ms);
    (void)snprintf(epoch, sizeof epoch, "%" PRId64, d->origin_epoch);
    const char *const pairs[DEADLETTER_HEADERS][2] = {
        {"dlq.reason", reason}, {"dlq.topic", d->origin_topic}, {"dlq.partition", partition},
        {"dlq.offset", offset}, {"dlq.timestamp", timestamp},   {"dlq.epoch", epoch}};
    size_t count = d->origin_epoch == 0 ? DEADLETTER_HEADERS - 1 : DEADLETTER_HEADERS;
    for (size_t i = 0; i < count; i++) {
        /* Fails for read-only headers only. */
        (void)rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
    }
    return headers;
}

int deadletter_send(struct deadletter *d, const struct poll_record *r, const char *reason)
{
    struct letters *l = find_or_add(d, r->partition);
    if (l == NULL) {
        return -ENOMEM;
    }
    rd_kafka_headers_t *headers = headers_of(d, r, reason);
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = d->rkt},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        kafka_bytes(RD_KAFKA_VTYPE_KEY, r->key),
        kafka_bytes(RD_KAFKA_VTYPE_VALUE, r->value),
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque_of(r->partition)},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(d->rk, fields, sizeof fields / sizeof fields[0]);
    if (failed == NULL) {
        d->bytes = d->waiting == 0 ? r->value.len : d->bytes + r->value.len;
        l->waiting++;
        d->waiting++;
        return 0;
    }
    rd_kafka_headers_destroy(headers);
    bool full = rd_kafka_error_code(failed) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!full) {
        refuse(d, l, rd_kafka_error_string(failed));
    }
    rd_kafka_error_destroy(failed);
    return full ? -EAGAIN : 0; /* a refusal is told by the flush that it belongs to */
}

bool deadletter_is_due(const struct deadletter *d)
{
    return d->waiting >= DEADLETTER_DUE_COUNT ||
           (d->waiting > 0 && d->bytes >= DEADLETTER_DUE_BYTES);
}

int deadletter_flush(struct deadletter *d, int timeout_ms)
{
    uint64_t until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
    while (d->waiting > 0 && !d->refused && clock_mono_ms() < until_ms) {
        (void)rd_kafka_poll(d->rk, DEADLETTER_POLL_MS); /* how many reports came is not of use */
    }
    return d->refused ? -EIO : d->waiting > 0 ? -EAGAIN : 0;
}

bool deadletter_give_up(struct deadletter *d, int32_t partition)
{
    struct letters *l = find(d, partition);
    if (l == NULL || (l->waiting == 0 && !l->refused)) {
        return false;
    }
    d->waiting -= l->waiting;
    l->given_up += l->waiting;
    l->waiting = 0;
    l->refused = false;
    d->refused = false;
    for (size_t i = 0; i < d->of_count; i++) {
        d->refused = d->refused || d->of[i].refused;
    }
    return true;
}

bool deadletter_is_idle(struct deadletter *d, int32_t partition)
{
    (void)rd_kafka_poll(d->rk, 0); /* how many reports came is not of use */
    if (rd_kafka_fatal_error(d->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        renew_producer(d);
    }
    const struct letters *l = find(d, partition);
    return l == NULL || l->waiting + l->given_up == 0;
}

const char *deadletter_fault(const struct deadletter *d)
{
    return d->fault;
}

struct rd_kafka_s *deadletter_handle(struct deadletter *d)
{
    return d->rk;
}
