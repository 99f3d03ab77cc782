#include "ingest/publisher.h"

#include "common/clock.h"
#include "ingest/journal.h"
#include "ingest/publisher_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    int failed = counts_init(&p->counts, m);
    if (failed != 0 || m == NULL) {
        return failed;
    }
    failed = metrics_gauge(m, "playreport_publisher_in_flight_records", "",
                           "Records handed to Kafka and not reported yet.", in_flight_gauge, p);
    return failed != 0 ? failed
                       : metrics_gauge(m, "playreport_publisher_connected", "",
                                       "1 while nothing stands between the journal and Kafka.",
                                       connected_gauge, p);
}

static void free_publisher(struct publisher *p)
{
    sender_free(p->sender);
    letters_free(p->letters);
    if (p->has_health) {
        health_fini(&p->health);
    }
    if (p->wake_fd >= 0) {
        (void)close(p->wake_fd); /* nothing is written back */
    }
    free(p->topic_name);
    free(p->dead_topic_name);
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
    if (p->topic_name == NULL || asprintf(&p->dead_topic_name, "%s.dlq", o->topic) < 0) {
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
                                           .cloudevents = o->cloudevents,
                                           .wake_fd = p->wake_fd,
                                           .health = &p->health,
                                           .delivered = p->counts.at[COUNT_DELIVERED],
                                           .failed = p->counts.at[COUNT_FAILED]};
    return sender_new(&p->sender, &options, err);
}

static int make_letters(struct publisher *p, const struct publisher_options *o, struct error *err)
{
    const struct kafka_topic_wish wish = {p->dead_topic_name, o->topic_partitions,
                                          o->topic_replication, o->topic_retention_ms};
    const struct letters_options options = {.config = o->config,
                                            .origin = p->topic_name,
                                            .wish = &wish,
                                            .may_create = o->topic_create,
                                            .cloudevents = o->cloudevents,
                                            .wake_fd = p->wake_fd,
                                            .health = &p->health};
    return letters_new(&p->letters, &options, err);
}

/* Signals are for the main thread: the new one blocks them all. */
static int start_thread(struct publisher *p, struct error *err)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* none of the three fails with such arguments */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&p->thread, NULL, publisher_run, p);
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
        failed = make_letters(p, options, err);
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
    out->delivered = counts_read(&p->counts, COUNT_DELIVERED);
    out->in_flight = atomic_load(&p->in_flight);
    out->dead = counts_read(&p->counts, COUNT_DEAD);
    out->resent = counts_read(&p->counts, COUNT_RESENT);
    out->replication = atomic_load(&p->replication);
    out->min_insync = atomic_load(&p->min_insync);
}
