#include "ingest/publisher_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "ingest/journal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PUBLISHER_PAUSE_MAX_MS = 10000,
    PUBLISHER_ANSWER_MS = 1000, /* how long Kafka has for an answer */
    PUBLISHER_CHECKPOINT_MS = 1000,
    PUBLISHER_HOLD_MS = 1000,      /* a lane whose next record cannot be read or sent */
    PUBLISHER_SLEEP_MAX_MS = 1000, /* should a wake-up ever be missed */
    PUBLISHER_SLEEP_HELD_MS = 100, /* nobody wakes us for a lane that is held */
    PUBLISHER_HURRY_MS = 10        /* for a partition's first record to be stored */
};

/* What became of the lanes in one turn, the weightier the later. */
enum feed {
    FEED_EMPTY, /* nothing more to read */
    FEED_HELD,  /* a lane has to wait */
    FEED_MORE,  /* there may be more to read at once */
    FEED_FULL   /* goes on when delivery reports come */
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_stopping(struct publisher *p)
{
    return atomic_load(&p->is_stopping);
}

/* timeout_ms, or what is left of it until the stop. */
static int within_stop(struct publisher *p, int timeout_ms)
{
    if (!is_stopping(p)) {
        return timeout_ms;
    }
    uint64_t now_ms = clock_mono_ms();
    uint64_t stop_ms = atomic_load(&p->stop_at_ms);
    return stop_ms > now_ms ? (int)min_u64((uint64_t)timeout_ms, stop_ms - now_ms) : 1;
}

/* ---- Failures ---- */

static uint64_t take_pause(struct publisher *p)
{
    uint64_t pause_ms = p->pause_ms;
    p->pause_ms = min_u64(2 * pause_ms, PUBLISHER_PAUSE_MAX_MS);
    return pause_ms;
}

static void tell_refused(struct publisher *p, const struct sender_failure *f, uint64_t now_ms)
{
    char text[HEALTH_TEXT_SIZE];
    if (f->has_record) {
        (void)snprintf(text, sizeof text,
                       "record %" PRIu64 " of lane %016" PRIx64 " (%" PRIu32
                       " bytes) was not taken: %s",
                       f->sequence, f->lane, f->size_bytes, f->reason);
    } else {
        (void)snprintf(text, sizeof text, "the producer gave up: %s", f->reason);
    }
    health_fail(&p->health, HEALTH_REFUSED, text, now_ms);
    p->has_refused = true;
    p->refused = *f;
    p->refused_at_delivered = counts_read(&p->counts, COUNT_DELIVERED);
}

static bool is_refused_over(const struct publisher *p)
{
    if (!p->refused.has_record) {
        return counts_read(&p->counts, COUNT_DELIVERED) > p->refused_at_delivered;
    }
    const struct lane *l = lanes_find(&p->lanes, p->refused.lane);
    return l == NULL || l->window.settled >= p->refused.sequence;
}

static void settle(struct publisher *p, uint64_t now_ms)
{
    if (lanes_settle(&p->lanes) && !p->is_dirty) {
        p->is_dirty = true;
        p->checkpoint_at_ms = now_ms + PUBLISHER_CHECKPOINT_MS;
    }
    if (p->has_refused && is_refused_over(p)) {
        p->has_refused = false;
        p->pause_ms = PUBLISHER_PAUSE_MS;
        health_clear(&p->health, HEALTH_REFUSED);
    }
}

/*
 * Throws the producer away; the next is made after a pause, and all lanes start again. Kafka that
 * refuses a record is there: then the pause does not grow.
 */
static void give_up_sender(struct publisher *p)
{
    sender_close(p->sender);
    uint64_t now_ms = clock_mono_ms();
    settle(p, now_ms);
    tell_refused(p, sender_failure(p->sender), now_ms);
    bool any = lanes_take_refused(&p->lanes, p->is_careful, p->refused.reason);
    lanes_rewind(&p->lanes);
    topic_watch_hurry(&p->topic);
    counts_add(&p->counts, COUNT_REBUILDS);
    uint64_t pause_ms = any ? PUBLISHER_PAUSE_MS : take_pause(p);
    p->open_at_ms = now_ms + pause_ms;
    LOG_WARN("producer_rebuild", log_text("reason", p->refused.reason),
             log_uint("pause_ms", pause_ms));
}

static void open_sender(struct publisher *p, uint64_t now_ms)
{
    if (sender_is_open(p->sender) || now_ms < p->open_at_ms) {
        return;
    }
    struct error err = {""};
    p->is_careful = lanes_need_care(&p->lanes);
    const struct sender_mode mode = {.one_by_one = p->is_careful,
                                     .batch_max_bytes = p->topic.traits.message_max_bytes};
    if (sender_open(p->sender, &mode, &err) != 0) {
        health_fail(&p->health, HEALTH_CONNECTION, err.text, now_ms);
        p->open_at_ms = now_ms + take_pause(p);
    }
}

/* Whether a careful producer has done its work: nothing more is sent through it. */
static bool is_retiring(const struct publisher *p)
{
    return p->is_careful && !lanes_need_care(&p->lanes);
}

/* Back to full batches, once nothing is in flight: all that was sent is delivered then. */
static void retire_sender(struct publisher *p, uint64_t now_ms)
{
    if (is_retiring(p) && sender_in_flight(p->sender) == 0) {
        sender_close(p->sender);
        p->open_at_ms = now_ms;
        open_sender(p, now_ms);
    }
}

static void fail_disk(struct publisher *p, const char *what, int failed, uint64_t now_ms)
{
    char text[HEALTH_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%s: %s", what, strerrordesc_np(-failed));
    health_fail(&p->health, HEALTH_JOURNAL, text, now_ms);
    p->disk_failed_ms = now_ms;
}

static void write_checkpoint(struct publisher *p, uint64_t now_ms)
{
    if (!p->is_dirty || now_ms < p->checkpoint_at_ms) {
        return;
    }
    int failed = journal_checkpoint(p->journal);
    if (failed == 0) {
        p->is_dirty = false;
        return;
    }
    fail_disk(p, "the journal's checkpoint cannot be written", failed, now_ms);
    p->checkpoint_at_ms = now_ms + PUBLISHER_CHECKPOINT_MS;
}

/* ---- From the lanes to Kafka ---- */

static enum feed hold(struct lane *l, uint64_t now_ms)
{
    l->retry_at_ms = now_ms + PUBLISHER_HOLD_MS;
    return FEED_HELD;
}

static enum feed refuse(struct publisher *p, struct lane *l, const struct journal_record *r,
                        const char *reason)
{
    struct sender_failure f = {.has_record = true,
                               .lane = l->id,
                               .sequence = r->sequence,
                               .size_bytes = (uint32_t)(r->key.len + r->value.len)};
    (void)snprintf(f.reason, sizeof f.reason, "%.*s", (int)sizeof f.reason - 1, reason);
    uint64_t now_ms = clock_mono_ms();
    tell_refused(p, &f, now_ms);
    return hold(l, now_ms);
}

static enum feed send_record(struct publisher *p, struct lane *l, const struct journal_record *r)
{
    struct error err;
    switch (sender_send(p->sender, &l->window, r, l->partition_count, &err)) {
    case SENDER_TAKEN:
        if (lane_take(l)) {
            counts_add(&p->counts, COUNT_RESENT);
        }
        return FEED_MORE;
    case SENDER_FULL:
        return FEED_FULL;
    case SENDER_HELD:
        sender_flush(p->sender, within_stop(p, PUBLISHER_HURRY_MS));
        return FEED_HELD;
    case SENDER_TOO_LARGE:
        lane_kill(l, err.text);
        return FEED_MORE;
    case SENDER_REFUSED:
        return refuse(p, l, r, err.text);
    case SENDER_BROKEN:
        break;
    }
    return FEED_FULL; /* the next turn sees to it */
}

/* Sets a dead record aside. What stands before it in its lane must be delivered first. */
static enum feed bury(struct publisher *p, struct lane *l, const struct journal_record *r)
{
    if (!window_lane_is_empty(&l->window)) {
        return FEED_HELD;
    }
    const struct letter letter = {l->id, r, sender_partition(r->key, l->partition_count),
                                  l->dead_reason};
    if (!letters_send(p->letters, &letter, within_stop(p, PUBLISHER_ANSWER_MS))) {
        return FEED_HELD;
    }
    lane_bury(l);
    counts_add(&p->counts, COUNT_DEAD);
    uint64_t now_ms = clock_mono_ms();
    settle(p, now_ms);
    p->checkpoint_at_ms = now_ms; /* a letter that is not on record as sent is sent again */
    return FEED_MORE;
}

static enum feed feed_lane(struct publisher *p, struct lane *l, uint64_t now_ms)
{
    if (now_ms < l->retry_at_ms) {
        return FEED_HELD;
    }
    enum feed fed = FEED_MORE;
    for (size_t i = 0; i < LANES_READ_MAX && fed == FEED_MORE; i++) {
        const struct journal_record *record = NULL;
        int failed = 0;
        switch (lane_next(&p->lanes, l, p->topic.partitions, &record, &failed)) {
        case LANE_RECORD:
            fed = send_record(p, l, record);
            break;
        case LANE_DEAD:
            fed = bury(p, l, record);
            break;
        case LANE_EMPTY:
            return FEED_EMPTY;
        case LANE_PAUSED:
            return FEED_HELD;
        case LANE_FAILED:
            fail_disk(p, "the journal cannot be read or marked", failed, now_ms);
            return hold(l, now_ms);
        }
    }
    return fed;
}

/* Each turn begins with another lane, so that none starves while the window is full. */
static enum feed feed_lanes(struct publisher *p, uint64_t now_ms)
{
    if (p->lanes.has_old || p->lanes.count == 0) {
        int failed = lanes_refresh(&p->lanes);
        if (failed != 0) {
            fail_disk(p, "the journal's lanes cannot be opened", failed, now_ms);
            return FEED_HELD;
        }
    }
    enum feed fed = FEED_EMPTY;
    p->turn++;
    for (size_t i = 0; i < p->lanes.count && fed != FEED_FULL; i++) {
        enum feed one = feed_lane(p, p->lanes.items[(p->turn + i) % p->lanes.count], now_ms);
        fed = one > fed ? one : fed;
    }
    return fed;
}

/* ---- The thread's turns ---- */

static bool may_feed(const struct publisher *p)
{
    return sender_is_open(p->sender) && sender_failure(p->sender) == NULL && !is_retiring(p) &&
           p->topic.partitions > 0;
}

/* When stopping, with all read: hurries what is in flight, and sees when nothing is left. */
static void drain(struct publisher *p)
{
    if (sender_in_flight(p->sender) > 0) {
        sender_flush(p->sender, within_stop(p, PUBLISHER_SLEEP_HELD_MS));
    } else if (!p->lanes.has_old) {
        p->is_drained = true;
    }
}

static int sleep_ms(struct publisher *p, enum feed fed)
{
    if (sender_failure(p->sender) != NULL && sender_is_open(p->sender)) {
        return 0;
    }
    uint64_t now_ms = clock_mono_ms();
    uint64_t until_ms = now_ms + PUBLISHER_SLEEP_MAX_MS;
    if (may_feed(p)) {
        if (fed == FEED_MORE ||
            (fed == FEED_EMPTY && (is_stopping(p) || !journal_prepare_wait(p->journal)))) {
            return 0;
        }
        if (fed == FEED_HELD || (fed == FEED_FULL && sender_in_flight(p->sender) == 0)) {
            until_ms = now_ms + PUBLISHER_SLEEP_HELD_MS;
        }
    }
    until_ms = min_u64(until_ms, sender_is_open(p->sender) ? p->topic.ask_at_ms : p->open_at_ms);
    if (p->is_dirty) {
        until_ms = min_u64(until_ms, p->checkpoint_at_ms);
    }
    if (is_stopping(p)) {
        until_ms = min_u64(until_ms, atomic_load(&p->stop_at_ms));
    }
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void serve_sender(struct publisher *p, uint64_t now_ms)
{
    if (sender_is_open(p->sender)) {
        sender_serve(p->sender);
        settle(p, now_ms);
        if (sender_failure(p->sender) != NULL) {
            give_up_sender(p);
        } else {
            retire_sender(p, now_ms);
        }
    }
    if (sender_is_open(p->sender)) {
        topic_watch_ask(&p->topic, sender_handle(p->sender), within_stop(p, PUBLISHER_ANSWER_MS));
        atomic_store(&p->replication, p->topic.traits.replication);
        atomic_store(&p->min_insync, p->topic.traits.min_insync);
    }
}

/* Does what there is to do. Returns for how long nothing will be, unless wake_fd says otherwise. */
static int take_turn(struct publisher *p)
{
    uint64_t now_ms = clock_mono_ms();
    open_sender(p, now_ms);
    serve_sender(p, now_ms);
    if (!p->is_careful && !lanes_have_dead(&p->lanes)) {
        letters_rest(p->letters);
    }
    enum feed fed = may_feed(p) ? feed_lanes(p, clock_mono_ms()) : FEED_HELD;
    if (fed == FEED_EMPTY && is_stopping(p)) {
        drain(p);
    }
    write_checkpoint(p, now_ms);
    if (now_ms > p->disk_failed_ms + 2 * PUBLISHER_HOLD_MS) {
        health_clear(&p->health, HEALTH_JOURNAL);
    }
    atomic_store(&p->in_flight, sender_in_flight(p->sender));
    return sleep_ms(p, fed);
}

static bool is_over(struct publisher *p)
{
    return is_stopping(p) && (p->is_drained || clock_mono_ms() >= atomic_load(&p->stop_at_ms));
}

static void wait_for_news(struct publisher *p, int timeout_ms)
{
    struct pollfd wake = {.fd = p->wake_fd, .events = POLLIN};
    if (poll(&wake, 1, timeout_ms) == 1) {
        uint64_t value;
        (void)!read(p->wake_fd, &value, sizeof value); /* how often does not matter */
    }
}

void *publisher_run(void *arg)
{
    struct publisher *p = arg;
    while (!is_over(p)) {
        wait_for_news(p, take_turn(p));
    }
    sender_close(p->sender);
    (void)lanes_settle(&p->lanes); /* the checkpoint is written in any case */
    int failed = journal_checkpoint(p->journal);
    if (failed != 0) {
        fail_disk(p, "the journal's last checkpoint cannot be written", failed, clock_mono_ms());
    }
    if (!p->is_drained) {
        struct journal_status status;
        journal_status(p->journal, &status);
        p->left = status.waiting;
    }
    letters_rest(p->letters);
    lanes_fini(&p->lanes);
    atomic_store(&p->has_ended, true);
    return NULL;
}
