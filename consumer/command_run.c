#include "common/admin.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/text.h"
#include "consumer/api.h"
#include "consumer/commands.h"
#include "consumer/pipeline.h"
#include "consumer/reload.h"
#include "consumer/store.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct daemon {
    const struct consumer_options *o;
    const struct config *config;
    struct event_base *base;
    struct event *term, *interrupt, *hangup;
    struct metrics *metrics;
    struct sites *sites; /* as they were at the start */
    struct store *store;
    struct pipeline *pipeline;
    struct api *api;
    struct admin *admin;
    struct reload reload;
    bool stop, is_reload_wanted;
};

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    struct daemon *d = arg;
    d->stop = true;
}

static void on_hangup(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    struct daemon *d = arg;
    d->is_reload_wanted = true;
}

static void on_health(struct buffer *json, void *arg)
{
    const struct daemon *d = arg;
    buffer_append_text(json, "{\"status\":\"ok\",\"time_zones_refused\":");
    buffer_append_slice(json, buffer_slice(&d->reload.refused));
    buffer_append_text(json, "}\n");
}

static bool on_ready(struct buffer *json, void *arg)
{
    struct daemon *d = arg;
    struct pipeline_status ps;
    pipeline_status(d->pipeline, &ps);
    buffer_append_format(json, "{\"ready\":%s,\"reason\":", ps.ready ? "true" : "false");
    text_append_json(json, slice_of(ps.reason));
    buffer_append_format(json, ",\"partitions\":%llu,\"held\":%llu,\"stopped\":%llu,",
                         (unsigned long long)ps.partitions, (unsigned long long)ps.held,
                         (unsigned long long)ps.stopped);
    buffer_append_format(json, "\"lag_records\":%lld,", (long long)ps.lag_records);
    buffer_append_format(json, "\"complete_through\":%lld}\n", (long long)ps.complete_through_ms);
    return ps.ready;
}

static double on_lag(void *arg)
{
    struct daemon *d = arg;
    struct pipeline_status ps;
    pipeline_status(d->pipeline, &ps);
    return ps.lag_records < 0 ? 0 : (double)ps.lag_records;
}

static double on_held(void *arg)
{
    struct daemon *d = arg;
    struct pipeline_status ps;
    pipeline_status(d->pipeline, &ps);
    return (double)ps.held;
}

static double on_stopped(void *arg)
{
    struct daemon *d = arg;
    struct pipeline_status ps;
    pipeline_status(d->pipeline, &ps);
    return (double)ps.stopped;
}

static int add_gauges(struct daemon *d)
{
    struct metrics *m = d->metrics;
    bool added =
        metrics_gauge(m, "playreport_consumer_lag_records", "",
                      "Records of the assigned partitions not yet counted.", on_lag, d) == 0 &&
        metrics_gauge(m, "playreport_consumer_partitions_held", "",
                      "Partitions that wait for their dead letters to be delivered.", on_held,
                      d) == 0 &&
        metrics_gauge(m, "playreport_consumer_partitions_stopped", "",
                      "Partitions that stand still: the topic does not have their position.",
                      on_stopped, d) == 0;
    return added ? 0 : -ENOMEM;
}

static int open_loop(struct daemon *d)
{
    d->base = event_base_new();
    if (d->base == NULL) {
        return -ENOMEM;
    }
    d->term = evsignal_new(d->base, SIGTERM, on_signal, d);
    d->interrupt = evsignal_new(d->base, SIGINT, on_signal, d);
    d->hangup = evsignal_new(d->base, SIGHUP, on_hangup, d);
    bool whole = d->term != NULL && d->interrupt != NULL && d->hangup != NULL &&
                 event_add(d->term, NULL) == 0 && event_add(d->interrupt, NULL) == 0 &&
                 event_add(d->hangup, NULL) == 0;
    d->metrics = metrics_new();
    return whole && d->metrics != NULL ? 0 : -ENOMEM;
}

static int start_pipeline(struct daemon *d, struct error *err)
{
    const struct pipeline_options options = {
        .config = d->config,
        .sites = d->sites,
        .store = d->store,
        .group = d->o->group,
        .topic = d->o->topic,
        .topic_epoch = d->o->topic_epoch,
        .topic_create = d->o->topic_create,
        .accept_offset_jump = d->o->accept_offset_jump,
        .topic_partitions = (int)d->o->topic_partitions,
        .topic_replication = d->o->topic_replication == 0 ? -1 : (int)d->o->topic_replication,
        .flush_ms = (unsigned)d->o->flush_ms,
        .viewing_cache = (size_t)d->o->viewing_cache,
        .known_sources = d->o->known_sources,
        .photo_limit = d->o->photo_limit,
        .metrics = d->metrics,
    };
    int failed = pipeline_start(&d->pipeline, &options, err);
    return failed != 0 ? failed : add_gauges(d);
}

static int start(struct daemon *d, struct error *err)
{
    const struct admin_handler pages = {on_health, on_ready, d};
    int failed = open_loop(d);
    if (failed == 0) {
        failed = sites_load(&d->sites, d->o->sites, err);
    }
    if (failed == 0) {
        failed = reload_init(&d->reload, d->sites, err);
    }
    if (failed == 0) {
        failed = store_open(&d->store, d->o->store, err);
    }
    if (failed == 0) {
        failed = start_pipeline(d, err);
    }
    const struct api_options api = {d->o->listen, d->o->store, d->o->read_tokens, d->o->oauth_keys,
                                    d->sites,     d->pipeline, d->metrics};
    if (failed == 0) {
        failed = api_start(&d->api, &api, err);
    }
    d->reload.api = d->api;
    d->reload.pipeline = d->pipeline;
    return failed == 0 ? admin_open(&d->admin, d->base, d->o->admin_listen, &pages, d->metrics, err)
                       : failed;
}

static void stop(struct daemon *d)
{
    admin_close(d->admin); /* it asks the pipeline: first to go */
    api_stop(d->api);
    pipeline_stop(d->pipeline);
    store_close(d->store);
    reload_fini(&d->reload);
    sites_free(d->sites);
    metrics_free(d->metrics);
    if (d->term != NULL) {
        event_free(d->term);
    }
    if (d->interrupt != NULL) {
        event_free(d->interrupt);
    }
    if (d->hangup != NULL) {
        event_free(d->hangup);
    }
    if (d->base != NULL) {
        event_base_free(d->base);
    }
}

static void serve(struct daemon *d)
{
    while (!d->stop && event_base_loop(d->base, EVLOOP_ONCE) >= 0) {
        if (d->is_reload_wanted) {
            d->is_reload_wanted = false;
            reload(&d->reload);
        }
        admin_flush(d->admin);
    }
}

int command_run(const struct consumer_start *began)
{
    struct daemon d = {.o = began->options, .config = began->config, .reload = {.start = began}};
    struct error err = {""};
    int failed = start(&d, &err);
    if (failed != 0) {
        LOG_ERROR("start_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerror(-failed)));
    } else {
        LOG_INFO("listening", log_uint("port", api_port(d.api)),
                 log_uint("admin_port", admin_port(d.admin)), log_text("store", d.o->store));
        serve(&d);
    }
    stop(&d);
    if (failed == 0) {
        LOG_INFO("stopped", log_text("store", d.o->store));
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
