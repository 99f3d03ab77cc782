#include "ingest/publisher_letters.h"

#include "common/clock.h"
#include "common/kafka_bytes.h"
#include "common/kafka_conf.h"
#include "ingest/cloudevents.h"
#include "ingest/publisher_health.h"
#include "ingest/publisher_topic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LETTERS_PAUSE_MS = 500, /* after a failure, doubling */
    LETTERS_PAUSE_MAX_MS = 10000
};

enum letter_state { LETTER_NONE, LETTER_ON_ITS_WAY, LETTER_DELIVERED, LETTER_FAILED };

static const uint64_t wake_value = 1; /* what an eventfd is written */

struct letters {
    struct letters_options options;
    struct kafka_topic_wish wish;
    rd_kafka_conf_t *conf; /* each producer gets a copy */
    rd_kafka_t *rk;        /* NULL while there is none */
    rd_kafka_queue_t *queue;
    int partitions; /* of the topic; 0 = not known yet */
    enum letter_state state;
    uint64_t lane, sequence; /* of the letter that the state is of */
    rd_kafka_resp_err_t failed;
    uint64_t retry_at_ms, pause_ms;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct letters *l = opaque;
    l->failed = m->err;
    l->state = m->err == RD_KAFKA_RESP_ERR_NO_ERROR ? LETTER_DELIVERED : LETTER_FAILED;
}

/* Ours outrank the user's: what was too large for the topic must be none for the letters. */
static int set_ours(rd_kafka_conf_t *conf, struct error *err)
{
    static const char *const ours[][2] = {{"linger.ms", "0"}, {"message.max.bytes", "1000000"}};
    char reason[128];
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (rd_kafka_conf_set(conf, ours[i][0], ours[i][1], reason, sizeof reason) !=
            RD_KAFKA_CONF_OK) {
            error_set(err, "dead letters: %s", reason);
            return -EINVAL;
        }
    }
    return 0;
}

int letters_new(struct letters **out, const struct letters_options *options, struct error *err)
{
    struct letters *l = calloc(1, sizeof *l);
    if (l == NULL) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    l->options = *options;
    l->wish = *options->wish;
    l->pause_ms = LETTERS_PAUSE_MS;
    int failed =
        kafka_conf_make(&l->conf, KAFKA_PRODUCER, "playreport-letters", NULL, options->config, err);
    if (failed == 0) {
        failed = set_ours(l->conf, err);
    }
    if (failed != 0) {
        letters_free(l);
        return failed;
    }
    rd_kafka_conf_set_opaque(l->conf, l);
    rd_kafka_conf_set_dr_msg_cb(l->conf, on_delivery);
    l->options.config = NULL;
    *out = l;
    return 0;
}

static void close_producer(struct letters *l)
{
    if (l->rk == NULL) {
        return;
    }
    /* Fails for consumers only. What is on its way is sent again by the next producer. */
    (void)rd_kafka_purge(l->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_queue_io_event_enable(l->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(l->queue);
    rd_kafka_destroy(l->rk);
    l->rk = NULL;
    l->partitions = 0;
    if (l->state == LETTER_ON_ITS_WAY) {
        l->state = LETTER_NONE;
    }
}

void letters_free(struct letters *l)
{
    if (l == NULL) {
        return;
    }
    close_producer(l);
    if (l->conf != NULL) {
        rd_kafka_conf_destroy(l->conf);
    }
    free(l);
}

void letters_rest(struct letters *l)
{
    close_producer(l);
    l->state = LETTER_NONE;
    l->retry_at_ms = 0;
    l->pause_ms = LETTERS_PAUSE_MS;
    health_clear(l->options.health, HEALTH_LETTER);
}

/* Begins anew after a pause, with another producer: this one may be beyond use. */
static void give_up(struct letters *l, const struct letter *letter, const char *reason)
{
    char text[HEALTH_TEXT_SIZE];
    (void)snprintf(text, sizeof text,
                   "the dead letter of record %" PRIu64 " of lane %016" PRIx64
                   " cannot be delivered: %.150s",
                   letter->record->sequence, letter->lane, reason);
    uint64_t now_ms = clock_mono_ms();
    health_fail(l->options.health, HEALTH_LETTER, text, now_ms);
    close_producer(l);
    l->state = LETTER_NONE;
    l->retry_at_ms = now_ms + l->pause_ms;
    l->pause_ms = 2 * l->pause_ms < LETTERS_PAUSE_MAX_MS ? 2 * l->pause_ms : LETTERS_PAUSE_MAX_MS;
}

static int open_producer(struct letters *l, struct error *err)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(l->conf);
    l->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (l->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, "kafka: %s", reason);
        return -EINVAL;
    }
    l->queue = rd_kafka_queue_get_main(l->rk);
    rd_kafka_queue_io_event_enable(l->queue, l->options.wake_fd, &wake_value, sizeof wake_value);
    return 0;
}

static bool is_ready(struct letters *l, int timeout_ms, struct error *err)
{
    return (l->rk != NULL || open_producer(l, err) == 0) &&
           (l->partitions > 0 ||
            topic_find_or_create(&l->wish, l->options.may_create, l->rk, timeout_ms, &l->partitions,
                                 err) == KAFKA_TOPIC_THERE);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    (void)rd_kafka_header_add(headers, name, -1, value, -1); /* fails for read-only ones only */
}

static void add_cloudevents(rd_kafka_headers_t *headers, struct slice value)
{
    struct cloudevents ce;
    size_t count = cloudevents_of(value, &ce);
    for (size_t i = 0; i < count; i++) {
        add_header(headers, ce.headers[i].name, ce.headers[i].value);
    }
}

static rd_kafka_headers_t *headers_of(const struct letters *l, const struct letter *letter)
{
    char partition[16], ts[24];
    (void)snprintf(partition, sizeof partition, "%d", letter->partition);
    (void)snprintf(ts, sizeof ts, "%" PRIu64, letter->record->ts_ms);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(7 + CLOUDEVENTS_COUNT_MAX);
    add_header(headers, "content-type", "application/msgpack");
    add_header(headers, "schema-version", "1");
    add_header(headers, "dlq.reason", letter->reason);
    add_header(headers, "dlq.topic", l->options.origin);
    add_header(headers, "dlq.partition", partition);
    add_header(headers, "dlq.offset", "-1");
    add_header(headers, "dlq.timestamp", ts);
    if (l->options.cloudevents) {
        add_cloudevents(headers, letter->record->value);
    }
    return headers;
}

/* Without a timestamp of ours: a time that the topic refused is in a header, and refused nowhere.
 */
static int produce(struct letters *l, const struct letter *letter, struct error *err)
{
    rd_kafka_headers_t *headers = headers_of(l, letter);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = l->wish.name},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = letter->partition % l->partitions},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        kafka_bytes(RD_KAFKA_VTYPE_KEY, letter->record->key),
        kafka_bytes(RD_KAFKA_VTYPE_VALUE, letter->record->value),
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *failed = rd_kafka_produceva(l->rk, parts, sizeof parts / sizeof parts[0]);
    if (failed == NULL) {
        l->state = LETTER_ON_ITS_WAY;
        l->lane = letter->lane;
        l->sequence = letter->record->sequence;
        return 0;
    }
    error_set(err, "%s", rd_kafka_error_string(failed));
    rd_kafka_error_destroy(failed);
    rd_kafka_headers_destroy(headers); /* taken on success only */
    return -EIO;
}

static void begin(struct letters *l, const struct letter *letter, int timeout_ms)
{
    struct error err = {""};
    if (clock_mono_ms() >= l->retry_at_ms &&
        (!is_ready(l, timeout_ms, &err) || produce(l, letter, &err) != 0)) {
        give_up(l, letter, err.text);
    }
}

bool letters_send(struct letters *l, const struct letter *letter, int timeout_ms)
{
    if (l->rk != NULL) {
        (void)rd_kafka_poll(l->rk, 0); /* how many reports came is not of use */
    }
    switch (l->state) {
    case LETTER_NONE:
        begin(l, letter, timeout_ms);
        return false;
    case LETTER_ON_ITS_WAY:
        return false;
    case LETTER_FAILED:
        give_up(l, letter, rd_kafka_err2str(l->failed));
        return false;
    case LETTER_DELIVERED:
        break;
    }
    if (l->lane != letter->lane) {
        return false; /* that lane is still to ask for it */
    }
    l->state = LETTER_NONE;
    if (l->sequence != letter->record->sequence) {
        return false; /* one before it has died since: it comes again in its turn */
    }
    l->pause_ms = LETTERS_PAUSE_MS;
    health_clear(l->options.health, HEALTH_LETTER);
    return true;
}
