#include "ingest/publisher.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/journal.h"
#include "ingest/publisher_health.h"
#include "ingest/publisher_lanes.h"
#include "ingest/publisher_sender.h"
#include "ingest/publisher_topic.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PUBLISHER_PAUSE_MS = 250, /* before a new producer, doubling */
    PUBLISHER_PAUSE_MAX_MS = 10000,
    PUBLISHER_ANSWER_MS = 1000, /* how long Kafka has for an answer */
    PUBLISHER_CHECKPOINT_MS = 1000,
    PUBLISHER_HOLD_MS = 1000,      /* a lane whose next record cannot be read or sent */
    PUBLISHER_SLEEP_MAX_MS = 1000, /* should a wake-up ever be missed */
    PUBLISHER_SLEEP_HELD_MS = 100  /* nobody wakes us for a lane that is held */
};

/* What became of the lanes in one turn, the weightier the later. */
enum feed {
    FEED_EMPTY, /* nothing more to read */
    FEED_HELD,  /* a lane has to wait */
    FEED_MORE,  /* there may be more to read at once */
    FEED_FULL   /* goes on when delivery reports come */
};

enum { COUNT_DELIVERED, COUNT_RESENT, COUNT_FAILED, COUNT_REBUILDS, COUNT_COUNT };

struct publisher {
    struct journal *journal;
    char *topic_name;
    struct sender *sender;
    struct lanes lanes;
    struct topic_watch topic;
    struct health health;
    bool has_health;
    struct metric *counts[COUNT_COUNT];
    struct metric own_counts[COUNT_COUNT]; /* in their place without metrics */
    _Atomic uint64_t in_flight;
    _Atomic int replication, min_insync;
    atomic_bool has_ended;
    int wake_fd;
    pthread_t thread;
    _Atomic bool is_stopping;
    _Atomic uint64_t stop_at_ms; /* set before is_stopping */
    /* The thread's own. */
    bool is_dirty; /* settled since the last checkpoint */
    bool is_drained;
    bool has_refused; /* refused is what a producer fell over, or a lane is held for */
    struct sender_failure refused;
    uint64_t refused_at_delivered;
    size_t turn;
    uint64_t pause_ms, open_at_ms, checkpoint_at_ms, disk_failed_ms;
    uint64_t left; /* written before the thread ends */
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
    p->refused_at_delivered = metric_read(p->counts[COUNT_DELIVERED]);
}

static bool is_refused_over(const struct publisher *p)
{
    if (!p->refused.has_record) {
        return metric_read(p->counts[COUNT_DELIVERED]) > p->refused_at_delivered;
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

/* Throws the producer away; the next is made after a pause, and all lanes start again. */
static void give_up_sender(struct publisher *p)
{
    sender_close(p->sender);
    uint64_t now_ms = clock_mono_ms();
    settle(p, now_ms);
    tell_refused(p, sender_failure(p->sender), now_ms);
    lanes_rewind(&p->lanes);
    topic_watch_hurry(&p->topic);
    metric_add(p->counts[COUNT_REBUILDS], 1);
    uint64_t pause_ms = take_pause(p);
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
    if (sender_open(p->sender, &err) != 0) {
        health_fail(&p->health, HEALTH_CONNECTION, err.text, now_ms);
        p->open_at_ms = now_ms + take_pause(p);
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
            metric_add(p->counts[COUNT_RESENT], 1);
        }
        return FEED_MORE;
    case SENDER_FULL:
        return FEED_FULL;
    case SENDER_REFUSED:
        return refuse(p, l, r, err.text);
    case SENDER_BROKEN:
        break;
    }
    return FEED_FULL; /* the next turn sees to it */
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

/* ---- The thread ---- */

static bool may_feed(const struct publisher *p)
{
    return sender_is_open(p->sender) && sender_failure(p->sender) == NULL &&
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

/* Does what there is to do. Returns for how long nothing will be, unless wake_fd says otherwise. */
static int take_turn(struct publisher *p)
{
    uint64_t now_ms = clock_mono_ms();
    open_sender(p, now_ms);
    if (sender_is_open(p->sender)) {
        sender_serve(p->sender);
        settle(p, now_ms);
        if (sender_failure(p->sender) != NULL) {
            give_up_sender(p);
        } else {
            topic_watch_ask(&p->topic, sender_handle(p->sender),
                            within_stop(p, PUBLISHER_ANSWER_MS));
            atomic_store(&p->replication, p->topic.copies.replication);
            atomic_store(&p->min_insync, p->topic.copies.min_insync);
        }
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

static void *run(void *arg)
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
    lanes_fini(&p->lanes);
    atomic_store(&p->has_ended, true);
    return NULL;
}

/* ---- Start, stop, figures ---- */

static double connected_gauge(void *arg)
{
    char reason[HEALTH_TEXT_SIZE];
    struct publisher *p = arg;
    return health_read(&p->health, reason) ? 0 : 1;
}

static double in_flight_gauge(void *arg)
{
    struct publisher *p = arg;
    return (double)atomic_load(&p->in_flight);
}

static int register_metrics(struct publisher *p, struct metrics *m)
{
    static const char *const names[COUNT_COUNT][2] = {
        [COUNT_DELIVERED] = {"playreport_publisher_delivered_records_total",
                             "Records that Kafka has confirmed."},
        [COUNT_RESENT] = {"playreport_publisher_resent_records_total",
                          "Records sent to Kafka whose sequence was sent before in this process, "
                          "and all records of lanes left by an earlier start."},
        [COUNT_FAILED] = {"playreport_publisher_failed_deliveries_total",
                          "Delivery reports with an error, purges of our own left out."},
        [COUNT_REBUILDS] = {"playreport_publisher_rebuilds_total",
                            "Producers thrown away after a failure."},
    };
    for (size_t i = 0; i < COUNT_COUNT; i++) {
        p->counts[i] =
            m == NULL ? &p->own_counts[i] : metrics_counter(m, names[i][0], "", names[i][1]);
        if (p->counts[i] == NULL) {
            return -ENOMEM;
        }
    }
    if (m == NULL) {
        return 0;
    }
    int failed = metrics_gauge(m, "playreport_publisher_in_flight_records", "",
                               "Records handed to Kafka and not reported yet.", in_flight_gauge, p);
    return failed != 0 ? failed
                       : metrics_gauge(m, "playreport_publisher_connected", "",
                                       "1 while nothing stands between the journal and Kafka.",
                                       connected_gauge, p);
}

static void free_publisher(struct publisher *p)
{
    sender_free(p->sender);
    if (p->has_health) {
        health_fini(&p->health);
    }
    if (p->wake_fd >= 0) {
        (void)close(p->wake_fd); /* nothing is written back */
    }
    free(p->topic_name);
    free(p);
}

static int make_parts(struct publisher *p, const struct publisher_options *o)
{
    int failed = health_init(&p->health);
    if (failed != 0) {
        return failed;
    }
    p->has_health = true;
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->wake_fd < 0) {
        return -errno;
    }
    p->topic_name = strdup(o->topic);
    if (p->topic_name == NULL) {
        return -ENOMEM;
    }
    struct kafka_topic_wish wish = {p->topic_name, o->topic_partitions, o->topic_replication,
                                    o->topic_retention_ms};
    topic_watch_init(&p->topic, &wish, o->topic_create, &p->health);
    lanes_init(&p->lanes, p->journal);
    return register_metrics(p, o->metrics);
}

static int open_first_sender(struct publisher *p, const struct publisher_options *o,
                             struct error *err)
{
    const struct sender_options options = {.config = o->config,
                                           .topic = p->topic_name,
                                           .linger_ms = o->linger_ms,
                                           .wake_fd = p->wake_fd,
                                           .health = &p->health,
                                           .delivered = p->counts[COUNT_DELIVERED],
                                           .failed = p->counts[COUNT_FAILED]};
    return sender_new(&p->sender, &options, err);
}

/* Signals are for the main thread: the new one blocks them all. */
static int start_thread(struct publisher *p, struct error *err)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* none of the three fails with such arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&p->thread, NULL, run, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        error_set(err, "the publisher's thread cannot be made: %s", strerrordesc_np(failed));
        return -failed;
    }
    (void)pthread_setname_np(p->thread, "publisher"); /* a name is all it is */
    return 0;
}

int publisher_start(struct publisher **out, const struct publisher_options *options,
                    struct error *err)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    p->journal = options->journal;
    p->wake_fd = -1;
    p->pause_ms = PUBLISHER_PAUSE_MS;
    int failed = make_parts(p, options);
    if (failed != 0) {
        error_set(err, "the publisher cannot be made: %s", strerrordesc_np(-failed));
    } else {
        failed = open_first_sender(p, options, err);
    }
    if (failed == 0) {
        journal_set_wake(p->journal, p->wake_fd);
        failed = start_thread(p, err);
    }
    if (failed != 0) {
        journal_set_wake(p->journal, -1);
        free_publisher(p);
        return failed;
    }
    *out = p;
    return 0;
}

void publisher_drain(struct publisher *p, int64_t drain_ms)
{
    uint64_t drain = drain_ms > 0 ? (uint64_t)drain_ms : 0;
    atomic_store(&p->stop_at_ms, clock_mono_ms() + drain);
    atomic_store(&p->is_stopping, true);
    (void)eventfd_write(p->wake_fd, 1); /* full means that it is awake already */
}

bool publisher_is_drained(const struct publisher *p)
{
    return atomic_load(&p->has_ended);
}

uint64_t publisher_stop(struct publisher *p, int64_t drain_ms)
{
    publisher_drain(p, drain_ms);
    (void)pthread_join(p->thread, NULL); /* made by us, joined once */
    journal_set_wake(p->journal, -1);
    uint64_t left = p->left;
    free_publisher(p);
    return left;
}

void publisher_status(struct publisher *p, struct publisher_status *out)
{
    out->connected = !health_read(&p->health, out->reason);
    out->delivered = metric_read(p->counts[COUNT_DELIVERED]);
    out->in_flight = atomic_load(&p->in_flight);
    out->resent = metric_read(p->counts[COUNT_RESENT]);
    out->replication = atomic_load(&p->replication);
    out->min_insync = atomic_load(&p->min_insync);
}
