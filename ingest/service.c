#include "ingest/service.h"

#include "common/admin.h"
#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/in_work.h"
#include "ingest/journal.h"
#include "ingest/pages.h"
#include "ingest/publisher.h"
#include "ingest/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVICE_SEGMENT_BYTES = 16 << 20, SERVICE_RETENTION_DAYS = 7 };

enum phase { PHASE_SERVES, PHASE_DELAYS, PHASE_CLOSES, PHASE_FLUSHES };

struct service {
    const struct ingest_options *o;
    struct metrics *metrics;
    struct rules *rules;
    struct rate_limit *rate_limit; /* NULL = none */
    struct in_work in_work;
    struct journal *journal;
    struct publisher *publisher;
    struct worker **workers;
    struct http_crew crew;
    size_t worker_count;
    struct admin *admin;
    struct pages pages;
    enum phase phase;
    uint64_t deadline_ms; /* of the phase */
    uint8_t secret[CLIENT_SECRET_SIZE];
};

static size_t workers_wanted(const struct ingest_options *o)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->workers > 0) {
        return (size_t)o->workers;
    }
    return processors < 1 ? 1 : (size_t)processors;
}

/* ---- Building, from last to first. ---- */

static int open_journal(struct service *s, struct error *err)
{
    const struct journal_options options = {
        .dir = s->o->journal,
        .max_bytes = (uint64_t)s->o->journal_max_bytes,
        .segment_bytes = SERVICE_SEGMENT_BYTES,
        .shard_count = (unsigned)workers_wanted(s->o),
        .ack = (enum ack_level)s->o->ack,
        .metrics = s->metrics,
    };
    int failed = journal_open(&s->journal, &options, err);
    return failed != 0 ? failed : journal_secret(s->journal, s->secret);
}

static int start_publisher(struct service *s, const struct config *config, struct error *err)
{
    const struct publisher_options options = {
        .journal = s->journal,
        .config = config,
        .topic = s->o->topic,
        .topic_create = s->o->topic_create,
        .topic_partitions = (int)s->o->topic_partitions,
        .topic_replication = s->o->topic_replication == 0 ? -1 : (int)s->o->topic_replication,
        .topic_retention_ms = INT64_C(86400000) * SERVICE_RETENTION_DAYS,
        .linger_ms = (int)s->o->linger_ms,
        .cloudevents = s->o->cloudevents,
        .metrics = s->metrics,
    };
    return publisher_start(&s->publisher, &options, err);
}

static int start_worker(struct service *s, const char *listen, struct error *err)
{
    const struct worker_options options = {
        .listen = listen,
        .crew = &s->crew,
        .ack = (enum ack_level)s->o->ack,
        .ack_timeout_ms = (uint64_t)s->o->ack_timeout_ms,
        .rules = s->rules,
        .api = {.intake = {.rate_limit = s->rate_limit,
                           .secret = s->secret,
                           .shard = journal_shard_at(s->journal, (unsigned)s->worker_count),
                           .metrics = s->metrics},
                .body_max = (size_t)http_server_defaults().limits.body_max,
                .error_status = s->o->error_status == 1 ? 400 : 200,
                .pages = &s->pages,
                .in_work = &s->in_work},
    };
    int failed = worker_start(&s->workers[s->worker_count], &options, err);
    if (failed == 0) {
        s->worker_count++;
    }
    return failed;
}

/* The first worker takes the port that `listen` says; with port 0 the others share what it got. */
static int start_workers(struct service *s, struct error *err)
{
    size_t wanted = workers_wanted(s->o);
    s->workers = calloc(wanted, sizeof(struct worker *));
    if (s->workers == NULL) {
        return -ENOMEM;
    }
    s->crew.server_count = (unsigned)wanted;
    char shared[300];
    const char *listen = s->o->listen;
    for (size_t i = 0; i < wanted; i++) {
        int failed = start_worker(s, listen, err);
        if (failed != 0) {
            return failed;
        }
        const char *colon = strrchr(listen, ':');
        int host = colon == NULL ? (int)strlen(listen) : (int)(colon - listen);
        if (i == 0) {
            (void)snprintf(shared, sizeof shared, "%.*s:%u", host, listen,
                           worker_port(s->workers[0]));
            listen = shared;
        }
    }
    return 0;
}

static int load_rules(struct rules **out, const struct ingest_options *o, struct error *err)
{
    const struct rules_options options = {
        .sites = o->sites,
        .trusted_proxies = o->trusted_proxies,
        .download_from = o->download_from,
        .internal = o->internal,
        .bots = o->bots,
        .catalogue = o->catalogue,
        .cors_origins = o->cors_origins,
        .client_ip = (enum client_ip)o->client_ip,
        .user_agent = (enum client_agent)o->user_agent,
        .privacy = (enum privacy_signals)o->privacy_signals,
    };
    return rules_load(out, &options, err);
}

static int make_rate_limit(struct service *s)
{
    if (s->o->rate_limit == 0) {
        return 0;
    }
    s->rate_limit = rate_limit_new((unsigned)s->o->rate_limit, (unsigned)s->o->rate_burst);
    return s->rate_limit == NULL ? -ENOMEM : 0;
}

static double held_gauge(void *arg)
{
    const struct service *s = arg;
    double held = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        held += (double)worker_held(s->workers[i]);
    }
    return held;
}

static int open_pages(struct service *s)
{
    s->pages.journal = s->journal;
    s->pages.publisher = s->publisher;
    s->pages.ack = (enum ack_level)s->o->ack;
    s->pages.in_work = s->pages.ack == ACK_JOURNAL ? NULL : &s->in_work;
    s->pages.worker_count = (unsigned)workers_wanted(s->o);
    s->pages.sampled_ms = clock_mono_ms();
    int failed = pages_add_metrics(&s->pages, s->metrics);
    return failed != 0 ? failed
                       : metrics_gauge(s->metrics, "playreport_replies_held", "",
                                       "Replies that wait for their reports to be confirmed.",
                                       held_gauge, s);
}

static int build(struct service *s, struct event_base *base, const struct config *config,
                 struct error *err)
{
    const struct admin_handler pages = {pages_health, pages_ready, &s->pages};
    s->metrics = metrics_new();
    int failed = s->metrics == NULL ? -ENOMEM : load_rules(&s->rules, s->o, err);
    if (failed == 0) {
        failed = make_rate_limit(s);
    }
    if (failed == 0) {
        failed = open_journal(s, err);
    }
    if (failed == 0) {
        failed = start_publisher(s, config, err);
    }
    if (failed == 0) {
        failed = open_pages(s);
    }
    if (failed == 0) {
        failed = admin_open(&s->admin, base, s->o->admin_listen, &pages, s->metrics, err);
    }
    return failed == 0 ? start_workers(s, err) : failed;
}

int service_start(struct service **out, struct event_base *base, const struct ingest_options *o,
                  const struct config *config, struct error *err)
{
    struct service *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->o = o;
    s->in_work.max = (uint64_t)o->requests_max;
    int failed = build(s, base, config, err);
    if (failed != 0) {
        service_stop(s);
        return failed;
    }
    LOG_INFO("listening", log_uint("port", worker_port(s->workers[0])),
             log_uint("admin_port", admin_port(s->admin)), log_uint("workers", s->worker_count),
             log_text("ack", ack_level_name(s->pages.ack)));
    *out = s;
    return 0;
}

void service_flush(struct service *s)
{
    admin_flush(s->admin);
}

/* ---- What changes while it serves. ---- */

static void log_rules(const struct rules *r)
{
    size_t photos = r->catalogue == NULL ? 0 : catalogue_count(r->catalogue);
    LOG_INFO("reloaded", log_uint("sites", sites_count(r->sites)),
             log_uint("trusted_proxies", network_list_count(r->proxies)),
             log_uint("download_from", network_list_count(r->download_from)),
             log_uint("internal", network_list_count(r->internal)),
             log_uint("bots", bots_count(r->bots)), log_uint("catalogue", photos),
             cors_count(r->cors) == 0 ? log_text("cors_origins", "*")
                                      : log_uint("cors_origins", cors_count(r->cors)));
}

int service_reload(struct service *s, const struct ingest_options *o, struct error *err)
{
    struct rules *rules = NULL;
    int failed = load_rules(&rules, o, err);
    if (failed != 0) {
        return failed;
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        worker_set_rules(s->workers[i], rules);
    }
    rules_unref(s->rules);
    s->rules = rules;
    log_set_level((enum log_level)o->log_level);
    log_rules(rules);
    return 0;
}

/* ---- The end, from first to last. ---- */

static uint64_t left_until(uint64_t deadline_ms)
{
    uint64_t now_ms = clock_mono_ms();
    return now_ms < deadline_ms ? deadline_ms - now_ms : 0;
}

void service_drain(struct service *s)
{
    atomic_store(&s->pages.is_draining, true);
    s->phase = PHASE_DELAYS;
    s->deadline_ms = clock_mono_ms() + (uint64_t)s->o->drain_delay_ms;
    for (size_t i = 0; i < s->worker_count; i++) {
        worker_say_close(s->workers[i]);
    }
    LOG_INFO("draining", log_int("delay_ms", s->o->drain_delay_ms),
             log_int("timeout_ms", s->o->drain_timeout_ms));
}

static void close_workers(struct service *s)
{
    s->phase = PHASE_CLOSES;
    s->deadline_ms = clock_mono_ms() + (uint64_t)s->o->drain_timeout_ms;
    for (size_t i = 0; i < s->worker_count; i++) {
        worker_drain(s->workers[i], (uint64_t)s->o->drain_timeout_ms);
    }
}

static bool have_workers_ended(const struct service *s)
{
    size_t ended = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        ended += worker_has_ended(s->workers[i]);
    }
    return ended == s->worker_count;
}

bool service_is_drained(struct service *s)
{
    if (s->phase == PHASE_DELAYS && left_until(s->deadline_ms) == 0) {
        close_workers(s);
    }
    if (s->phase == PHASE_CLOSES && have_workers_ended(s)) {
        s->phase = PHASE_FLUSHES;
        publisher_drain(s->publisher, (int64_t)left_until(s->deadline_ms));
    }
    return s->phase == PHASE_FLUSHES && publisher_is_drained(s->publisher);
}

void service_stop(struct service *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        worker_stop(s->workers[i]);
    }
    free(s->workers);
    if (s->publisher != NULL) {
        uint64_t waiting = publisher_stop(s->publisher, 0);
        LOG_INFO("stopped", log_uint("waiting", waiting));
    }
    admin_close(s->admin);
    journal_close(s->journal);
    rules_unref(s->rules);
    rate_limit_free(s->rate_limit);
    metrics_free(s->metrics);
    free(s);
}
