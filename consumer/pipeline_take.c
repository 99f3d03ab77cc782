/* Records to changes: what decodes is counted, what does not is set aside. */
#include "consumer/pipeline_internal.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>

static int set_aside(struct pipeline *p, struct poll_record *r, const char *reason)
{
    poll_read_headers(r);
    int failed = deadletter_send(p->deadletter, r, reason);
    if (failed != 0) {
        return failed;
    }
    uint64_t now_ms = clock_mono_ms();
    bool tell = p->told_dead_at_ms == 0 || now_ms - p->told_dead_at_ms >= PIPELINE_DEAD_TELL_MS;
    p->told_dead_at_ms = tell ? now_ms : p->told_dead_at_ms;
    metric_add(p->figures.dead, 1);
    vitals_dead(p->vitals, reason);
    LOG_AT(tell ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "dead_letter", log_text("reason", reason),
           log_int("partition", r->partition), log_int("offset", r->offset));
    return 0;
}

/* Takes the name of a record that was sent again: no other has a timestamp that is not its ts. */
static bool take_other_name(struct poll_record *r, struct player_event *e)
{
    if ((uint64_t)r->timestamp_ms == e->ts_ms) {
        return true;
    }
    poll_read_headers(r);
    return r->id.data == NULL || (event_id_read(r->id, &e->lane, &e->sequence) && e->sequence > 0);
}

static int count_record(struct pipeline *p, struct poll_record *r)
{
    struct player_event event;
    enum event_decode_result decoded = event_decode(r->value, &event);
    if (decoded != EVENT_DECODE_OK) {
        return set_aside(p, r, event_decode_reason(decoded));
    }
    if (!take_other_name(r, &event)) {
        return set_aside(p, r, "bad_id_header");
    }
    int64_t seen_ms = r->timestamp_ms > 0 ? r->timestamp_ms : (int64_t)event.ts_ms;
    switch (counter_add(p->counter, r->partition, seen_ms, &event)) {
    case COUNTER_COUNTED:
        break;
    case COUNTER_REPEAT:
        metric_add(p->figures.repeats, 1);
        break;
    case COUNTER_REPORTED:
        metric_add(p->figures.reported, 1);
        break;
    case COUNTER_NO_MEMORY:
        return -ENOMEM;
    case COUNTER_STORE_FAILED:
        return -EIO;
    }
    return 0;
}

/* Returns 0, or -errno: then what is held is thrown away and read again. */
static int take(struct pipeline *p, struct poll_record *r)
{
    switch (positions_accept(p->positions, r->partition, r->offset)) {
    case POSITIONS_TAKE:
        break;
    case POSITIONS_DROP: /* counted before, or of a partition that is not ours or does not run */
        return 0;
    case POSITIONS_GAP: /* records before it may still be there: look once more */
        return -ESTALE;
    }
    int failed = count_record(p, r);
    if (failed != 0) {
        return failed;
    }
    positions_move(p->positions, r->partition, r->offset + 1, r->timestamp_ms);
    metric_add(p->figures.records, 1);
    if (p->changed_at_ms == 0) {
        p->changed_at_ms = clock_mono_ms();
    }
    return 0;
}

/* The letters in the way are those of partitions that are held: this one joins them. */
static void hold(struct pipeline *p, int32_t partition)
{
    (void)deadletter_give_up(p->deadletter, partition); /* held whether it has some or not */
    positions_set_state(p->positions, partition, POSITIONS_HELD);
    pipeline_pause_longer(&p->mend_pause);
}

static void take_failed(struct pipeline *p, const struct poll_record *r, int failed)
{
    if (failed == -EIO) { /* told of as any trouble with the store */
        pipeline_store_failed(p);
        pipeline_discard(p);
        return;
    }
    LOG_WARN("batch_read_again",
             log_text("reason", failed == -ESTALE   ? "offsets are missing"
                                : failed == -EAGAIN ? "the queue of dead letters is full"
                                                    : strerror(-failed)),
             log_int("partition", r->partition), log_int("offset", r->offset));
    if (failed == -EAGAIN) {
        hold(p, r->partition);
    } else if (failed != -ESTALE) {
        pipeline_pause_longer(&p->store_pause);
    }
    pipeline_discard(p);
}

static bool is_full(const struct pipeline *p)
{
    return counter_size(p->counter) >= PIPELINE_KEYS_MAX || deadletter_is_due(p->deadletter);
}

void pipeline_take(struct pipeline *p, size_t count)
{
    for (size_t i = 0; i < count && !p->must_load; i++) {
        int failed = take(p, &p->records[i]);
        if (failed != 0) {
            take_failed(p, &p->records[i], failed);
        } else if (!p->frozen && is_full(p)) {
            (void)pipeline_flush(p); /* what did not go through is tried again by the loop */
        }
    }
    struct counter_figures figures = counter_take_figures(p->counter);
    metric_add(p->figures.joined, figures.joined_intervals);
    metric_add(p->figures.future, figures.future_events);
}
