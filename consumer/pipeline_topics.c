/* What is not as it should be in Kafka: topics that are missing, partitions that cannot go on. */
#include "consumer/pipeline_internal.h"

#include "common/clock.h"
#include "common/kafka_topic.h"
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>

/* Fills in *partitions on KAFKA_TOPIC_THERE. */
static enum kafka_topic_result ensure(struct pipeline *p, struct rd_kafka_s *rk, const char *name,
                                      int timeout_ms, int *partitions, struct error *err)
{
    const struct kafka_topic_wish wish = {name, p->o.topic_partitions, p->o.topic_replication,
                                          PIPELINE_RETENTION_MS};
    enum kafka_topic_result r = kafka_topic_find(rk, name, timeout_ms, partitions, err);
    if (r != KAFKA_TOPIC_MISSING || !p->o.topic_create) {
        return r;
    }
    r = kafka_topic_create(rk, &wish, timeout_ms, err);
    return r == KAFKA_TOPIC_THERE ? kafka_topic_find(rk, name, timeout_ms, partitions, err) : r;
}

bool pipeline_await_topic(struct pipeline *p)
{
    bool told = false;
    while (!atomic_load(&p->stop)) {
        struct error err = {""};
        int partitions = 0;
        if (ensure(p, poll_handle(p->poll), p->o.topic, PIPELINE_TOPIC_TRY_MS, &partitions, &err) ==
            KAFKA_TOPIC_THERE) {
            p->topic_partitions = (uint64_t)partitions;
            return true;
        }
        if (!told) {
            LOG_WARN("topic_not_there", log_text("topic", p->o.topic), log_text("err", err.text));
            told = true;
        }
        /* not joined yet, so no record comes: only a pause in which Kafka's errors are heard */
        (void)poll_records(p->poll, p->records, PIPELINE_BATCH, PIPELINE_ASK_MS, true);
    }
    return false;
}

void pipeline_ensure_dead_topic(struct pipeline *p, int timeout_ms)
{
    struct error err = {""};
    int partitions = 0;
    if (ensure(p, deadletter_handle(p->deadletter), p->dead_topic, timeout_ms, &partitions, &err) !=
        KAFKA_TOPIC_THERE) {
        LOG_WARN("topic_not_there", log_text("topic", p->dead_topic), log_text("err", err.text),
                 log_text("action", "partitions with records to set aside will wait for it"));
    }
}

/* ---- Positions that the topic does not have. ---- */

static void stop_partition(struct pipeline *p, const struct positions_view *v, int64_t low,
                           int64_t high)
{
    positions_set_state(p->positions, v->partition, POSITIONS_STOPPED);
    metric_add(p->figures.out_of_range, 1);
    (void)snprintf(p->stopped, sizeof p->stopped,
                   "topic %s partition %" PRId32 " stands still: its position is %" PRId64
                   ", the topic has %" PRId64 " to %" PRId64 ". If the records between are gone, "
                   "accept_offset_jump=on goes on with what there is; if the topic was made anew, "
                   "raise topic_epoch",
                   p->o.topic, v->partition, v->next, low, high);
    LOG_ERROR("offset_out_of_range", log_text("topic", p->o.topic),
              log_int("partition", v->partition), log_int("position", v->next), log_int("low", low),
              log_int("high", high), log_text("action", p->stopped));
}

/*
 * To the oldest record there is. For a position past the end too: which of the records are new
 * cannot be told by their offsets, but the marks drop those that were counted.
 */
static void jump(struct pipeline *p, const struct positions_view *v, int64_t low, int64_t high)
{
    int64_t skipped = low > v->next ? low - v->next : 0;
    metric_add(p->figures.jumped, (uint64_t)skipped);
    LOG_WARN("offset_jumped", log_text("topic", p->o.topic), log_int("partition", v->partition),
             log_int("position", v->next), log_int("low", low), log_int("high", high),
             log_int("skipped", skipped));
    positions_jump(p->positions, v->partition, low);
    if (pipeline_flush(p)) { /* else it is still lost, and looked into again */
        positions_set_state(p->positions, v->partition, POSITIONS_RUNNING);
        pipeline_discard(p);
    }
}

static void mend_lost(struct pipeline *p, const struct positions_view *v)
{
    int64_t low = -1;
    int64_t high = -1;
    if (poll_watermarks(p->poll, v->partition, PIPELINE_ASK_MS, &low, &high) != 0) {
        return; /* Kafka is away: asked again */
    }
    if (v->next >= 0 && (v->next < low || v->next > high)) {
        if (p->o.accept_offset_jump) {
            jump(p, v, low, high);
        } else {
            stop_partition(p, v, low, high);
        }
        return;
    }
    /* It has it after all, as after a change of leader; or there is none, and the start moved. */
    positions_set_state(p->positions, v->partition, POSITIONS_RUNNING);
    pipeline_discard(p);
}

/* ---- Partitions held for their letters. ---- */

static void mend_held(struct pipeline *p, const struct positions_view *v)
{
    if (!deadletter_is_idle(p->deadletter, v->partition)) {
        return;
    }
    LOG_INFO("partition_resumed", log_int("partition", v->partition));
    positions_set_state(p->positions, v->partition, POSITIONS_RUNNING);
    pipeline_discard(p);
}

void pipeline_mend(struct pipeline *p)
{
    size_t lost = positions_in_state(p->positions, POSITIONS_LOST);
    size_t held = positions_in_state(p->positions, POSITIONS_HELD);
    if (lost + held == 0 || p->must_load || p->frozen || !pipeline_pause_is_over(&p->mend_pause)) {
        return;
    }
    pipeline_pause_longer(&p->mend_pause);
    if (held > 0) {
        pipeline_ensure_dead_topic(p, PIPELINE_ASK_MS);
    }
    for (size_t i = 0; i < positions_count(p->positions) && !p->frozen; i++) {
        struct positions_view v = positions_at(p->positions, i);
        if (v.state == POSITIONS_LOST) {
            mend_lost(p, &v);
        } else if (v.state == POSITIONS_HELD) {
            mend_held(p, &v);
        }
    }
}
