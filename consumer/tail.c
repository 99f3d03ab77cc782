#include "consumer/tail.h"

#include "common/clock.h"
#include "common/event_json.h"
#include "common/kafka_conf.h"
#include "common/kafka_topic.h"
#include "common/text.h"
#include "consumer/query_time.h"

#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 100,
    RECORDS_BETWEEN_LOOKS = 256,   /* whether it is to end */
    PARTITIONS_LOOK_MS = 10 * 1000 /* how often who follows looks for partitions that were added */
};

struct place {
    int64_t next, end; /* offsets; end: of what was there at the start */
    bool is_open;
};

struct tail {
    const struct tail_options *o;
    rd_kafka_t *rk;
    struct place *places;
    int partitions;
    int open; /* of them; 0 when nothing is left to read */
    struct buffer line;
    uint64_t heard_ms, looked_ms;
    unsigned records;
    struct error *err;
};

bool tail_from_read(struct slice text, bool follow, int64_t now_ms, struct tail_from *out)
{
    static const char offset[] = "offset:";
    const size_t len = sizeof offset - 1;
    struct query_edge edge;
    uint64_t number = 0;
    if (text.len == 0 || slice_is(text, "now")) {
        bool is_newest = text.len > 0 || follow;
        *out = (struct tail_from){is_newest ? TAIL_NEWEST : TAIL_OLDEST, 0};
        return true;
    }
    if (text.len > len && memcmp(text.data, offset, len) == 0) {
        struct slice digits = slice_make(text.data + len, text.len - len);
        *out = (struct tail_from){TAIL_OFFSET, 0};
        bool is_good = text_parse_uint(digits, INT64_MAX, &number);
        out->number = (int64_t)number;
        return is_good;
    }
    if (!query_time_read(text, now_ms, &edge)) {
        return false;
    }
    *out = edge.kind == QUERY_EDGE_OPEN ? (struct tail_from){TAIL_OLDEST, 0}
                                        : (struct tail_from){TAIL_TIME, edge.ms};
    return true;
}

/* ---- Where to begin and to end. ---- */

static int partition_failed(struct tail *t, int partition, rd_kafka_resp_err_t failed)
{
    error_set(t->err, "topic %s partition %d: %s", t->o->topic, partition,
              rd_kafka_err2str(failed));
    return -EIO;
}

/* The first offset whose record is not older; the end when all are. */
static rd_kafka_resp_err_t find_time(struct tail *t, int partition, int64_t end, int64_t *out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_add(list, t->o->topic, partition);
    at->offset = t->o->from.number;
    rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(t->rk, list, (int)t->o->patience_ms);
    failed = failed == RD_KAFKA_RESP_ERR_NO_ERROR ? at->err : failed;
    *out = at->offset < 0 ? end : at->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return failed;
}

static int find_place(struct tail *t, int partition, struct tail_from from)
{
    struct place *p = &t->places[partition];
    int64_t low = 0;
    rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
        t->rk, t->o->topic, partition, &low, &p->end, (int)t->o->patience_ms);
    p->next = from.kind == TAIL_NEWEST ? p->end : from.kind == TAIL_OFFSET ? from.number : low;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR && from.kind == TAIL_TIME) {
        failed = find_time(t, partition, p->end, &p->next);
    }
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return partition_failed(t, partition, failed);
    }
    p->next = p->next < low ? low : p->next > p->end ? p->end : p->next;
    p->is_open = t->o->follow || p->next < p->end;
    t->open += p->is_open;
    return 0;
}

/* Reads on where the places are. */
static int assign(struct tail *t)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(t->partitions);
    for (int i = 0; i < t->partitions; i++) {
        if (t->places[i].is_open) {
            rd_kafka_topic_partition_list_add(list, t->o->topic, i)->offset = t->places[i].next;
        }
    }
    rd_kafka_resp_err_t failed = rd_kafka_assign(t->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error_set(t->err, "topic %s: %s", t->o->topic, rd_kafka_err2str(failed));
        return -EIO;
    }
    return 0;
}

/* Takes in the partitions from t->partitions on, up to count. */
static int add_partitions(struct tail *t, int count, struct tail_from from)
{
    struct place *places = realloc(t->places, (size_t)count * sizeof places[0]);
    if (places == NULL) {
        return -ENOMEM;
    }
    t->places = places;
    int failed = 0;
    while (t->partitions < count && failed == 0) {
        int partition = t->partitions++;
        places[partition] = (struct place){0, 0, false};
        if (t->o->partition < 0 || t->o->partition == partition) {
            failed = find_place(t, partition, from);
        }
    }
    return failed != 0 ? failed : assign(t);
}

static int start(struct tail *t)
{
    int partitions = 0;
    enum kafka_topic_result found =
        kafka_topic_find(t->rk, t->o->topic, (int)t->o->patience_ms, &partitions, t->err);
    if (found != KAFKA_TOPIC_THERE) {
        return -ENOENT;
    }
    if (t->o->partition >= partitions) {
        error_set(t->err, "partition=%" PRId64 ": topic %s has the partitions 0 to %d",
                  t->o->partition, t->o->topic, partitions - 1);
        return -EINVAL;
    }
    t->looked_ms = clock_mono_ms();
    return add_partitions(t, partitions, t->o->from);
}

/* What is in partitions that were added is all new. Kafka that is away for now stops nothing. */
static int look_for_partitions(struct tail *t)
{
    struct error unheard = {""};
    int partitions = 0;
    if (clock_mono_ms() - t->looked_ms < PARTITIONS_LOOK_MS) {
        return 0;
    }
    t->looked_ms = clock_mono_ms();
    bool is_there = kafka_topic_find(t->rk, t->o->topic, POLL_MS * 10, &partitions, &unheard) ==
                    KAFKA_TOPIC_THERE;
    return is_there && partitions > t->partitions
               ? add_partitions(t, partitions, (struct tail_from){TAIL_OLDEST, 0})
               : 0;
}

/* ---- The lines. ---- */

/* Returns 0, or -errno of writing. */
static int write_line(struct tail *t)
{
    buffer_append_char(&t->line, '\n');
    if (buffer_failed(&t->line)) {
        return -ENOMEM;
    }
    errno = 0;
    return fwrite(t->line.data, 1, t->line.len, t->o->out) == t->line.len ? 0 : -errno;
}

static int show(struct tail *t, const rd_kafka_message_t *m)
{
    struct player_event event;
    enum event_decode_result result = event_decode(slice_make(m->payload, m->len), &event);
    if (result != EVENT_DECODE_OK) {
        (void)fprintf(t->o->notes, "%s partition %" PRId32 " offset %" PRId64 ": no event: %s\n",
                      t->o->topic, m->partition, m->offset, event_decode_reason(result));
        return 0;
    }
    if (!tail_filter_passes(t->o->filter, &event)) {
        return 0;
    }
    buffer_reset(&t->line);
    event_append_json(&t->line, &event);
    return write_line(t);
}

static void close_place(struct tail *t, int32_t partition)
{
    if (!t->o->follow && t->places[partition].is_open) {
        t->places[partition].is_open = false;
        t->open--;
    }
}

/* The records at the place were deleted, as the topic keeps them for a time only. */
static int go_on_with_oldest(struct tail *t, int32_t partition)
{
    (void)fprintf(t->o->notes,
                  "%s partition %" PRId32 " offset %" PRId64
                  ": is gone; going on with the oldest there is\n",
                  t->o->topic, partition, t->places[partition].next);
    t->open -= t->places[partition].is_open;
    int failed = find_place(t, partition, (struct tail_from){TAIL_OLDEST, 0});
    return failed != 0 ? failed : assign(t);
}

static int take_record(struct tail *t, const rd_kafka_message_t *m)
{
    struct place *p = &t->places[m->partition];
    int failed = 0;
    p->next = m->offset + 1;
    if (t->o->follow || m->offset < p->end) {
        failed = show(t, m);
    }
    if (p->next >= p->end) {
        close_place(t, m->partition);
    }
    return failed;
}

static int take(struct tail *t, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        t->heard_ms = clock_mono_ms();
        return take_record(t, m);
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) { /* at the end there may be a marker */
        close_place(t, m->partition);
        return 0;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return go_on_with_oldest(t, m->partition);
    }
    /* librdkafka tries again; patience ends it */
    (void)fprintf(t->o->notes, "topic %s: %s\n", t->o->topic, rd_kafka_message_errstr(m));
    return 0;
}

/* Nothing came for a while. */
static int idle(struct tail *t)
{
    errno = 0;
    if (fflush(t->o->out) != 0) {
        return -errno;
    }
    if (t->o->follow) {
        return look_for_partitions(t);
    }
    if (clock_mono_ms() - t->heard_ms > (uint64_t)t->o->patience_ms) {
        error_set(t->err, "no answer from Kafka for %" PRId64 " s; run it again when it is back",
                  t->o->patience_ms / 1000);
        return -ETIMEDOUT;
    }
    return 0;
}

static int read_all(struct tail *t)
{
    int failed = 0;
    bool is_idle = true;
    t->heard_ms = clock_mono_ms();
    while (failed == 0 && t->open > 0) {
        if ((is_idle || t->records++ % RECORDS_BETWEEN_LOOKS == 0) && t->o->is_ended(t->o->arg)) {
            break;
        }
        rd_kafka_message_t *m = rd_kafka_consumer_poll(t->rk, POLL_MS);
        is_idle = m == NULL;
        if (m != NULL) {
            failed = take(t, m);
            rd_kafka_message_destroy(m);
        } else {
            failed = idle(t);
        }
    }
    errno = 0;
    return failed != 0 ? failed : fflush(t->o->out) == 0 ? 0 : -errno;
}

static int open_reader(struct tail *t)
{
    rd_kafka_conf_t *conf = NULL;
    char reason[256];
    /* librdkafka wants a group; none is joined, and nothing stored in it */
    int failed = kafka_conf_make(&conf, KAFKA_CONSUMER, "playreport-tail", "playreport.tail",
                                 t->o->config, t->err);
    if (failed != 0) {
        return failed;
    }
    /* name and value are right, so it does not fail */
    (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", reason, sizeof reason);
    t->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (t->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(t->err, "kafka: %s", reason);
        return -EINVAL;
    }
    (void)rd_kafka_poll_set_consumer(t->rk); /* fails for producers only */
    return 0;
}

int tail_run(const struct tail_options *options, struct error *err)
{
    struct tail t = {.o = options, .err = err};
    buffer_init(&t.line);
    int failed = open_reader(&t);
    failed = failed != 0 ? failed : start(&t);
    failed = failed != 0 ? failed : read_all(&t);
    if (t.rk != NULL) {
        rd_kafka_destroy_flags(t.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    buffer_fini(&t.line);
    free(t.places);
    return failed == -EPIPE ? 0 : failed;
}
