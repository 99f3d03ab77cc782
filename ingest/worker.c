#include "ingest/worker.h"

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "ingest/journal.h"

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WORKER_DRAIN_TICK_MS = 50 };

struct worker {
    struct event_base *base;
    struct http_server *server;
    struct api *api;
    struct journal_shard *shard;
    struct event *wake;
    int wake_fd;
    _Atomic uint64_t stop_at_ms; /* 0 = run on */
    atomic_bool draining;
    pthread_t thread;
    bool started;
    int last_error;
};

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    (void)arg;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count); /* empties it; the flags say what is wanted */
    (void)got;
}

static void wake(struct worker *w)
{
    uint64_t one = 1;
    ssize_t put = write(w->wake_fd, &one, sizeof one); /* full means that it is awake already */
    (void)put;
}

/* Told when it begins and when it ends, not every turn between. */
static void tell_commit(struct worker *w, int failed)
{
    if (failed != 0 && w->last_error != failed) {
        LOG_ERROR("journal_write_failed", log_text("err", strerror(-failed)));
    } else if (failed == 0 && w->last_error != 0) {
        LOG_INFO("journal_writes_again", log_text("after", strerror(-w->last_error)));
    }
    w->last_error = failed;
}

/* Whether to go on; a drained worker waits for its connections, but not for ever. */
static bool goes_on(struct worker *w)
{
    uint64_t stop_at_ms = atomic_load(&w->stop_at_ms);
    return stop_at_ms == 0 || (!http_server_is_idle(w->server) && clock_mono_ms() < stop_at_ms);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    bool drained = false;
    for (uint64_t ticket = 1; goes_on(w); ticket++) {
        api_begin_turn(w->api, ticket);
        if (event_base_loop(w->base, EVLOOP_ONCE) < 0) {
            LOG_ERROR("event_loop_failed", log_text("err", strerror(errno)));
            break;
        }
        int failed = journal_commit(w->shard);
        tell_commit(w, failed);
        http_server_release(w->server, ticket, failed);
        if (!drained && atomic_load(&w->draining)) {
            http_server_drain(w->server);
            drained = true;
        }
        http_server_flush(w->server);
    }
    return NULL;
}

static void worker_free(struct worker *w)
{
    http_server_free(w->server);
    api_free(w->api);
    if (w->wake != NULL) {
        event_free(w->wake);
    }
    if (w->base != NULL) {
        event_base_free(w->base);
    }
    if (w->wake_fd >= 0) {
        (void)close(w->wake_fd); /* nothing is lost with an eventfd */
    }
    free(w);
}

static int open_loop(struct worker *w)
{
    struct timeval tick = {0, WORKER_DRAIN_TICK_MS * 1000L};
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->base = event_base_new();
    if (w->wake_fd < 0 || w->base == NULL) {
        return -ENOMEM;
    }
    /* The time-out makes turns, so that a drain's end is seen without traffic. */
    w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    return w->wake == NULL || event_add(w->wake, &tick) != 0 ? -ENOMEM : 0;
}

static int open_server(struct worker *w, const struct worker_options *o, struct error *err)
{
    int failed = api_new(&w->api, &o->api);
    if (failed != 0) {
        return failed;
    }
    struct http_server_options limits = http_server_defaults();
    limits.name = "report";
    struct http_handler handler = api_handler(w->api);
    failed = http_server_new(&w->server, w->base, &limits, &handler, o->api.metrics);
    return failed != 0 ? failed : http_server_listen(w->server, o->listen, true, err);
}

/* Signals are the main thread's. */
static int start_thread(struct worker *w)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->started = failed == 0;
    return -failed;
}

int worker_start(struct worker **out, const struct worker_options *options, struct error *err)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return -ENOMEM;
    }
    w->wake_fd = -1;
    w->shard = options->api.shard;
    int failed = open_loop(w);
    if (failed == 0) {
        failed = open_server(w, options, err);
    }
    if (failed == 0) {
        failed = start_thread(w);
    }
    if (failed != 0) {
        worker_free(w);
        return failed;
    }
    *out = w;
    return 0;
}

uint16_t worker_port(const struct worker *w)
{
    return http_server_port(w->server);
}

void worker_drain(struct worker *w)
{
    atomic_store(&w->draining, true);
    wake(w);
}

void worker_stop(struct worker *w, uint64_t timeout_ms)
{
    atomic_store(&w->draining, true);
    atomic_store(&w->stop_at_ms, clock_mono_ms() + timeout_ms + 1);
    wake(w);
    (void)pthread_join(w->thread, NULL); /* started by worker_start() or there is no w */
    worker_free(w);
}
