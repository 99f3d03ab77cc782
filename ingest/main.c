/* playreport-ingest: reports over HTTP, into the journal, onto Kafka. */
#include "common/log.h"
#include "ingest/command_journal.h"
#include "ingest/options.h"
#include "ingest/service.h"

#include <event2/event.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, DRAIN_TICK_US = 50 * 1000 };

static volatile sig_atomic_t stops_wanted;

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    (void)arg;
    stops_wanted = stops_wanted + 1;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* it is there to end a wait for events */
}

/* Until all is done, or a second signal ends it. */
static void drain(struct event_base *base, struct service *s)
{
    struct timeval every = {0, DRAIN_TICK_US};
    struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
    if (tick != NULL && event_add(tick, &every) == 0) {
        service_drain(s);
        while (stops_wanted < 2 && !service_is_drained(s) &&
               event_base_loop(base, EVLOOP_ONCE) >= 0) {
            service_flush(s);
        }
    }
    if (tick != NULL) {
        event_free(tick);
    }
}

static struct event *watch(struct event_base *base, int signal_number)
{
    struct event *e = evsignal_new(base, signal_number, on_signal, NULL);
    if (e != NULL && event_add(e, NULL) != 0) {
        event_free(e);
        return NULL;
    }
    return e;
}

static int serve(struct event_base *base, const struct ingest_options *o,
                 const struct config *config)
{
    struct service *s = NULL;
    struct error err = {""};
    int failed = service_start(&s, base, o, config, &err);
    if (failed != 0) {
        LOG_ERROR("start_failed",
                  log_text("err", err.text[0] != '\0' ? err.text : strerror(-failed)));
        return EXIT_FAILURE;
    }
    while (stops_wanted == 0 && event_base_loop(base, EVLOOP_ONCE) >= 0) {
        service_flush(s);
    }
    drain(base, s);
    service_stop(s);
    return EXIT_SUCCESS;
}

static int run(const struct ingest_options *o, const struct config *config)
{
    struct event_base *base = event_base_new();
    if (base == NULL) {
        return EXIT_FAILURE;
    }
    struct event *term = watch(base, SIGTERM);
    struct event *interrupt = watch(base, SIGINT);
    int status = term == NULL || interrupt == NULL ? EXIT_FAILURE : serve(base, o, config);
    if (term != NULL) {
        event_free(term);
    }
    if (interrupt != NULL) {
        event_free(interrupt);
    }
    event_base_free(base);
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
    int status = run(&options, config);
    config_free(config);
    libevent_global_shutdown();
    return status;
}
