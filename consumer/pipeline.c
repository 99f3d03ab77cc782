#include "consumer/pipeline.h"

#include "common/clock.h"
#include "common/kafka_topic.h"
#include "common/log.h"
#include "common/metrics.h"
#include "consumer/counter.h"
#include "consumer/deadletter.h"
#include "consumer/poll.h"
#include "consumer/positions.h"
#include "consumer/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PIPELINE_BATCH = 4096,         /* records taken between two looks at the clock */
    PIPELINE_KEYS_MAX = 50000,     /* a flush by size: changed rows held in memory */
    PIPELINE_IDLE_MS = 250,        /* the longest wait for records: a stop is seen within it */
    PIPELINE_STALL_MS = 200,       /* between two tries of a flush that did not go through */
    PIPELINE_DEADLETTER_MS = 5000, /* waited for dead letters in one flush */
    PIPELINE_TOPIC_TRY_MS = 5000,  /* waited for an answer about the topic */
    PIPELINE_TOPIC_PAUSE_MS = 1000,
    PIPELINE_MARK_SWEEP_MS = 60000, /* how often marks out of date are looked for */
    PIPELINE_RETENTION_DAYS = 7
};

static const int64_t day_ms = INT64_C(86400000);

struct figures {
    struct metric *records, *repeats, *dead, *flushes, *retries, *conflicts, *out_of_range;
};

struct pipeline {
    struct pipeline_options o;
    struct store *store;
    struct poll *poll;
    struct deadletter *deadletter;
    struct counter *counter;     /* events to changes */
    struct positions *positions; /* how far each partition is */
    struct figures figures;
    struct poll_record records[PIPELINE_BATCH];
    uint64_t generation;    /* goes up when everything held was thrown away and loaded anew */
    uint64_t changed_at_ms; /* when the oldest change held was made; 0 = none held */
    uint64_t swept_at_ms;
    bool stalled; /* a flush did not go through: nothing is fetched until it does */
    pthread_t thread;
    bool started;
    atomic_bool stop;
    _Atomic(const char *) reason; /* why not ready; NULL when ready */
    _Atomic int64_t complete_through_ms, lag_records;
    _Atomic uint64_t partitions;
};

/* ---- Loading from the store. ---- */

static void on_mark(const struct store_mark *mark, void *arg)
{
    counter_load_mark(arg, mark);
}

static void on_string(uint32_t id, struct slice text, void *arg)
{
    counter_load_string(arg, id, text);
}

static void on_position(int32_t partition, int64_t next, void *arg)
{
    positions_load(arg, partition, next);
}

/* Throws away everything held and loads what the store says about these partitions. */
static int load(struct pipeline *p, struct poll_offset *offsets, size_t count)
{
    counter_reset(p->counter);
    p->changed_at_ms = 0;
    p->generation++;
    int failed = positions_assign(p->positions, offsets, count);
    if (failed == 0) {
        failed = store_load_strings(p->store, on_string, p->counter);
    }
    if (failed == 0) {
        failed = store_load_positions(p->store, p->o.topic, on_position, p->positions);
    }
    for (size_t i = 0; failed == 0 && i < count; i++) {
        failed = store_load_marks(p->store, p->o.topic, offsets[i].partition, on_mark, p->counter);
    }
    if (failed == 0 && counter_failed(p->counter)) {
        failed = -ENOMEM;
    }
    if (failed == 0) {
        (void)positions_offsets(p->positions, offsets, count); /* as many as were assigned */
    }
    return failed;
}

/* After a conflict: the store's word counts, memory's does not. */
static void start_over(struct pipeline *p)
{
    size_t count = positions_count(p->positions);
    struct poll_offset *offsets = calloc(count + 1, sizeof *offsets);
    if (offsets == NULL) {
        return; /* tried again with the next flush */
    }
    (void)positions_offsets(p->positions, offsets, count);
    int failed = load(p, offsets, count);
    if (failed == 0) {
        failed = poll_restart(p->poll, offsets, count);
    }
    p->stalled = failed != 0;
    if (failed != 0) {
        LOG_ERROR("reload_failed", log_text("err", strerror(-failed)));
    }
    free(offsets);
}

/* ---- One flush, one transaction. ---- */

static void stall(struct pipeline *p, const char *reason)
{
    if (!p->stalled) {
        LOG_WARN("flush_stalled", log_text("reason", reason));
        poll_pause(p->poll, true);
    }
    p->stalled = true;
    atomic_store(&p->reason, reason);
    metric_add(p->figures.retries, 1);
}

static void settle(struct pipeline *p)
{
    counter_commit(p->counter);
    size_t count = positions_count(p->positions);
    struct poll_offset *offsets = calloc(count + 1, sizeof *offsets);
    if (offsets != NULL) {
        size_t moved = positions_commit(p->positions, offsets, count);
        if (moved > 0) {
            poll_commit(p->poll, offsets, moved);
        }
    }
    free(offsets);
    p->changed_at_ms = 0;
    metric_add(p->figures.flushes, 1);
    if (p->stalled) {
        LOG_INFO("flush_resumed", log_text("topic", p->o.topic));
        poll_pause(p->poll, false);
    }
    p->stalled = false;
    atomic_store(&p->reason, count > 0 ? NULL : "no partition is assigned");
}

static void flush_failed(struct pipeline *p, enum store_result result)
{
    switch (result) {
    case STORE_OK:
        break;
    case STORE_CONFLICT:
        LOG_WARN("store_conflict", log_text("action", "batch dropped, positions read again"));
        metric_add(p->figures.conflicts, 1);
        start_over(p);
        break;
    case STORE_RETRY:
        stall(p, "the store is busy");
        break;
    case STORE_FULL:
        stall(p, "the store's disk is full");
        break;
    case STORE_FAILED:
        stall(p, "the store failed");
        break;
    }
}

/* Dead letters are delivered first, then the transaction that goes past them commits. */
static bool letters_delivered(struct pipeline *p)
{
    int failed = deadletter_flush(p->deadletter, PIPELINE_DEADLETTER_MS);
    if (failed == -EAGAIN) {
        stall(p, "dead letters wait for Kafka");
    } else if (failed != 0) {
        start_over(p); /* the letters of this flush are made again */
    }
    return failed == 0;
}

static void flush(struct pipeline *p)
{
    struct store_batch batch = {.topic = p->o.topic};
    if (!letters_delivered(p)) {
        return;
    }
    int failed = counter_rows(p->counter, &batch);
    if (failed == 0) {
        failed = positions_changed(p->positions, &batch.positions, &batch.position_count);
    }
    if (failed != 0) {
        stall(p, "out of memory");
        return;
    }
    enum store_result result = batch.position_count == 0 ? STORE_OK : store_write(p->store, &batch);
    if (result == STORE_OK) {
        settle(p);
    } else {
        flush_failed(p, result);
    }
}

/* ---- One record. ---- */

static int set_aside(struct pipeline *p, const struct poll_record *r, const char *reason)
{
    metric_add(p->figures.dead, 1);
    LOG_WARN("dead_letter", log_text("reason", reason), log_int("partition", r->partition),
             log_int("offset", r->offset));
    while (deadletter_send(p->deadletter, r, reason) == -EAGAIN) {
        if (deadletter_flush(p->deadletter, PIPELINE_DEADLETTER_MS) != 0 && atomic_load(&p->stop)) {
            return -EAGAIN;
        }
    }
    return 0;
}

static int count_record(struct pipeline *p, const struct poll_record *r)
{
    struct player_event event;
    enum event_decode_result decoded = event_decode(r->value, &event);
    if (decoded != EVENT_DECODE_OK) {
        return set_aside(p, r, event_decode_reason(decoded));
    }
    switch (counter_add(p->counter, r->partition, &event)) {
    case COUNTER_COUNTED:
        break;
    case COUNTER_REPEAT:
        metric_add(p->figures.repeats, 1);
        break;
    case COUNTER_NO_MEMORY:
        return -ENOMEM;
    }
    return 0;
}

/* Returns 0, or -errno: then the batch is thrown away and read again. */
static int take(struct pipeline *p, const struct poll_record *r)
{
    switch (positions_accept(p->positions, r->partition, r->offset)) {
    case POSITIONS_TAKE:
        break;
    case POSITIONS_DROP: /* counted before, or of a partition that is not ours */
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

static void take_all(struct pipeline *p, size_t count, uint64_t generation)
{
    for (size_t i = 0; i < count && p->generation == generation; i++) {
        int failed = take(p, &p->records[i]);
        if (failed != 0) {
            LOG_WARN("batch_read_again", log_text("reason", strerror(-failed)),
                     log_int("partition", p->records[i].partition),
                     log_int("offset", p->records[i].offset));
            start_over(p);
        } else if (counter_size(p->counter) >= PIPELINE_KEYS_MAX && !p->stalled) {
            flush(p);
        }
    }
}

/* ---- The group's word. ---- */

static int on_assign(struct poll_offset *offsets, size_t count, void *arg)
{
    struct pipeline *p = arg;
    int failed = load(p, offsets, count);
    atomic_store(&p->partitions, failed == 0 ? count : 0);
    atomic_store(&p->reason, failed != 0  ? "the store could not be read"
                             : count == 0 ? "no partition is assigned"
                                          : NULL);
    p->stalled = false;
    return failed;
}

static void on_revoke(void *arg)
{
    struct pipeline *p = arg;
    flush(p);
    counter_reset(p->counter);
    positions_reset(p->positions);
    p->generation++;
    p->changed_at_ms = 0;
    p->stalled = false;
    atomic_store(&p->partitions, 0);
    atomic_store(&p->reason, "no partition is assigned");
}

static void on_out_of_range(int32_t partition, const char *reason, void *arg)
{
    struct pipeline *p = arg;
    metric_add(p->figures.out_of_range, 1);
    LOG_ERROR("offset_out_of_range", log_int("partition", partition), log_text("err", reason),
              log_text("action", "the partition stands still: its records may be gone"));
    atomic_store(&p->reason, "the topic no longer has a position of the store");
}

/* ---- The loop. ---- */

static void tell_progress(struct pipeline *p)
{
    int64_t now_ms = (int64_t)clock_wall_ms();
    int64_t through_ms = now_ms;
    int64_t lag = 0;
    size_t count = positions_count(p->positions);
    for (size_t i = 0; i < count; i++) {
        struct positions_view v = positions_at(p->positions, i);
        int64_t end = poll_end_offset(p->poll, v.partition);
        if (end < 0 || v.next < 0 || end <= v.next) {
            continue; /* idle, or nothing known to wait for */
        }
        lag += end - v.next;
        through_ms = v.timestamp_ms < through_ms ? v.timestamp_ms : through_ms;
    }
    atomic_store(&p->lag_records, lag);
    atomic_store(&p->complete_through_ms, count > 0 ? through_ms : 0);
}

static void sweep_marks(struct pipeline *p)
{
    uint64_t now_ms = clock_mono_ms();
    if (now_ms - p->swept_at_ms < PIPELINE_MARK_SWEEP_MS) {
        return;
    }
    p->swept_at_ms = now_ms;
    int64_t before_ms = (int64_t)clock_wall_ms() - 2 * PIPELINE_RETENTION_DAYS * day_ms;
    int dropped = store_drop_marks(p->store, p->o.topic, before_ms);
    if (dropped > 0) {
        LOG_INFO("marks_dropped", log_int("count", dropped));
    }
}

static int wait_ms(const struct pipeline *p)
{
    if (p->stalled) {
        return PIPELINE_STALL_MS;
    }
    if (p->changed_at_ms == 0) {
        return PIPELINE_IDLE_MS;
    }
    uint64_t age_ms = clock_mono_ms() - p->changed_at_ms;
    return age_ms >= p->o.flush_ms ? 0 : (int)(p->o.flush_ms - age_ms);
}

static bool flush_is_due(const struct pipeline *p)
{
    return p->stalled ||
           (p->changed_at_ms != 0 && clock_mono_ms() - p->changed_at_ms >= p->o.flush_ms);
}

static void turn(struct pipeline *p)
{
    uint64_t generation = p->generation;
    size_t count = poll_records(p->poll, p->records, PIPELINE_BATCH, wait_ms(p));
    /* A rebalance within the call: positions_accept() tells which records are still ours. */
    if (p->generation != generation) {
        generation = p->generation;
    }
    take_all(p, count, generation);
    if (flush_is_due(p)) {
        flush(p);
    }
    tell_progress(p);
    sweep_marks(p);
}

/* Waits for the topic, and makes it and that of the dead letters if they are missing. */
static bool ensure_topic(struct pipeline *p, const char *name)
{
    struct kafka_topic_wish wish = {name, p->o.topic_partitions, p->o.topic_replication,
                                    PIPELINE_RETENTION_DAYS * day_ms};
    bool told = false;
    while (!atomic_load(&p->stop)) {
        struct error err = {""};
        int partitions = 0;
        enum kafka_topic_result r =
            kafka_topic_find(poll_handle(p->poll), name, PIPELINE_TOPIC_TRY_MS, &partitions, &err);
        if (r == KAFKA_TOPIC_MISSING && p->o.topic_create) {
            r = kafka_topic_create(poll_handle(p->poll), &wish, PIPELINE_TOPIC_TRY_MS, &err);
        }
        if (r == KAFKA_TOPIC_THERE) {
            return true;
        }
        if (!told) {
            LOG_WARN("topic_not_there", log_text("topic", name),
                     log_text("err", err.text[0] != '\0' ? err.text : "missing"));
            told = true;
        }
        (void)poll_records(p->poll, p->records, PIPELINE_BATCH, PIPELINE_TOPIC_PAUSE_MS);
    }
    return false;
}

static void *run(void *arg)
{
    struct pipeline *p = arg;
    char dead[300];
    (void)snprintf(dead, sizeof dead, "%s.dlq", p->o.topic);
    if (ensure_topic(p, p->o.topic) && ensure_topic(p, dead)) {
        while (!atomic_load(&p->stop)) {
            turn(p);
        }
    }
    return NULL;
}

/* ---- Start and stop. ---- */

static int add_metrics(struct pipeline *p)
{
    struct figures *f = &p->figures;
    struct {
        struct metric **cell;
        const char *name, *help;
    } rows[] = {
        {&f->records, "playreport_consumer_records_total", "Records read from the topic."},
        {&f->repeats, "playreport_consumer_repeats_total",
         "Records dropped since their sequence was applied before."},
        {&f->dead, "playreport_consumer_dead_letters_total",
         "Records set aside since they do not decode."},
        {&f->flushes, "playreport_consumer_flushes_total", "Flushes that were committed."},
        {&f->retries, "playreport_consumer_flush_retries_total", "Flushes to be tried again."},
        {&f->conflicts, "playreport_consumer_conflicts_total",
         "Flushes dropped since another had moved a position, or the outcome was unknown."},
        {&f->out_of_range, "playreport_consumer_out_of_range_total",
         "Partitions that stand still since the topic lost their position."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].cell = metrics_counter(p->o.metrics, rows[i].name, "", rows[i].help);
        if (*rows[i].cell == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int open_stages(struct pipeline *p, struct error *err)
{
    char dead[300];
    const struct poll_handler handler = {on_assign, on_revoke, on_out_of_range, p};
    (void)snprintf(dead, sizeof dead, "%s.dlq", p->o.topic);
    p->positions = positions_new();
    int failed = p->positions == NULL ? -ENOMEM : add_metrics(p);
    if (failed == 0) {
        failed = counter_new(&p->counter, p->o.sites, err);
    }
    if (failed == 0) {
        failed = store_open(&p->store, p->o.store, err);
    }
    if (failed == 0) {
        failed = deadletter_open(&p->deadletter, p->o.config, dead, p->o.topic, err);
    }
    if (failed == 0) {
        failed = poll_open(&p->poll, p->o.config, p->o.group, p->o.topic, &handler, err);
    }
    return failed;
}

static int start_thread(struct pipeline *p)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&p->thread, NULL, run, p);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    p->started = failed == 0;
    return -failed;
}

int pipeline_start(struct pipeline **out, const struct pipeline_options *options, struct error *err)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    p->o = *options;
    atomic_store(&p->reason, "no partition is assigned");
    atomic_store(&p->lag_records, -1);
    int failed = open_stages(p, err);
    if (failed == 0) {
        failed = start_thread(p);
    }
    if (failed != 0) {
        pipeline_stop(p);
        return failed;
    }
    *out = p;
    return 0;
}

void pipeline_stop(struct pipeline *p)
{
    if (p == NULL) {
        return;
    }
    atomic_store(&p->stop, true);
    if (p->started) {
        (void)pthread_join(p->thread, NULL); /* started, so it can be joined */
    }
    poll_close(p->poll); /* calls on_revoke(), which writes what is held */
    deadletter_close(p->deadletter);
    store_close(p->store);
    counter_free(p->counter);
    positions_free(p->positions);
    free(p);
}

void pipeline_status(struct pipeline *p, struct pipeline_status *out)
{
    const char *reason = atomic_load(&p->reason);
    *out = (struct pipeline_status){
        .ready = reason == NULL,
        .reason = reason == NULL ? "" : reason,
        .complete_through_ms = atomic_load(&p->complete_through_ms),
        .lag_records = atomic_load(&p->lag_records),
        .partitions = atomic_load(&p->partitions),
    };
}
