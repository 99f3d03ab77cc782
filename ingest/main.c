/* playreport-ingest: reports over HTTP, into the journal, onto Kafka. */
#include "common/log.h"
#include "ingest/command_journal.h"
#include "ingest/options.h"
#include "ingest/reload.h"
#include "ingest/service.h"

#include <event2/event.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, DRAIN_TICK_US = 50 * 1000 };

/* The loop of the main thread, and what signals have asked of it. */
struct loop {
    struct event_base *base;
    unsigned stops, hangups;
};

/* The loop looks at it when the event is over: nothing is done in the middle of an answer. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
    unsigned *count = arg;
    (void)fd;
    (void)what;
    ++*count;
}

/* Until all is done, or a second signal ends it. */
static void drain(struct loop *l, struct service *s)
{
    struct timeval every = {0, DRAIN_TICK_US};
    unsigned ticks = 0; /* they are there to end a wait for events */
    struct event *tick = event_new(l->base, -1, EV_PERSIST, on_event, &ticks);
    if (tick != NULL && event_add(tick, &every) == 0) {
        service_drain(s);
        while (l->stops < 2 && !service_is_drained(s) &&
               event_base_loop(l->base, EVLOOP_ONCE) >= 0) {
            service_flush(s);
        }
    }
    if (tick != NULL) {
        event_free(tick);
    }
}

static int serve(struct loop *l, const struct reload *r)
{
    struct service *s = NULL;
    struct error err = {""};
    int failed = service_start(&s, l->base, r->options, r->config, &err);
    if (failed != 0) {
        LOG_ERROR("start_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerror(-failed)));
        return EXIT_FAILURE;
    }
    while (l->stops == 0 && event_base_loop(l->base, EVLOOP_ONCE) >= 0) {
        if (l->hangups > 0) {
            l->hangups = 0;
            reload(r, s);
        }
        service_flush(s);
    }
    drain(l, s);
    service_stop(s);
    return EXIT_SUCCESS;
}

static bool watch(struct loop *l, int signal_number, unsigned *count, struct event **out)
{
    *out = evsignal_new(l->base, signal_number, on_event, count);
    return *out != NULL && event_add(*out, NULL) == 0;
}

static int run(const struct reload *r)
{
    struct loop l = {.base = event_base_new()};
    struct event *term = NULL, *interrupt = NULL, *hangup = NULL;
    bool is_whole = l.base != NULL && watch(&l, SIGTERM, &l.stops, &term) &&
                    watch(&l, SIGINT, &l.stops, &interrupt) &&
                    watch(&l, SIGHUP, &l.hangups, &hangup);
    int status = is_whole ? serve(&l, r) : EXIT_FAILURE;
    struct event *all[] = {term, interrupt, hangup};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL) {
            event_free(all[i]);
        }
    }
    if (l.base != NULL) {
        event_base_free(l.base);
    }
    return status;
}

int main(int argc, char **argv, char **envp)
{
    struct ingest_options options = {0};
    struct config *config = NULL;
    if (argc > 1 && strcmp(argv[1], "journal") == 0) {
        return command_journal(argc - 1, argv + 1, envp);
    }
    switch (ingest_options_read(&config, &options, argc, argv, envp)) {
    case CONFIG_DONE:
        return EXIT_SUCCESS;
    case CONFIG_BAD_USAGE:
        return EXIT_USAGE;
    case CONFIG_RUN:
        break;
    }
    log_set_level((enum log_level)options.log_level);
    int status = run(&(struct reload){argc, argv, envp, &options, config});
    config_free(config);
    libevent_global_shutdown();
    return status;
}
