#include "ingest/publisher.h"

#include "common/clock.h"
#include "common/kafka_topic.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/journal.h"
#include "ingest/publisher_health.h"
#include "ingest/publisher_lanes.h"
#include "ingest/publisher_sender.h"

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
    PUBLISHER_PAUSE_MS = 250, /* after a failure, doubling */
    PUBLISHER_OPEN_PAUSE_MAX_MS = 10000,
    PUBLISHER_ASK_PAUSE_MAX_MS = 5000,
    PUBLISHER_ASK_MS = 30000,   /* how often the partitions are counted */
    PUBLISHER_ANSWER_MS = 1000, /* how long Kafka has for an answer */
    PUBLISHER_CHECKPOINT_MS = 1000,
    PUBLISHER_HOLD_MS = 1000,      /* a lane whose next record cannot be read or sent */
    PUBLISHER_SLEEP_MAX_MS = 1000, /* should a wake-up ever be missed */
    PUBLISHER_SLEEP_HELD_MS = 100  /* a held lane's own news may not wake us */
};

struct pause {
    uint64_t next_ms, max_ms;
};

/* What became of the lanes in one turn, the graver the later. */
enum feed {
    FEED_EMPTY, /* nothing more to read */
    FEED_HELD,  /* a lane has to wait */
    FEED_MORE,  /* there may be more to read at once */
    FEED_FULL   /* goes on when delivery reports come */
};

enum { COUNT_DELIVERED, COUNT_RESENT, COUNT_FAILED, COUNT_REBUILDS, COUNT_COUNT };

struct publisher {
    struct journal *journal;
    char *topic;
    struct kafka_topic_wish wish;
    bool topic_create;
    struct sender *sender;
    struct lanes lanes;
    struct health health;
    bool has_health;
    struct metric *counts[COUNT_COUNT];
    struct metric own_counts[COUNT_COUNT]; /* in their place without metrics */
    _Atomic uint64_t in_flight;
    int wake_fd;
    pthread_t thread;
    _Atomic bool is_stopping;
    _Atomic uint64_t stop_at_ms; /* set before is_stopping */
    /* The thread's own. */
    int topic_partitions; /* 0 = not known yet */
    bool has_warned;      /* of the topic's settings */
    bool is_dirty;        /* settled since the last checkpoint */
    bool is_drained;
    bool has_refused; /* refused is what the producer fell over */
    struct sender_failure refused;
    uint64_t refused_at_delivered;
    size_t turn;
    struct pause open_pause, ask_pause;
    uint64_t open_at_ms, ask_at_ms, checkpoint_at_ms, disk_failed_ms;
    uint64_t left; /* written before the thread ends */
};

static uint64_t pause_take(struct pause *pause)
{
    uint64_t now_ms = pause->next_ms;
    pause->next_ms = 2 * now_ms < pause->max_ms ? 2 * now_ms : pause->max_ms;
    return now_ms;
}

static void pause_reset(struct pause *pause)
{
    pause->next_ms = PUBLISHER_PAUSE_MS;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_stopping(struct publisher *p)
{
    return atomic_load(&p->is_stopping);
}

/* timeout_ms, or what is left of it until the stop. */
static int within_stop(struct publisher *p, int timeout_ms, uint64_t now_ms)
{
    if (!is_stopping(p)) {
        return timeout_ms;
    }
    uint64_t stop_ms = atomic_load(&p->stop_at_ms);
    uint64_t left_ms = stop_ms > now_ms ? stop_ms - now_ms : 1;
    return (int)min_u64((uint64_t)timeout_ms, left_ms);
}

/* ---- The topic ---- */

static void take_partitions(struct publisher *p, int partitions)
{
    health_clear(&p->health, HEALTH_CONNECTION);
    health_clear(&p->health, HEALTH_TOPIC);
    pause_reset(&p->ask_pause);
    if (partitions != p->topic_partitions) {
        LOG_INFO("topic_found", log_text("topic", p->topic), log_int("partitions", partitions),
                 log_int("partitions_before", p->topic_partitions));
        p->topic_partitions = partitions;
    }
    if (!p->has_warned) {
        p->has_warned = true;
        kafka_topic_warn(sender_handle(p->sender), p->topic, PUBLISHER_ANSWER_MS);
    }
}

static enum kafka_topic_result find_or_create(struct publisher *p, int timeout_ms, int *partitions,
                                              struct error *err)
{
    struct rd_kafka_s *rk = sender_handle(p->sender);
    enum kafka_topic_result result = kafka_topic_find(rk, p->topic, timeout_ms, partitions, err);
    if (result != KAFKA_TOPIC_MISSING) {
        return result;
    }
    if (!p->topic_create) {
        error_set(err, "topic %s does not exist, and topic_create is off", p->topic);
        return result;
    }
    if (kafka_topic_create(rk, &p->wish, timeout_ms, err) != KAFKA_TOPIC_THERE) {
        return KAFKA_TOPIC_MISSING;
    }
    LOG_INFO("topic_created", log_text("topic", p->topic));
    return kafka_topic_find(rk, p->topic, timeout_ms, partitions, err);
}

static void ask_for_topic(struct publisher *p, uint64_t now_ms)
{
    if (health_has(&p->health, HEALTH_CONNECTION) &&
        p->ask_at_ms > now_ms + PUBLISHER_ASK_PAUSE_MAX_MS) {
        p->ask_at_ms = now_ms + pause_take(&p->ask_pause);
    }
    if (now_ms < p->ask_at_ms) {
        return;
    }
    int partitions = 0;
    struct error err = {""};
    int timeout_ms = within_stop(p, PUBLISHER_ANSWER_MS, now_ms);
    enum kafka_topic_result result = find_or_create(p, timeout_ms, &partitions, &err);
    uint64_t answered_ms = clock_mono_ms();
    if (result == KAFKA_TOPIC_THERE) {
        take_partitions(p, partitions);
        p->ask_at_ms = answered_ms + PUBLISHER_ASK_MS;
        return;
    }
    health_fail(&p->health, result == KAFKA_TOPIC_MISSING ? HEALTH_TOPIC : HEALTH_CONNECTION,
                err.text, answered_ms);
    p->ask_at_ms = answered_ms + pause_take(&p->ask_pause);
}

/* ---- Failures ---- */

static void tell_refused(struct publisher *p, const struct sender_failure *f, uint64_t now_ms)
{
    char text[HEALTH_TEXT_SIZE];
    if (f->has_record) {
        (void)snprintf(text, sizeof text,
                       "Kafka did not take record %" PRIu64 " of lane %016" PRIx64 " (%" PRIu32
                       " bytes): %s",
                       f->record.sequence, f->record.lane->lane, f->record.size_bytes, f->reason);
    } else {
        (void)snprintf(text, sizeof text, "the producer gave up: %s", f->reason);
    }
    health_fail(&p->health, HEALTH_REFUSED, text, now_ms);
    p->has_refused = true;
    p->refused = *f;
    p->refused_at_delivered = metric_read(p->counts[COUNT_DELIVERED]);
}

/* The lane stays open and where it is while it has unsettled records. */
static bool is_refused_over(const struct publisher *p)
{
    const struct sender_failure *f = &p->refused;
    return f->has_record ? f->record.lane->settled >= f->record.sequence
                         : metric_read(p->counts[COUNT_DELIVERED]) > p->refused_at_delivered;
}

static void settle(struct publisher *p, uint64_t now_ms)
{
    if (lanes_settle(&p->lanes) && !p->is_dirty) {
        p->is_dirty = true;
        p->checkpoint_at_ms = now_ms + PUBLISHER_CHECKPOINT_MS;
    }
    if (p->has_refused && is_refused_over(p)) {
        p->has_refused = false;
        health_clear(&p->health, HEALTH_REFUSED);
        pause_reset(&p->open_pause);
    }
}

/* Throws the producer away; a new one is made after a pause. */
static void give_up_sender(struct publisher *p)
{
    sender_close(p->sender);
    uint64_t now_ms = clock_mono_ms();
    settle(p, now_ms);
    tell_refused(p, sender_failure(p->sender), now_ms);
    lanes_rewind(&p->lanes);
    metric_add(p->counts[COUNT_REBUILDS], 1);
    uint64_t pause_ms = pause_take(&p->open_pause);
    p->open_at_ms = now_ms + pause_ms;
    p->ask_at_ms = 0;
    LOG_WARN("producer_rebuild", log_uint("pause_ms", pause_ms),
             log_text("reason", p->refused.reason));
}

static void open_sender(struct publisher *p, uint64_t now_ms)
{
    if (sender_is_open(p->sender) || now_ms < p->open_at_ms) {
        return;
    }
    struct error err = {""};
    if (sender_open(p->sender, &err) != 0) {
        health_fail(&p->health, HEALTH_CONNECTION, err.text, now_ms);
        p->open_at_ms = now_ms + pause_take(&p->open_pause);
    }
}

static void fail_disk(struct publisher *p, const char *what, int failed, uint64_t now_ms)
{
    char text[HEALTH_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%s: %s", what, strerror(-failed));
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
    fail_disk(p, "the checkpoint cannot be written", failed, now_ms);
    p->checkpoint_at_ms = now_ms + PUBLISHER_CHECKPOINT_MS;
}

/* ---- From the lanes to Kafka ---- */

static enum feed hold(struct lane *l, uint64_t now_ms)
{
    l->retry_at_ms = now_ms + PUBLISHER_HOLD_MS;
    return FEED_HELD;
}

static enum feed send_record(struct publisher *p, struct lane *l, const struct journal_record *r,
                             uint64_t now_ms)
{
    struct error err = {""};
    switch (sender_send(p->sender, &l->window, r, l->partition_count, &err)) {
    case SENDER_TAKEN:
        if (lane_take(l)) {
            metric_add(p->counts[COUNT_RESENT], 1);
        }
        return FEED_MORE;
    case SENDER_FULL:
        return FEED_FULL;
    case SENDER_REFUSED: {
        struct sender_failure f = {
            .has_record = true,
            .record = {&l->window, r->sequence, (uint32_t)(r->key.len + r->value.len)}};
        (void)snprintf(f.reason, sizeof f.reason, "%.*s", (int)sizeof f.reason - 1, err.text);
        tell_refused(p, &f, now_ms);
        return hold(l, now_ms);
    }
    case SENDER_BROKEN:
        break;
    }
    return FEED_HELD; /* the next turn sees to it */
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
        switch (lane_next(&p->lanes, l, p->topic_partitions, &record, &failed)) {
        case LANE_RECORD:
            fed = send_record(p, l, record, now_ms);
            break;
        case LANE_EMPTY:
            return FEED_EMPTY;
        case LANE_PAUSED:
            return FEED_HELD;
        case LANE_FAILED:
            fail_disk(p, "the journal cannot be read", failed, now_ms);
            return hold(l, now_ms);
        }
    }
    return fed;
}

/* Each turn begins with another lane, so that none starves when the window is full. */
static enum feed feed_lanes(struct publisher *p, uint64_t now_ms)
{
    if (p->lanes.has_old || p->lanes.count == 0) {
        int failed = lanes_refresh(&p->lanes);
        if (failed != 0) {
            fail_disk(p, "the journal's lanes cannot be opened", failed, now_ms);
            return FEED_HELD;
        }
    }
    enum feed worst = FEED_EMPTY;
    p->turn++;
    for (size_t i = 0; i < p->lanes.count && worst != FEED_FULL; i++) {
        struct lane *l = p->lanes.items[(p->turn + i) % p->lanes.count];
        enum feed fed = feed_lane(p, l, now_ms);
        worst = fed > worst ? fed : worst;
    }
    return worst;
}

/* ---- The thread ---- */

static bool may_feed(const struct publisher *p)
{
    return sender_is_open(p->sender) && sender_failure(p->sender) == NULL &&
           p->topic_partitions > 0;
}

/* When stopping: sees whether all is done, and hurries what is not. */
static void drain(struct publisher *p, enum feed fed, uint64_t now_ms)
{
    if (fed != FEED_EMPTY || p->lanes.has_old) {
        return;
    }
    if (sender_in_flight(p->sender) == 0) {
        p->is_drained = true;
        return;
    }
    sender_flush(p->sender, within_stop(p, PUBLISHER_SLEEP_HELD_MS, now_ms));
}

/* How long there is nothing to do; what comes earlier writes to wake_fd. */
static int sleep_ms(struct publisher *p, enum feed fed, uint64_t now_ms)
{
    uint64_t longest_ms = PUBLISHER_SLEEP_MAX_MS;
    if (!may_feed(p) || fed == FEED_HELD || is_stopping(p)) {
        longest_ms = PUBLISHER_SLEEP_HELD_MS;
    } else if (fed == FEED_MORE || (fed == FEED_EMPTY && !journal_prepare_wait(p->journal))) {
        return 0;
    }
    if (p->is_dirty) {
        uint64_t due_ms = p->checkpoint_at_ms > now_ms ? p->checkpoint_at_ms - now_ms : 0;
        longest_ms = min_u64(longest_ms, due_ms);
    }
    return within_stop(p, (int)longest_ms, now_ms);
}

static void sleep_until_woken(struct publisher *p, int timeout_ms)
{
    struct pollfd wake = {.fd = p->wake_fd, .events = POLLIN};
    uint64_t count = 0;
    if (poll(&wake, 1, timeout_ms) > 0) {
        ssize_t got = read(p->wake_fd, &count, sizeof count); /* empties it; why is looked up */
        (void)got;
    }
}

static void serve_sender(struct publisher *p, uint64_t now_ms)
{
    open_sender(p, now_ms);
    if (!sender_is_open(p->sender)) {
        return;
    }
    sender_serve(p->sender);
    if (sender_failure(p->sender) != NULL) {
        give_up_sender(p);
        return;
    }
    ask_for_topic(p, now_ms);
    settle(p, now_ms);
}

static void turn(struct publisher *p)
{
    uint64_t now_ms = clock_mono_ms();
    serve_sender(p, now_ms);
    enum feed fed = may_feed(p) ? feed_lanes(p, now_ms) : FEED_HELD;
    atomic_store(&p->in_flight, sender_in_flight(p->sender));
    write_checkpoint(p, now_ms);
    if (is_stopping(p) && may_feed(p)) {
        drain(p, fed, now_ms);
    }
    if (!p->is_drained) {
        sleep_until_woken(p, sleep_ms(p, fed, now_ms));
    }
}

static bool goes_on(struct publisher *p)
{
    return !is_stopping(p) || (!p->is_drained && clock_mono_ms() < atomic_load(&p->stop_at_ms));
}

static void *run(void *arg)
{
    struct publisher *p = arg;
    while (goes_on(p)) {
        turn(p);
    }
    if (sender_is_open(p->sender)) {
        sender_close(p->sender);
    }
    (void)lanes_settle(&p->lanes);
    int failed = journal_checkpoint(p->journal);
    if (failed != 0) {
        LOG_ERROR("checkpoint_failed", log_text("err", strerror(-failed)));
    }
    struct journal_status status;
    journal_status(p->journal, &status);
    p->left = status.waiting;
    return NULL;
}

/* ---- Start and stop ---- */

static double gauge_in_flight(void *arg)
{
    struct publisher *p = arg;
    return (double)atomic_load(&p->in_flight);
}

static double gauge_connected(void *arg)
{
    struct publisher *p = arg;
    char reason[HEALTH_TEXT_SIZE];
    return health_read(&p->health, reason) ? 0 : 1;
}

static int add_metrics(struct publisher *p, struct metrics *m)
{
    static const char *const rows[COUNT_COUNT][2] = {
        {"playreport_publisher_delivered_records_total", "Records that Kafka has confirmed."},
        {"playreport_publisher_resent_records_total",
         "Records sent before in this process, or left by an earlier start: Kafka may have them."},
        {"playreport_publisher_failed_deliveries_total", "Delivery reports that told a failure."},
        {"playreport_publisher_rebuilds_total", "Producers thrown away and made anew."},
    };
    for (size_t i = 0; i < COUNT_COUNT; i++) {
        p->counts[i] =
            m == NULL ? &p->own_counts[i] : metrics_counter(m, rows[i][0], "", rows[i][1]);
        if (p->counts[i] == NULL) {
            return -ENOMEM;
        }
    }
    if (m == NULL) {
        return 0;
    }
    int failed = metrics_gauge(m, "playreport_publisher_in_flight_records", "",
                               "Records handed on and not yet confirmed.", gauge_in_flight, p);
    return failed != 0 ? failed
                       : metrics_gauge(m, "playreport_publisher_connected", "",
                                       "1 while nothing stands between the journal and Kafka.",
                                       gauge_connected, p);
}

static int open_parts(struct publisher *p, const struct publisher_options *o, struct error *err)
{
    lanes_init(&p->lanes, o->journal);
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->topic = strdup(o->topic);
    if (p->wake_fd < 0 || p->topic == NULL) {
        return -ENOMEM;
    }
    int failed = health_init(&p->health);
    if (failed != 0) {
        return failed;
    }
    p->has_health = true;
    failed = add_metrics(p, o->metrics);
    if (failed != 0) {
        return failed;
    }
    p->wish = (struct kafka_topic_wish){p->topic, o->topic_partitions, o->topic_replication,
                                        o->topic_retention_ms};
    const struct sender_options options = {
        .config = o->config,
        .topic = p->topic,
        .linger_ms = o->linger_ms,
        .wake_fd = p->wake_fd,
        .health = &p->health,
        .delivered = p->counts[COUNT_DELIVERED],
        .failed = p->counts[COUNT_FAILED],
    };
    return sender_new(&p->sender, &options, err);
}

static void publisher_free(struct publisher *p)
{
    sender_free(p->sender);
    lanes_fini(&p->lanes);
    if (p->has_health) {
        health_fini(&p->health);
    }
    if (p->wake_fd >= 0) {
        (void)close(p->wake_fd); /* nothing is lost with an eventfd */
    }
    free(p->topic);
    free(p);
}

/* Signals are the main thread's. */
static int start_thread(struct publisher *p)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&p->thread, NULL, run, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -failed;
}

int publisher_start(struct publisher **out, const struct publisher_options *options,
                    struct error *err)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    p->journal = options->journal;
    p->topic_create = options->topic_create;
    p->wake_fd = -1;
    p->open_pause = (struct pause){PUBLISHER_PAUSE_MS, PUBLISHER_OPEN_PAUSE_MAX_MS};
    p->ask_pause = (struct pause){PUBLISHER_PAUSE_MS, PUBLISHER_ASK_PAUSE_MAX_MS};
    int failed = open_parts(p, options, err);
    if (failed == 0) {
        journal_set_wake(p->journal, p->wake_fd);
        failed = start_thread(p);
    }
    if (failed != 0) {
        journal_set_wake(p->journal, -1);
        publisher_free(p);
        return failed;
    }
    *out = p;
    return 0;
}

uint64_t publisher_stop(struct publisher *p, int64_t drain_ms)
{
    uint64_t one = 1;
    atomic_store(&p->stop_at_ms, clock_mono_ms() + (drain_ms > 0 ? (uint64_t)drain_ms : 0));
    atomic_store(&p->is_stopping, true);
    ssize_t put = write(p->wake_fd, &one, sizeof one); /* full means that it is awake */
    (void)put;
    (void)pthread_join(p->thread, NULL); /* started, or there is no p */
    journal_set_wake(p->journal, -1);
    uint64_t left = p->left;
    publisher_free(p);
    return left;
}

void publisher_status(struct publisher *p, struct publisher_status *out)
{
    out->connected = !health_read(&p->health, out->reason);
    out->delivered = metric_read(p->counts[COUNT_DELIVERED]);
    out->resent = metric_read(p->counts[COUNT_RESENT]);
    out->in_flight = atomic_load(&p->in_flight);
}
