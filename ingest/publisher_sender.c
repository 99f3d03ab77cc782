#include "ingest/publisher_sender.h"

#include "common/clock.h"
#include "common/kafka_bytes.h"
#include "common/kafka_conf.h"
#include "common/metrics.h"
#include "ingest/cloudevents.h"
#include "ingest/publisher_gate.h"
#include "ingest/publisher_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SENDER_RECORD_MAX = 20000,         /* in flight, of all lanes */
    SENDER_BYTE_MAX = 4 * 1024 * 1024, /* keys and values of those */
    SENDER_CLOSE_WAIT_MS = 5000
};

static const uint64_t wake_value = 1; /* what an eventfd is written */

struct sender {
    struct sender_options options;
    struct window *window;
    struct gate gate;
    rd_kafka_conf_t *conf; /* each producer gets a copy */
    rd_kafka_headers_t *headers;
    rd_kafka_t *rk; /* NULL while closed */
    rd_kafka_topic_t *rkt;
    rd_kafka_queue_t *queue;
    bool is_closing; /* what was purged is no failure */
    bool has_failed;
    struct sender_failure failure;
};

static bool is_purged(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

/*
 * The errors that speak of the records themselves and mean that the batch was not appended. Left
 * out: those of a topic or a cluster (rights, formats, replicas), which pass or are put right, and
 * CORRUPT_MESSAGE (INVALID_MSG), which speaks of the way there: librdkafka sends that again itself.
 */
static bool is_of_records(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void note_failure(struct sender *s, const char *reason)
{
    if (!s->has_failed) {
        s->has_failed = true;
        (void)snprintf(s->failure.reason, sizeof s->failure.reason, "%.*s",
                       (int)sizeof s->failure.reason - 1, reason); /* cut, not refused */
    }
}

static void note_refusal(struct sender *s, const struct window_slot *slot, rd_kafka_resp_err_t err)
{
    struct sender_failure *f = &s->failure;
    if (!f->has_record && !is_purged(err)) {
        struct window_record r = window_record_of(slot);
        *f = (struct sender_failure){.has_record = true,
                                     .lane = r.lane->lane,
                                     .sequence = r.sequence,
                                     .size_bytes = r.size_bytes};
        s->has_failed = false; /* the record's own reason says more than the producer's */
    }
    note_failure(s, rd_kafka_err2str(err));
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct sender *s = opaque;
    struct window_slot *slot = m->_private;
    bool is_stored = m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    gate_reported(&s->gate, m->partition, is_stored, clock_mono_ms());
    if (is_stored) {
        window_deliver(s->window, slot);
        metric_add(s->options.delivered, 1);
        health_clear(s->options.health, HEALTH_CONNECTION);
        return;
    }
    if (!s->is_closing || !is_purged(m->err)) {
        metric_add(s->options.failed, 1);
        note_refusal(s, slot, m->err);
    }
    if (is_of_records(m->err)) {
        window_refuse(s->window, slot);
    } else {
        window_fail(s->window, slot);
    }
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct sender *s = opaque;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[sizeof s->failure.reason] = "";
        (void)rd_kafka_fatal_error(rk, text, sizeof text); /* its code adds nothing */
        note_failure(s, text[0] != '\0' ? text : reason);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        err == RD_KAFKA_RESP_ERR__RESOLVE || err == RD_KAFKA_RESP_ERR__SSL ||
        err == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
        err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        health_fail(s->options.health, HEALTH_CONNECTION, reason, clock_mono_ms());
    }
}

static int make_conf(struct sender *s, struct error *err)
{
    int failed = kafka_conf_make(&s->conf, KAFKA_PRODUCER, "playreport-ingest", NULL,
                                 s->options.config, err);
    if (failed != 0) {
        return failed;
    }
    char value[16];
    char reason[128];
    (void)snprintf(value, sizeof value, "%d", s->options.linger_ms);
    if (rd_kafka_conf_set(s->conf, "linger.ms", value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        error_set(err, "linger_ms: %s", reason);
        return -EINVAL;
    }
    rd_kafka_conf_set_opaque(s->conf, s);
    rd_kafka_conf_set_dr_msg_cb(s->conf, on_delivery);
    rd_kafka_conf_set_error_cb(s->conf, on_error);
    return 0;
}

static int make_headers(struct sender *s)
{
    s->headers = rd_kafka_headers_new(2);
    if (s->headers == NULL ||
        rd_kafka_header_add(s->headers, "content-type", -1, "application/msgpack", -1) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_add(s->headers, "schema-version", -1, "1", -1) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -ENOMEM;
    }
    return 0;
}

int sender_new(struct sender **out, const struct sender_options *options, struct error *err)
{
    struct sender *s = calloc(1, sizeof *s);
    if (s == NULL) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    s->options = *options;
    int failed = make_conf(s, err);
    if (failed == 0) {
        failed = make_headers(s);
    }
    if (failed == 0) {
        failed = window_new(&s->window, SENDER_RECORD_MAX, SENDER_BYTE_MAX);
    }
    if (failed == -ENOMEM) {
        error_set(err, "out of memory");
    }
    if (failed == 0) {
        failed = sender_open(s, &(struct sender_mode){0}, err);
    }
    s->options.config = NULL;
    if (failed != 0) {
        sender_free(s);
        return failed;
    }
    *out = s;
    return 0;
}

void sender_free(struct sender *s)
{
    if (s == NULL) {
        return;
    }
    sender_close(s);
    window_free(s->window);
    gate_reset(&s->gate);
    if (s->headers != NULL) {
        rd_kafka_headers_destroy(s->headers);
    }
    if (s->conf != NULL) {
        rd_kafka_conf_destroy(s->conf);
    }
    free(s);
}

/* Takes a number of the settings down to most. Neither call fails: the names are right. */
static void limit_conf(rd_kafka_conf_t *conf, const char *name, int most)
{
    char value[24] = "", reason[128];
    size_t size = sizeof value;
    (void)rd_kafka_conf_get(conf, name, value, &size);
    if (strtol(value, NULL, 10) > most) {
        (void)snprintf(value, sizeof value, "%d", most);
        (void)rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
    }
}

int sender_open(struct sender *s, const struct sender_mode *mode, struct error *err)
{
    s->has_failed = false;
    s->failure = (struct sender_failure){0};
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(s->conf);
    if (mode->one_by_one) {
        limit_conf(conf, "batch.num.messages", 1);
    }
    if (mode->batch_max_bytes > 0) {
        limit_conf(conf, "batch.size", mode->batch_max_bytes);
    }
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (s->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, "kafka: %s", reason);
        return -EINVAL;
    }
    s->rkt = rd_kafka_topic_new(s->rk, s->options.topic, NULL);
    if (s->rkt == NULL) {
        error_set(err, "topic %s: %s", s->options.topic, rd_kafka_err2str(rd_kafka_last_error()));
        sender_close(s);
        return -EINVAL;
    }
    s->queue = rd_kafka_queue_get_main(s->rk);
    rd_kafka_queue_io_event_enable(s->queue, s->options.wake_fd, &wake_value, sizeof wake_value);
    return 0;
}

static void take_last_reports(struct sender *s)
{
    s->is_closing = true;
    /* Fails for consumers only. */
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                    RD_KAFKA_PURGE_F_NON_BLOCKING);
    uint64_t end_ms = clock_mono_ms() + SENDER_CLOSE_WAIT_MS;
    do {
        (void)rd_kafka_poll(s->rk, 50);
    } while (window_in_flight(s->window) > 0 && clock_mono_ms() < end_ms);
    s->is_closing = false;
}

void sender_close(struct sender *s)
{
    if (s->rk == NULL) {
        return;
    }
    take_last_reports(s);
    if (s->queue != NULL) {
        rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(s->queue);
        s->queue = NULL;
    }
    if (s->rkt != NULL) {
        rd_kafka_topic_destroy(s->rkt);
        s->rkt = NULL;
    }
    rd_kafka_destroy(s->rk);
    s->rk = NULL;
    /* Only now: no report that names a slot can come any more. */
    window_clear(s->window);
    gate_reset(&s->gate);
}

bool sender_is_open(const struct sender *s)
{
    return s->rk != NULL;
}

struct rd_kafka_s *sender_handle(struct sender *s)
{
    return s->rk;
}

static void add_cloudevents(rd_kafka_headers_t *headers, struct slice value)
{
    struct cloudevents ce;
    size_t count = cloudevents_of(value, &ce);
    for (size_t i = 0; i < count; i++) {
        /* Fails for read-only headers only. */
        (void)rd_kafka_header_add(headers, ce.headers[i].name, -1, ce.headers[i].value, -1);
    }
}

static rd_kafka_resp_err_t produce(struct sender *s, const struct journal_record *r,
                                   int32_t partition, struct window_slot *slot, struct error *err)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(s->headers);
    if (s->options.cloudevents) {
        add_cloudevents(headers, r->value);
    }
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->rkt},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        kafka_bytes(RD_KAFKA_VTYPE_KEY, r->key),
        kafka_bytes(RD_KAFKA_VTYPE_VALUE, r->value),
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = (int64_t)r->ts_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = slot},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(s->rk, parts, sizeof parts / sizeof parts[0]);
    if (failed == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    /* A fatal error's code is that of its cause, and may look like a word on this record. */
    rd_kafka_resp_err_t code =
        rd_kafka_error_is_fatal(failed) ? RD_KAFKA_RESP_ERR__FATAL : rd_kafka_error_code(failed);
    error_set(err, "%s", rd_kafka_error_string(failed));
    rd_kafka_error_destroy(failed);
    rd_kafka_headers_destroy(headers); /* taken on success only */
    return code;
}

int sender_partition(struct slice key, int partition_count)
{
    return rd_kafka_msg_partitioner_murmur2(NULL, key.data, key.len, partition_count, NULL, NULL);
}

static enum sender_result judge_refused(struct sender *s, rd_kafka_resp_err_t failed,
                                        const struct error *err)
{
    if (failed == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return SENDER_FULL;
    }
    if (failed == RD_KAFKA_RESP_ERR__FATAL) {
        note_failure(s, err->text);
        return SENDER_BROKEN;
    }
    return failed == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? SENDER_TOO_LARGE : SENDER_REFUSED;
}

enum sender_result sender_send(struct sender *s, struct window_lane *l,
                               const struct journal_record *record, int partition_count,
                               struct error *err)
{
    int32_t partition = sender_partition(record->key, partition_count);
    if (gate_reserve(&s->gate, partition) != 0) {
        return SENDER_FULL;
    }
    if (!gate_is_open(&s->gate, partition, clock_mono_ms())) {
        return SENDER_HELD;
    }
    struct window_slot *slot =
        window_add(s->window, l, record->sequence, (uint32_t)(record->key.len + record->value.len));
    if (slot == NULL) {
        return SENDER_FULL;
    }
    rd_kafka_resp_err_t failed = produce(s, record, partition, slot, err);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        gate_sent(&s->gate, partition);
        return SENDER_TAKEN;
    }
    window_cancel(s->window, slot);
    return judge_refused(s, failed, err);
}

void sender_serve(struct sender *s)
{
    (void)rd_kafka_poll(s->rk, 0); /* how many it was does not matter */
}

void sender_flush(struct sender *s, int timeout_ms)
{
    (void)rd_kafka_flush(s->rk, timeout_ms); /* what is still in flight is asked for by itself */
}

const struct sender_failure *sender_failure(const struct sender *s)
{
    return s->has_failed ? &s->failure : NULL;
}

size_t sender_in_flight(const struct sender *s)
{
    return window_in_flight(s->window);
}
