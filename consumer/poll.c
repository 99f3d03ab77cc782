#include "consumer/poll.h"

#include "common/kafka_conf.h"
#include "common/log.h"

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    POLL_BATCH_MAX = 4096, /* records a call; bounds what is held between two flushes' checks */
    POLL_FAULT_SIZE = 256,
    POLL_CLOSE_WAIT_MS = 10000 /* librdkafka before 2.6 may hang in close: then we go without it */
};

struct poll {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char *topic;
    struct poll_handler handler;
    rd_kafka_message_t *messages[POLL_BATCH_MAX]; /* of the last call */
    size_t message_count;
    bool closing;
    char fault[POLL_FAULT_SIZE];
};

static struct poll_offset *offsets_of(const rd_kafka_topic_partition_list_t *list)
{
    struct poll_offset *offsets = calloc((size_t)list->cnt + 1, sizeof *offsets);
    for (int i = 0; offsets != NULL && i < list->cnt; i++) {
        offsets[i].partition = list->elems[i].partition;
        offsets[i].offset = POLL_FROM_START;
    }
    return offsets;
}

static int64_t start_of(struct poll_offset o)
{
    return o.offset == POLL_FROM_START ? RD_KAFKA_OFFSET_BEGINNING : o.offset;
}

static rd_kafka_topic_partition_list_t *list_of(const struct poll *p,
                                                const struct poll_offset *offsets, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, p->topic, offsets[i].partition)->offset =
            start_of(offsets[i]);
    }
    return list;
}

/* The offsets go into the list given to assign(): a seek() right after it fails (kafka notes, C02).
 * An empty list is an assignment too, and keeps the place in the group. */
static bool assign(struct poll *p, const struct poll_offset *offsets, size_t count)
{
    rd_kafka_topic_partition_list_t *list = list_of(p, offsets, count);
    rd_kafka_resp_err_t failed = rd_kafka_assign(p->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        LOG_ERROR("assign_failed", log_text("err", rd_kafka_err2str(failed)));
    }
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool take_assignment(struct poll *p, const rd_kafka_topic_partition_list_t *list)
{
    struct poll_offset *offsets = offsets_of(list);
    if (offsets == NULL) {
        return false;
    }
    size_t begin = p->handler.on_assign(offsets, (size_t)list->cnt, p->handler.arg);
    bool taken = assign(p, offsets, begin);
    free(offsets);
    if (taken) {
        LOG_INFO("partitions_assigned", log_int("count", list->cnt));
    }
    return taken;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct poll *p = opaque;
    bool is_new = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (is_new && !p->closing && take_assignment(p, list)) {
        return;
    }
    if (!is_new && err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        LOG_ERROR("rebalance_failed", log_text("err", rd_kafka_err2str(err)));
    }
    if (!is_new || !p->closing) {
        p->handler.on_revoke(p->handler.arg);
        LOG_INFO("partitions_revoked", log_int("count", list->cnt));
    }
    (void)rd_kafka_assign(rk, NULL); /* giving up an assignment cannot fail in a way to act on */
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    (void)rk;
    struct poll *p = opaque;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        err == RD_KAFKA_RESP_ERR__RESOLVE || err == RD_KAFKA_RESP_ERR__SSL) {
        (void)snprintf(p->fault, sizeof p->fault, "%s", reason);
    }
}

int poll_join(struct poll *p)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, p->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t failed = rd_kafka_subscribe(p->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        LOG_ERROR("subscribe_failed", log_text("topic", p->topic),
                  log_text("err", rd_kafka_err2str(failed)));
        return -EINVAL;
    }
    return 0;
}

static int connect_group(struct poll *p, rd_kafka_conf_t *conf, struct error *err)
{
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    char reason[256];
    p->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (p->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, "kafka: %s", reason);
        return -EINVAL;
    }
    (void)rd_kafka_poll_set_consumer(p->rk); /* fails for producers only */
    p->queue = rd_kafka_queue_get_consumer(p->rk);
    return 0;
}

int poll_open(struct poll **out, const struct config *config, const char *group, const char *topic,
              const struct poll_handler *handler, struct error *err)
{
    rd_kafka_conf_t *conf = NULL;
    int failed = kafka_conf_make(&conf, KAFKA_CONSUMER, "playreport-consumer", group, config, err);
    if (failed != 0) {
        return failed;
    }
    struct poll *p = calloc(1, sizeof *p);
    if (p == NULL || (p->topic = strdup(topic)) == NULL) {
        rd_kafka_conf_destroy(conf);
        free(p);
        return -ENOMEM;
    }
    p->handler = *handler;
    failed = connect_group(p, conf, err);
    if (failed != 0) {
        poll_close(p);
        return failed;
    }
    *out = p;
    return 0;
}

static void release_messages(struct poll *p)
{
    for (size_t i = 0; i < p->message_count; i++) {
        rd_kafka_message_destroy(p->messages[i]);
    }
    p->message_count = 0;
}

/* Closes by a queue of ours, so that a close that hangs can be left behind (kafka notes). */
static void leave_group(struct poll *p)
{
    p->closing = true;
    rd_kafka_error_t *failed = rd_kafka_consumer_close_queue(p->rk, p->queue);
    if (failed != NULL) {
        LOG_WARN("group_leave_failed", log_text("err", rd_kafka_error_string(failed)));
        rd_kafka_error_destroy(failed);
        return;
    }
    for (int waited = 0; !rd_kafka_consumer_closed(p->rk) && waited < POLL_CLOSE_WAIT_MS;
         waited += 100) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(p->queue, 100);
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
    }
}

void poll_close(struct poll *p)
{
    if (p == NULL) {
        return;
    }
    release_messages(p);
    if (p->queue != NULL) {
        leave_group(p);
        rd_kafka_queue_destroy(p->queue);
    }
    if (p->rk != NULL) {
        rd_kafka_destroy_flags(p->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(p->topic);
    free(p);
}

/* An error that came in a record's place. Those that librdkafka mends by itself are only told of.
 */
static void take_error(struct poll *p, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR__NO_OFFSET ||
        m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        p->handler.on_out_of_range(m->partition, p->handler.arg);
        return;
    }
    LOG_WARN("consume_error", log_text("err", rd_kafka_err2name(m->err)),
             log_text("reason", rd_kafka_message_errstr(m)));
}

static struct poll_record record_of(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    struct poll_record r = {
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, &type),
        .key = slice_make(m->key, m->key == NULL ? 0 : m->key_len),
        .value = slice_make(m->payload, m->payload == NULL ? 0 : m->len),
        .message = m,
    };
    return r;
}

void poll_read_headers(struct poll_record *r)
{
    const void *id = NULL;
    size_t id_len = 0;
    if (rd_kafka_message_headers(r->message, &r->headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(r->headers, POLL_ID_HEADER, &id, &id_len) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        r->id = slice_make(id == NULL ? "" : id, id_len);
    }
}

/* A batch call waits until its time is up even when some are there; the call for one does not. */
static size_t fetch(struct poll *p, size_t room, int timeout_ms, bool fill)
{
    if (!fill) {
        p->messages[0] = rd_kafka_consume_queue(p->queue, timeout_ms);
        if (p->messages[0] == NULL) {
            return 0;
        }
    }
    size_t first = fill ? 0 : 1;
    ssize_t got = rd_kafka_consume_batch_queue(p->queue, fill ? timeout_ms : 0, p->messages + first,
                                               room - first);
    return first + (got < 0 ? 0 : (size_t)got);
}

size_t poll_records(struct poll *p, struct poll_record *out, size_t max, int timeout_ms, bool fill)
{
    release_messages(p);
    p->message_count = fetch(p, max < POLL_BATCH_MAX ? max : POLL_BATCH_MAX, timeout_ms, fill);
    size_t count = 0;
    for (size_t i = 0; i < p->message_count; i++) {
        if (p->messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            take_error(p, p->messages[i]);
        } else {
            out[count++] = record_of(p->messages[i]);
            p->fault[0] = '\0';
        }
    }
    return count;
}

/* Assigning anew, not seek(): librdkafka then drops every record fetched for the old place. */
int poll_restart(struct poll *p, const struct poll_offset *offsets, size_t count)
{
    return assign(p, offsets, count) ? 0 : -EIO;
}

void poll_pause(struct poll *p, bool pause)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(p->rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* nothing assigned, nothing to pause */
    }
    rd_kafka_resp_err_t failed =
        pause ? rd_kafka_pause_partitions(p->rk, list) : rd_kafka_resume_partitions(p->rk, list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        LOG_WARN("pause_failed", log_text("err", rd_kafka_err2str(failed)));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void poll_commit(struct poll *p, const struct poll_offset *offsets, size_t count)
{
    rd_kafka_topic_partition_list_t *list = list_of(p, offsets, count);
    /* A refusal changes nothing that counts: the store knows its offsets. */
    (void)rd_kafka_commit(p->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}

int poll_watermarks(struct poll *p, int32_t partition, int timeout_ms, int64_t *low, int64_t *high)
{
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(p->rk, p->topic, partition, low, high, timeout_ms);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -EIO;
}

int64_t poll_end_offset(const struct poll *p, int32_t partition)
{
    int64_t low = -1;
    int64_t high = -1;
    if (rd_kafka_get_watermark_offsets(p->rk, p->topic, partition, &low, &high) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    return high;
}

const char *poll_fault(const struct poll *p)
{
    return p->fault;
}

struct rd_kafka_s *poll_handle(struct poll *p)
{
    return p->rk;
}
