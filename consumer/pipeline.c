#include "consumer/pipeline.h"

#include "common/clock.h"
#include "common/log.h"
#include "consumer/pipeline_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The group's word. ---- */

static size_t on_assign(struct poll_offset *offsets, size_t count, void *arg)
{
    struct pipeline *p = arg;
    const struct poll_offset *begin = NULL;
    p->rebalances++;
    if (positions_assign(p->positions, offsets, count) != 0) {
        return 0; /* without partitions: they come again with the next rebalance */
    }
    if (pipeline_load(p) != 0) {
        pipeline_discard(p);
        return 0;
    }
    size_t running = positions_offsets(p->positions, &begin);
    for (size_t i = 0; i < running; i++) {
        offsets[i] = begin[i];
    }
    return running;
}

static void on_revoke(void *arg)
{
    struct pipeline *p = arg;
    p->rebalances++;
    (void)pipeline_flush(p); /* what does not go through is read again by whoever comes next */
    pipeline_forget(p);
}

static void on_out_of_range(int32_t partition, void *arg)
{
    struct pipeline *p = arg;
    for (size_t i = 0; i < positions_count(p->positions); i++) {
        struct positions_view v = positions_at(p->positions, i);
        if (v.partition == partition && v.state == POSITIONS_RUNNING) {
            positions_set_state(p->positions, partition, POSITIONS_LOST);
        }
    }
}

/* ---- What others may know. ---- */

/*
 * How far the partitions are, taken together. While others hold some of the topic's, or nobody does
 * yet, nothing is known to be complete: what waits in those may be of any age.
 */
static void tell_progress(struct pipeline *p, struct pipeline_status *s)
{
    int64_t through_ms = (int64_t)clock_wall_ms();
    s->lag_records = 0;
    for (size_t i = 0; i < s->partitions; i++) {
        struct positions_view v = positions_at(p->positions, i);
        int64_t end = poll_end_offset(p->poll, v.partition);
        bool is_idle = end >= 0 && (v.next < 0 || end <= v.next);
        if (v.state == POSITIONS_RUNNING && is_idle) {
            continue; /* nothing to wait for */
        }
        s->lag_records += end < 0 || is_idle ? 0 : end - v.next; /* no end before Kafka's answer */
        through_ms = v.timestamp_ms < through_ms ? v.timestamp_ms : through_ms;
    }
    bool has_all = s->partitions > 0 && s->partitions >= p->topic_partitions;
    s->complete_through_ms = has_all ? through_ms : 0;
}

static void tell_reason(const struct pipeline *p, struct pipeline_status *s)
{
    const char *fault = poll_fault(p->poll);
    if (p->failing_since_ms != 0) {
        (void)snprintf(s->reason, sizeof s->reason, "%s", p->failing);
    } else if (s->stopped > 0) {
        (void)snprintf(s->reason, sizeof s->reason, "%s", p->stopped);
    } else if (s->held > 0) {
        (void)snprintf(
            s->reason, sizeof s->reason,
            "%" PRIu64 " partitions wait: their dead letters are not delivered to %s%s%s", s->held,
            p->dead_topic, deadletter_fault(p->deadletter)[0] == '\0' ? "" : ": ",
            deadletter_fault(p->deadletter));
    } else if (s->partitions == 0) {
        (void)snprintf(s->reason, sizeof s->reason, "no partition is assigned%s%s",
                       fault[0] == '\0' ? "" : ": ", fault);
    }
    s->ready = s->reason[0] == '\0';
}

static void tell_status(struct pipeline *p)
{
    struct pipeline_status s = {
        .partitions = positions_count(p->positions),
        .held = positions_in_state(p->positions, POSITIONS_HELD),
        .stopped = positions_in_state(p->positions, POSITIONS_STOPPED),
    };
    s.records = metric_read(p->figures.records);
    s.repeats = metric_read(p->figures.repeats);
    s.store_bytes = p->store_bytes;
    tell_progress(p, &s);
    tell_reason(p, &s);
    (void)pthread_mutex_lock(&p->status_lock); /* cannot fail: a plain mutex, never held twice */
    p->status = s;
    (void)pthread_mutex_unlock(&p->status_lock);
}

void pipeline_status(struct pipeline *p, struct pipeline_status *out)
{
    (void)pthread_mutex_lock(&p->status_lock); /* as above */
    *out = p->status;
    (void)pthread_mutex_unlock(&p->status_lock);
}

void pipeline_vitals(struct pipeline *p, struct vitals_view *out)
{
    vitals_read(p->vitals, out);
}

/* ---- The loop. ---- */

static bool flush_is_due(const struct pipeline *p)
{
    if (p->frozen) {
        return pipeline_pause_is_over(&p->store_pause);
    }
    return p->changed_at_ms != 0 && clock_mono_ms() - p->changed_at_ms >= p->o.flush_ms;
}

static int wait_ms(const struct pipeline *p)
{
    if (p->must_load || p->frozen) {
        return PIPELINE_PAUSE_MS;
    }
    if (p->changed_at_ms == 0) {
        return PIPELINE_IDLE_MS;
    }
    uint64_t age_ms = clock_mono_ms() - p->changed_at_ms;
    return age_ms >= p->o.flush_ms ? 0 : (int)(p->o.flush_ms - age_ms);
}

static void turn(struct pipeline *p)
{
    counter_follow_zones(p->counter, &p->zones);
    counter_set_now(p->counter, (int64_t)clock_wall_ms());
    if (p->must_load && pipeline_pause_is_over(&p->store_pause)) {
        pipeline_load_again(p);
    }
    uint64_t rebalances = p->rebalances;
    size_t count =
        poll_records(p->poll, p->records, PIPELINE_BATCH, wait_ms(p), p->changed_at_ms != 0);
    if (count > 0 && p->rebalances != rebalances) {
        /* Records from before and after a rebalance stand side by side here. */
        pipeline_discard(p);
    } else {
        pipeline_take(p, count);
    }
    pipeline_mend(p);
    if (flush_is_due(p)) {
        (void)pipeline_flush(p); /* what did not go through is tried again */
    }
    if (count == 0 && p->changed_at_ms == 0 && !p->must_load && !p->frozen) {
        pipeline_calm(p);
    }
    tell_status(p);
    pipeline_sweep(p);
}

static void *run(void *arg)
{
    struct pipeline *p = arg;
    if (!pipeline_await_topic(p)) {
        return NULL;
    }
    pipeline_ensure_dead_topic(p, PIPELINE_TOPIC_TRY_MS);
    if (poll_join(p->poll) == 0) {
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
        {&f->reported, "playreport_consumer_report_id_repeats_total",
         "Reports not counted again: their sender gave them the report_id of one that was."},
        {&f->dead, "playreport_consumer_dead_letters_total",
         "Records set aside since they do not decode."},
        {&f->flushes, "playreport_consumer_flushes_total", "Flushes that were committed."},
        {&f->retries, "playreport_consumer_flush_retries_total",
         "Flushes and loads to be tried again: the store was busy, full or failed."},
        {&f->conflicts, "playreport_consumer_conflicts_total",
         "Flushes dropped since another had moved a position, or the outcome was unknown."},
        {&f->out_of_range, "playreport_consumer_out_of_range_total",
         "Partitions stopped since the topic does not have their position."},
        {&f->jumped, "playreport_consumer_offsets_skipped_total",
         "Offsets passed over with accept_offset_jump: records lost before they were counted."},
        {&f->joined, "playreport_consumer_joined_intervals_total",
         "Holes in what a viewer watched that were closed, as it had more than 64 parts."},
        {&f->future, "playreport_consumer_future_events_total",
         "Events of more than 5 minutes ahead of this machine's clock: one of the two is wrong."},
    };
    static const char *const tables[PIPELINE_DROPPED_COUNT] = {
        [STORE_OLD_QUARTERS] = "table=\"quarters\"",
        [STORE_OLD_HOURS] = "table=\"hours\"",
        [STORE_OLD_NAMES] = "table=\"names\"",
        [STORE_OLD_REPORT_IDS] = "table=\"report_ids\"",
        [STORE_OLD_VIEWINGS] = "table=\"viewings\"",
        [PIPELINE_DROPPED_MARKS] = "table=\"marks\"",
    };
    for (int i = 0; i < PIPELINE_DROPPED_COUNT; i++) {
        f->dropped[i] =
            i == STORE_OLD_SPACE
                ? metrics_counter(p->o.metrics, "playreport_consumer_store_pages_given_back_total",
                                  "", "Pages that the store's file was shortened by.")
                : metrics_counter(p->o.metrics, "playreport_consumer_rows_dropped_total", tables[i],
                                  "Rows of the store that went since they are no longer kept.");
        if (f->dropped[i] == NULL) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].cell = metrics_counter(p->o.metrics, rows[i].name, "", rows[i].help);
        if (*rows[i].cell == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* What the store calls the topic. A topic made anew has positions and marks of its own. */
static int name_topics(struct pipeline *p, struct error *err)
{
    int dead = snprintf(p->dead_topic, sizeof p->dead_topic, "%s.dlq", p->o.topic);
    int subject = p->o.topic_epoch == 0 ? snprintf(p->subject, sizeof p->subject, "%s", p->o.topic)
                                        : snprintf(p->subject, sizeof p->subject, "%s@%" PRId64,
                                                   p->o.topic, p->o.topic_epoch);
    if (dead >= PIPELINE_TOPIC_SIZE || subject >= PIPELINE_TOPIC_SIZE) {
        error_set(err, "topic: the name is longer than Kafka takes");
        return -ENAMETOOLONG;
    }
    return 0;
}

static int open_counter(struct pipeline *p, struct error *err)
{
    int64_t limits[STORE_NAME_KIND_COUNT];
    counter_usual_limits(limits);
    limits[STORE_NAME_PHOTO] = p->o.photo_limit;
    struct counter_options options = {
        .sites = p->o.sites,
        .known_sources = p->o.known_sources,
        .limits = limits,
        .rules = {PIPELINE_VIEWING_GAP_MS, PIPELINE_VIEWING_KEEP_MS, PIPELINE_FINISH_AT},
        .viewing_cache = p->o.viewing_cache,
    };
    counter_source_fill(&options, &p->source);
    int failed = counter_new(&p->counter, &options, err);
    p->source = (struct counter_source){p->store, p->counter};
    return failed;
}

static int open_stages(struct pipeline *p, struct error *err)
{
    const struct poll_handler handler = {on_assign, on_revoke, on_out_of_range, p};
    int failed = name_topics(p, err);
    p->positions = positions_new();
    p->vitals = vitals_new();
    if (failed == 0) {
        failed = p->positions == NULL || p->vitals == NULL ? -ENOMEM : add_metrics(p);
    }
    if (failed == 0) {
        failed = open_counter(p, err);
    }
    const struct deadletter_options letters = {p->o.config, p->dead_topic, p->o.topic,
                                               p->o.topic_epoch};
    if (failed == 0) {
        failed = deadletter_open(&p->deadletter, &letters, err);
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
    p->store = options->store;
    (void)pthread_mutex_init(&p->status_lock, NULL); /* cannot fail: without attributes */
    p->status = (struct pipeline_status){.reason = "the topic is not there yet", .lag_records = -1};
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

void pipeline_set_zones(struct pipeline *p, struct site_zones *z)
{
    site_zones_put(&p->zones, z);
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
    counter_free(p->counter);
    site_zones_put(&p->zones, NULL);
    positions_free(p->positions);
    vitals_free(p->vitals);
    (void)pthread_mutex_destroy(&p->status_lock); /* nobody is left who could hold it */
    free(p);
}
