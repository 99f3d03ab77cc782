#include "consumer/deadletter.h"

#include "common/kafka_conf.h"
#include "common/log.h"

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEADLETTER_CLOSE_WAIT_MS = 2000 };

struct deadletter {
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    char *topic;
    char *origin_topic;
    bool refused; /* a letter of this flush was refused */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct deadletter *d = opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        d->refused = true;
        LOG_ERROR("dead_letter_refused", log_text("topic", d->topic),
                  log_text("err", rd_kafka_err2str(m->err)));
    }
}

static int open_producer(struct deadletter *d, const struct config *config, struct error *err)
{
    rd_kafka_conf_t *conf = NULL;
    int failed = kafka_conf_make(&conf, KAFKA_PRODUCER, "playreport-deadletter", NULL, config, err);
    if (failed != 0) {
        return failed;
    }
    rd_kafka_conf_set_opaque(conf, d);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    char reason[256];
    d->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (d->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, "kafka: %s", reason);
        return -EINVAL;
    }
    d->rkt = rd_kafka_topic_new(d->rk, d->topic, NULL);
    return d->rkt == NULL ? -EINVAL : 0;
}

int deadletter_open(struct deadletter **out, const struct config *config, const char *topic,
                    const char *origin_topic, struct error *err)
{
    struct deadletter *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    d->topic = strdup(topic);
    d->origin_topic = strdup(origin_topic);
    int failed =
        d->topic == NULL || d->origin_topic == NULL ? -ENOMEM : open_producer(d, config, err);
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
    if (d->rk != NULL) {
        /* What is not delivered belongs to no committed flush: it is read and sent again. */
        (void)rd_kafka_purge(d->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(d->rk, DEADLETTER_CLOSE_WAIT_MS);
    }
    if (d->rkt != NULL) {
        rd_kafka_topic_destroy(d->rkt);
    }
    if (d->rk != NULL) {
        rd_kafka_destroy(d->rk);
    }
    free(d->topic);
    free(d->origin_topic);
    free(d);
}

static rd_kafka_headers_t *headers_of(const struct deadletter *d, const struct poll_record *r,
                                      const char *reason)
{
    char partition[16];
    char offset[24];
    char timestamp[24];
    (void)snprintf(partition, sizeof partition, "%" PRId32, r->partition);
    (void)snprintf(offset, sizeof offset, "%" PRId64, r->offset);
    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, r->timestamp_ms);
    const char *const pairs[][2] = {{"dlq.reason", reason},
                                    {"dlq.topic", d->origin_topic},
                                    {"dlq.partition", partition},
                                    {"dlq.offset", offset},
                                    {"dlq.timestamp", timestamp}};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(sizeof pairs / sizeof pairs[0]);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        /* Fails for read-only headers only. */
        (void)rd_kafka_header_add(headers, pairs[i][0], -1, pairs[i][1], -1);
    }
    return headers;
}

int deadletter_send(struct deadletter *d, const struct poll_record *r, const char *reason)
{
    rd_kafka_headers_t *headers = headers_of(d, r, reason);
    /* The casts: librdkafka copies (F_COPY) but its field is not const. */
    union {
        const char *in;
        void *out;
    } key = {r->key.data}, value = {r->value.data};
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = d->rkt},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key.out, r->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value.out, r->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(d->rk, fields, sizeof fields / sizeof fields[0]);
    if (failed == NULL) {
        return 0;
    }
    rd_kafka_headers_destroy(headers);
    bool full = rd_kafka_error_code(failed) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!full) {
        d->refused = true;
        LOG_ERROR("dead_letter_refused", log_text("topic", d->topic),
                  log_text("err", rd_kafka_error_string(failed)));
    }
    rd_kafka_error_destroy(failed);
    return full ? -EAGAIN : 0; /* a refusal is told by the flush that it belongs to */
}

int deadletter_flush(struct deadletter *d, int timeout_ms)
{
    rd_kafka_resp_err_t waiting = rd_kafka_flush(d->rk, timeout_ms);
    if (d->refused) {
        d->refused = false;
        return -EIO;
    }
    return waiting == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -EAGAIN;
}
