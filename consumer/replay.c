#include "consumer/replay.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/kafka_conf.h"
#include "common/kafka_topic.h"
#include "consumer/letter.h"
#include "consumer/poll.h"

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { REPLAY_CHUNK = 500, REPLAY_NAME_SIZE = 300, REPLAY_ANY_PARTITION = -1 };

/* What the headers of a letter say. */
struct letter {
    struct letter_origin origin;
    int32_t partition; /* to go back to; REPLAY_ANY_PARTITION = the key says */
    struct slice reason;
};

struct replay {
    const struct replay_options *o;
    char dead_topic[REPLAY_NAME_SIZE], group[REPLAY_NAME_SIZE];
    rd_kafka_t *reader;
    rd_kafka_t *writer;
    rd_kafka_topic_t *target;
    rd_kafka_message_t *chunk[REPLAY_CHUNK];
    size_t chunk_count;
    size_t waiting; /* for delivery reports */
    rd_kafka_resp_err_t refused;
    uint64_t heard_ms; /* when Kafka last answered */
    uint64_t sent, passed_over;
    struct error *err;
};

/* ---- Opening. ---- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct replay *r = opaque;
    r->waiting--;
    r->heard_ms = clock_mono_ms();
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        r->refused = m->err;
    }
}

/* Back to where it came from; a letter that does not say goes where ingest puts its key. */
static int32_t on_partition(const rd_kafka_topic_t *rkt, const void *key, size_t key_len,
                            int32_t count, void *topic_opaque, void *opaque)
{
    int32_t partition = (int32_t)(intptr_t)opaque;
    if (partition >= 0 && partition < count) {
        return partition;
    }
    return rd_kafka_msg_partitioner_murmur2(rkt, key, key_len, count, topic_opaque, opaque);
}

static int open_client(struct replay *r, enum kafka_role role, rd_kafka_t **out)
{
    bool reads = role == KAFKA_CONSUMER;
    const char *const settings[][2] = {{"enable.partition.eof", "true"},
                                       {"message.max.bytes", "1000000000"},
                                       {"queue.buffering.max.kbytes", "1048576"},
                                       {"sticky.partitioning.linger.ms", "0"}};
    rd_kafka_conf_t *conf = NULL;
    int failed = kafka_conf_make(&conf, role, "playreport-replay", reads ? r->group : NULL,
                                 r->o->config, r->err);
    if (failed != 0) {
        return failed;
    }
    char reason[256];
    for (size_t i = reads ? 0 : 1; i < (reads ? 1 : sizeof settings / sizeof settings[0]); i++) {
        /* The names and values are right, so it does not fail. */
        (void)rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason);
    }
    rd_kafka_conf_set_opaque(conf, r);
    if (!reads) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    *out = rd_kafka_new(reads ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (*out == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(r->err, "kafka: %s", reason);
        return -EINVAL;
    }
    return 0;
}

static int open_writer(struct replay *r)
{
    int failed = open_client(r, KAFKA_PRODUCER, &r->writer);
    if (failed != 0) {
        return failed;
    }
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(r->writer);
    rd_kafka_topic_conf_set_partitioner_cb(conf, on_partition);
    r->target = rd_kafka_topic_new(r->writer, r->o->topic, conf);
    if (r->target == NULL) {
        error_set(r->err, "topic %s: %s", r->o->topic, rd_kafka_err2str(rd_kafka_last_error()));
        return -EINVAL;
    }
    return 0;
}

/* What was not delivered is sent again, by the next writer or the next run. */
static void close_writer(struct replay *r)
{
    if (r->target != NULL) {
        rd_kafka_topic_destroy(r->target);
    }
    if (r->writer != NULL) {
        (void)rd_kafka_purge(r->writer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(r->writer, 1000);
        rd_kafka_destroy(r->writer);
    }
    r->target = NULL;
    r->writer = NULL;
    r->waiting = 0;
}

/* ---- One letter. ---- */

static struct slice header_of(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value = NULL;
    size_t len = 0;
    if (headers == NULL ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return slice_make(NULL, 0);
    }
    return slice_make(value, len);
}

/* Fills in the origin that the headers name. Returns false when they name none. */
static bool read_origin(const rd_kafka_headers_t *headers, const rd_kafka_message_t *m,
                        struct letter_origin *o)
{
    int64_t partition = 0;
    struct player_event event;
    *o = (struct letter_origin){.topic = header_of(headers, "dlq.topic")};
    if (o->topic.data == NULL || !letter_number(header_of(headers, "dlq.partition"), &partition) ||
        partition > INT32_MAX) {
        return false;
    }
    o->partition = (int32_t)partition;
    (void)letter_number(header_of(headers, "dlq.epoch"), &o->epoch); /* 0 without */
    if (letter_number(header_of(headers, "dlq.offset"), &o->offset)) {
        return true;
    }
    if (event_decode(slice_make(m->payload, m->len), &event) != EVENT_DECODE_OK) {
        return false;
    }
    o->is_of_ingest = true;
    o->lane = event.lane;
    o->sequence = event.sequence;
    return true;
}

/* One that says nothing of its origin is named by its own place, and goes where its key goes. */
static struct letter read_letter(const struct replay *r, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    (void)rd_kafka_message_headers(m, &headers); /* none is as good as no header of ours */
    struct letter l = {.reason = header_of(headers, "dlq.reason")};
    if (read_origin(headers, m, &l.origin)) {
        bool is_home = slice_is(l.origin.topic, r->o->topic);
        l.partition = is_home ? l.origin.partition : REPLAY_ANY_PARTITION;
        return l;
    }
    l.origin = (struct letter_origin){
        .topic = slice_of(r->dead_topic), .partition = m->partition, .offset = m->offset};
    l.partition = m->key_len > 0 ? REPLAY_ANY_PARTITION : m->partition;
    return l;
}

static rd_kafka_headers_t *headers_for(const rd_kafka_message_t *m, const struct letter *l)
{
    rd_kafka_headers_t *old = NULL;
    rd_kafka_headers_t *headers = NULL;
    (void)rd_kafka_message_headers(m, &old); /* a letter may have none */
    headers = rd_kafka_headers_new(8);
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;
    for (size_t i = 0; old != NULL && rd_kafka_header_get_all(old, i, &name, &value, &len) ==
                                          RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (strncmp(name, "dlq.", 4) != 0 && strcmp(name, POLL_ID_HEADER) != 0) {
            /* Fails for read-only headers only; a length of -1 would mean a C string. */
            (void)rd_kafka_header_add(headers, name, -1, value, (ssize_t)len);
        }
    }
    char id[EVENT_ID_SIZE];
    event_id_write(letter_lane(&l->origin), letter_sequence(&l->origin), id);
    (void)rd_kafka_header_add(headers, POLL_ID_HEADER, -1, id, -1); /* as above */
    return headers;
}

/* Now, but never the ts of the event: its timestamp says that a record has another name. */
static int64_t sending_ms(const rd_kafka_message_t *m)
{
    struct player_event event;
    uint64_t now_ms = clock_wall_ms();
    bool is_ts = event_decode(slice_make(m->payload, m->len), &event) == EVENT_DECODE_OK &&
                 event.ts_ms == now_ms;
    return (int64_t)now_ms + is_ts;
}

static int produce(struct replay *r, const rd_kafka_message_t *m)
{
    struct letter l = read_letter(r, m);
    rd_kafka_headers_t *headers = headers_for(m, &l);
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = r->target},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {m->key, m->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {m->payload, m->len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = sending_ms(m)},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)l.partition},
    };
    rd_kafka_error_t *failed =
        rd_kafka_produceva(r->writer, fields, sizeof fields / sizeof fields[0]);
    if (failed == NULL) {
        r->waiting++;
        return 0;
    }
    rd_kafka_headers_destroy(headers);
    r->refused = rd_kafka_error_code(failed);
    rd_kafka_error_destroy(failed);
    return -EIO;
}

static void list_letter(struct replay *r, const rd_kafka_message_t *m)
{
    struct letter l = read_letter(r, m);
    (void)fprintf(
        r->o->out,
        "letter %" PRId32 ":%" PRId64 " from %.*s %" PRId32 ":%" PRId64 " reason %.*s, %zu bytes\n",
        m->partition, m->offset, (int)l.origin.topic.len, l.origin.topic.data, l.origin.partition,
        l.origin.offset, (int)l.reason.len, l.reason.data == NULL ? "" : l.reason.data, m->len);
    r->sent++;
}

/* ---- A chunk: sent, delivered, and only then is the position moved. ---- */

static bool is_over(const struct replay *r)
{
    return clock_mono_ms() - r->heard_ms > (uint64_t)r->o->patience_ms;
}

static int gave_up(struct replay *r)
{
    error_set(r->err, "no answer from Kafka for %" PRId64 " s; run it again when it is back",
              r->o->patience_ms / 1000);
    return -ETIMEDOUT;
}

/* Returns 0 when all are delivered, -EIO when one was refused, -ETIMEDOUT. */
static int deliver(struct replay *r, rd_kafka_message_t *const *messages, size_t count)
{
    r->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    r->heard_ms = clock_mono_ms();
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        failed = produce(r, messages[i]);
    }
    while (failed == 0 && r->waiting > 0 && r->refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)rd_kafka_poll(r->writer, 100); /* how many reports came is not of use */
        failed = is_over(r) ? gave_up(r) : 0;
    }
    return failed != 0 ? failed : r->refused == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : -EIO;
}

/* A letter that Kafka refuses even alone. */
static int refuse(struct replay *r, const rd_kafka_message_t *m)
{
    if (r->o->skip_refused) {
        (void)fprintf(r->o->out, "letter %" PRId32 ":%" PRId64 " passed over: %s\n", m->partition,
                      m->offset, rd_kafka_err2str(r->refused));
        r->passed_over++;
        return 0;
    }
    error_set(r->err,
              "letter %" PRId32 ":%" PRId64 " was refused: %s. Mend the topic %s, or go past it "
              "with --skip-refused=on",
              m->partition, m->offset, rd_kafka_err2str(r->refused), r->o->topic);
    return -EIO;
}

/* One letter that is refused fails those sent with it, and the writer: one by one then. Those that
 * were stored come twice, in order, and are dropped by their names. */
static int send_one_by_one(struct replay *r, size_t *done)
{
    int failed = 0;
    for (*done = 0; *done < r->chunk_count && failed == 0; ++*done) {
        if (r->refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
            close_writer(r);
            failed = open_writer(r);
        }
        if (failed == 0) {
            failed = deliver(r, &r->chunk[*done], 1);
        }
        if (failed == -EIO) {
            failed = refuse(r, r->chunk[*done]);
        } else if (failed == 0) {
            r->sent++;
        }
        if (failed != 0) {
            return failed;
        }
    }
    return 0;
}

static int store_position(struct replay *r, int32_t partition, int64_t next)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->dead_topic, partition)->offset = next;
    rd_kafka_resp_err_t failed = rd_kafka_commit(r->reader, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(r->err, "group %s: the position cannot be stored: %s", r->group,
                  rd_kafka_err2str(failed));
        return -EIO;
    }
    return 0;
}

static int send_chunk(struct replay *r, int32_t partition, int64_t end)
{
    size_t done = r->chunk_count;
    if (r->chunk_count == 0) {
        return 0;
    }
    int failed = deliver(r, r->chunk, r->chunk_count);
    if (failed == 0) {
        r->sent += r->chunk_count;
    } else if (failed == -EIO) {
        failed = send_one_by_one(r, &done);
    } else {
        done = 0;
    }
    if (done > 0) {
        int64_t next = r->chunk[done - 1]->offset + 1;
        int unstored = store_position(r, partition, next);
        failed = failed != 0 ? failed : unstored;
        (void)fprintf(r->o->out,
                      "partition %" PRId32 ": replayed up to offset %" PRId64 " of %" PRId64 "\n",
                      partition, next, end);
        (void)fflush(r->o->out); /* progress that cannot be shown stops nothing */
    }
    return failed;
}

static void release_chunk(struct replay *r)
{
    for (size_t i = 0; i < r->chunk_count; i++) {
        rd_kafka_message_destroy(r->chunk[i]);
    }
    r->chunk_count = 0;
}

/* ---- A partition. ---- */

/* Puts a letter into the chunk; past the last one *at becomes end. Owns m. */
static int take(struct replay *r, rd_kafka_message_t *m, int64_t *at, int64_t end)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->offset < end) {
        *at = m->offset + 1;
        r->chunk[r->chunk_count++] = m;
        return 0;
    }
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *at = end; /* what is past it came after the start, or nothing is */
    }
    bool is_lost = m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
    rd_kafka_message_destroy(m);
    if (is_lost) {
        error_set(r->err, "topic %s lost its letters while they were read", r->dead_topic);
    }
    return is_lost ? -EIO : 0;
}

/* Takes letters until the chunk is full or the end is reached (*at is then end). */
static int fill_chunk(struct replay *r, int32_t partition, int64_t *at, int64_t end)
{
    int failed = 0;
    r->heard_ms = clock_mono_ms();
    while (failed == 0 && *at < end && r->chunk_count < REPLAY_CHUNK) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r->reader, 100);
        if (m != NULL && m->partition == partition) {
            r->heard_ms = clock_mono_ms();
            failed = take(r, m, at, end);
        } else if (m != NULL) {
            rd_kafka_message_destroy(m); /* of the partition before, or of none */
        }
        if (failed == 0 && is_over(r)) {
            failed = gave_up(r);
        }
    }
    return failed;
}

static int start_reading(struct replay *r, int32_t partition, int64_t at)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, r->dead_topic, partition)->offset = at;
    rd_kafka_resp_err_t failed = rd_kafka_assign(r->reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(r->err, "topic %s: %s", r->dead_topic, rd_kafka_err2str(failed));
        return -EIO;
    }
    return 0;
}

static int replay_stretch(struct replay *r, int32_t partition, int64_t at, int64_t end)
{
    int failed = start_reading(r, partition, at);
    while (failed == 0 && at < end) {
        failed = fill_chunk(r, partition, &at, end);
        if (failed == 0 && r->o->dry_run) {
            for (size_t i = 0; i < r->chunk_count; i++) {
                list_letter(r, r->chunk[i]);
            }
        } else if (failed == 0) {
            failed = send_chunk(r, partition, end);
        }
        release_chunk(r);
    }
    return failed;
}

/* The stored position and the ends. Without a position, or with one that is gone: the oldest. */
static int find_stretch(struct replay *r, int32_t partition, int64_t *at, int64_t *end)
{
    int64_t low = 0;
    int timeout_ms = (int)r->o->patience_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *stored =
        rd_kafka_topic_partition_list_add(list, r->dead_topic, partition);
    rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(r->reader, r->dead_topic,
                                                                  partition, &low, end, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed = rd_kafka_committed(r->reader, list, timeout_ms);
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed = stored->err;
    }
    *at = stored->offset < low || stored->offset > *end ? low : stored->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(r->err, "topic %s partition %" PRId32 ": %s", r->dead_topic, partition,
                  rd_kafka_err2str(failed));
        return -EIO;
    }
    return 0;
}

/* One partition after the other, from the lowest: when the topic of the letters got more
 * partitions, the letters of an origin went on to a higher one. */
static int replay_all(struct replay *r)
{
    int partitions = 0;
    if (kafka_topic_find(r->reader, r->dead_topic, (int)r->o->patience_ms, &partitions, r->err) !=
        KAFKA_TOPIC_THERE) {
        return -ENOENT;
    }
    int failed = 0;
    for (int32_t i = 0; i < partitions && failed == 0; i++) {
        int64_t at = 0;
        int64_t end = 0;
        failed = find_stretch(r, i, &at, &end);
        if (failed == 0 && at < end) {
            failed = replay_stretch(r, i, at, end);
        }
    }
    (void)fprintf(r->o->out, "%s %" PRIu64 " letters of %s to %s",
                  r->o->dry_run ? "would replay" : "replayed", r->sent, r->dead_topic, r->o->topic);
    (void)fprintf(r->o->out, r->passed_over == 0 ? "\n" : ", passed over %" PRIu64 "\n",
                  r->passed_over);
    return failed;
}

int replay_run(const struct replay_options *options, struct error *err)
{
    struct replay *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return -ENOMEM;
    }
    r->o = options;
    r->err = err;
    (void)snprintf(r->dead_topic, sizeof r->dead_topic, "%s.dlq", options->topic);
    (void)snprintf(r->group, sizeof r->group, "%s.replay", options->group);
    int failed = open_client(r, KAFKA_CONSUMER, &r->reader);
    if (failed == 0) {
        (void)rd_kafka_poll_set_consumer(r->reader); /* fails for producers only */
        failed = open_writer(r);
    }
    if (failed == 0) {
        failed = replay_all(r);
    }
    release_chunk(r);
    close_writer(r);
    if (r->reader != NULL) {
        rd_kafka_destroy_flags(r->reader, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(r);
    return failed;
}
