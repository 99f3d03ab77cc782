#include "ingest/worker.h"

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ingest/acks.h"
#include "ingest/in_work.h"
#include "ingest/journal.h"

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PROBE_PAUSE_MS = 1000, PROBE_PAUSE_MAX_MS = 60000 };

enum phase { PHASE_SERVES, PHASE_SAYS_CLOSE, PHASE_DRAINS };
enum outcome { OUTCOME_OK, OUTCOME_FAILED, OUTCOME_UNCONFIRMED, OUTCOME_COUNT };

struct worker {
    struct event_base *base;
    struct http_server *server;
    struct api *api;
    struct acks *acks;
    struct in_work *in_work; /* of all workers; or NULL */
    struct journal_shard *shard;
    enum ack_level ack;
    struct rules *rules, *old_rules; /* old: some held reply may point to them; or NULL */
    uint64_t old_ticket;             /* the last of the old */
    uint64_t released_ticket;
    _Atomic(struct rules *) new_rules; /* to be taken; NULL = none */
    struct event *wake, *timer;
    int wake_fd;
    uint64_t probe_at_ms, probe_pause_ms; /* of a failing journal; 0 = it does not fail */
    uint64_t timer_at_us;                 /* 0 = not armed */
    _Atomic uint64_t stop_at_ms;          /* 0 = run on */
    _Atomic int phase;                    /* enum phase; only rises */
    enum phase seen_phase;
    atomic_bool has_ended;
    pthread_t thread;
    struct metric *outcomes[OUTCOME_COUNT], *waited_us;
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

/* There to end the wait for events; the loop does the rest. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd;
    (void)what;
    w->timer_at_us = 0;
}

/* 0 = never. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

/*
 * For what comes without an event: a reply whose time is up, the end of a drain, a failing journal.
 * A timer that is
 * armed too early is let be, as it is armed anew when it has fired; so not every turn arms one.
 */
static void arm_timer(struct worker *w)
{
    uint64_t at_us = earlier(acks_deadline_us(w->acks), atomic_load(&w->stop_at_ms) * 1000);
    at_us = earlier(at_us, w->probe_at_ms * 1000);
    if (at_us == 0 || (w->timer_at_us != 0 && w->timer_at_us <= at_us)) {
        return;
    }
    uint64_t now_us = clock_mono_us();
    uint64_t left_us = at_us > now_us ? at_us - now_us : 0;
    struct timeval left = {(time_t)(left_us / 1000000), (suseconds_t)(left_us % 1000000)};
    w->timer_at_us = evtimer_add(w->timer, &left) == 0 ? at_us : 0;
}

static void count_outcome(struct worker *w, const struct acks_turn *turn, uint64_t now_us)
{
    enum outcome outcome = turn->outcome == 0                  ? OUTCOME_OK
                           : turn->outcome == ACKS_UNCONFIRMED ? OUTCOME_UNCONFIRMED
                                                               : OUTCOME_FAILED;
    metric_add(w->outcomes[outcome], turn->count);
    if (outcome == OUTCOME_OK) {
        metric_add(w->waited_us, turn->count * (now_us - turn->begun_us));
    }
}

/* Answers those whose outcome is known. */
static void release(struct worker *w)
{
    if (acks_held(w->acks) == 0) {
        return;
    }
    struct acks_turn turn;
    uint64_t now_us = clock_mono_us();
    while (acks_take(w->acks, now_us, &turn)) {
        count_outcome(w, &turn, now_us);
        http_server_release(w->server, turn.ticket, turn.outcome);
        in_work_remove(w->in_work, turn.count);
        w->released_ticket = turn.ticket;
    }
}

static void end_turn(struct worker *w, uint64_t ticket)
{
    struct api_turn brought = api_turn(w->api);
    int failed = journal_commit(w->shard);
    if (brought.held_count > 0) {
        const struct acks_turn turn = {.ticket = ticket,
                                       .last_sequence = journal_shard_next(w->shard) - 1,
                                       .begun_us = brought.begun_us,
                                       .count = brought.held_count,
                                       .outcome = failed};
        acks_add(w->acks, &turn);
    }
    if (w->ack == ACK_JOURNAL) {
        acks_confirm(w->acks, UINT64_MAX, 0);
    }
    struct journal_verdict verdict;
    while (journal_shard_confirm(w->shard, &verdict)) {
        acks_confirm(w->acks, verdict.through, verdict.failed);
    }
    release(w);
}

/* Whoever balances by /readyz sends no reports to a journal that fails: it is tried without. */
static void probe_journal(struct worker *w)
{
    if (journal_shard_error(w->shard) == 0) {
        w->probe_at_ms = w->probe_pause_ms = 0;
        return;
    }
    uint64_t now_ms = clock_mono_ms();
    if (w->probe_at_ms == 0) {
        w->probe_pause_ms = PROBE_PAUSE_MS;
    } else if (now_ms < w->probe_at_ms) {
        return;
    } else if (acks_held(w->acks) == 0) { /* else a report is trying it */
        journal_shard_probe(w->shard);
        uint64_t twice = 2 * w->probe_pause_ms;
        w->probe_pause_ms = twice < PROBE_PAUSE_MAX_MS ? twice : PROBE_PAUSE_MAX_MS;
    }
    w->probe_at_ms = now_ms + w->probe_pause_ms;
}

static void drop_old_rules(struct worker *w)
{
    if (w->old_rules != NULL && (acks_held(w->acks) == 0 || w->released_ticket >= w->old_ticket)) {
        rules_unref(w->old_rules);
        w->old_rules = NULL;
    }
}

/* Between two turns: no request is half judged by one set and half by another. */
static void follow_rules(struct worker *w, uint64_t ticket)
{
    drop_old_rules(w);
    if (w->old_rules != NULL || atomic_load_explicit(&w->new_rules, memory_order_relaxed) == NULL) {
        return;
    }
    w->old_rules = w->rules;
    w->old_ticket = ticket - 1;
    w->rules = atomic_exchange(&w->new_rules, NULL); /* nobody else empties it */
    api_set_rules(w->api, w->rules);
    drop_old_rules(w);
}

static void follow_phase(struct worker *w)
{
    enum phase phase = (enum phase)atomic_load(&w->phase);
    if (phase == w->seen_phase) {
        return;
    }
    w->seen_phase = phase;
    if (phase == PHASE_DRAINS) {
        http_server_drain(w->server);
    } else {
        http_server_say_close(w->server);
    }
}

/* Whether to go on; a drained worker waits for its connections, but not for ever. */
static bool goes_on(struct worker *w)
{
    uint64_t stop_at_ms = atomic_load(&w->stop_at_ms);
    if (stop_at_ms == 0) {
        return true;
    }
    bool is_done = w->seen_phase == PHASE_DRAINS && http_server_is_idle(w->server);
    return !is_done && clock_mono_ms() < stop_at_ms;
}

/* Whoever still waits is told how it stands: a closed connection would tell nothing. */
static void answer_the_rest(struct worker *w)
{
    http_server_say_close(w->server);
    acks_give_up(w->acks, w->ack == ACK_BROKER ? ACKS_UNCONFIRMED : -ETIMEDOUT);
    release(w);
    http_server_flush(w->server);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    for (uint64_t ticket = 1; goes_on(w); ticket++) {
        follow_rules(w, ticket);
        api_begin_turn(w->api, ticket);
        arm_timer(w);
        if (event_base_loop(w->base, EVLOOP_ONCE) < 0) {
            LOG_ERROR("event_loop_failed", log_text("err", strerror(errno)));
            break;
        }
        follow_phase(w); /* so that what is answered below says that it closes */
        end_turn(w, ticket);
        probe_journal(w);
        http_server_flush(w->server);
    }
    answer_the_rest(w);
    atomic_store(&w->has_ended, true);
    return NULL;
}

static void worker_free(struct worker *w)
{
    http_server_free(w->server);
    api_free(w->api);
    acks_free(w->acks);
    rules_unref(w->rules);
    rules_unref(w->old_rules);
    rules_unref(atomic_load(&w->new_rules));
    if (w->timer != NULL) {
        event_free(w->timer);
    }
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
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->base = event_base_new();
    if (w->wake_fd < 0 || w->base == NULL) {
        return -ENOMEM;
    }
    w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    w->timer = evtimer_new(w->base, on_timer, w);
    return w->wake == NULL || w->timer == NULL || event_add(w->wake, NULL) != 0 ? -ENOMEM : 0;
}

static int open_acks(struct worker *w, const struct worker_options *o)
{
    static const char *const labels[OUTCOME_COUNT] = {"outcome=\"ok\"", "outcome=\"failed\"",
                                                      "outcome=\"unconfirmed\""};
    bool is_whole = true;
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        w->outcomes[i] = metrics_counter(o->api.intake.metrics, "playreport_acks_total", labels[i],
                                         "Replies to reports that were taken, by their outcome.");
        is_whole = is_whole && w->outcomes[i] != NULL;
    }
    w->waited_us = metrics_time(o->api.intake.metrics, "playreport_ack_wait_seconds_total", "",
                                "From receipt to the reply, summed over the outcome ok.");
    uint64_t timeout_ms = o->ack == ACK_BROKER ? o->ack_timeout_ms : 0;
    return is_whole && w->waited_us != NULL ? acks_new(&w->acks, timeout_ms * 1000) : -ENOMEM;
}

static int open_server(struct worker *w, const struct worker_options *o, struct error *err)
{
    struct api_options api = o->api;
    api.intake.rules = w->rules = rules_ref(o->rules);
    api.in_work = w->in_work;
    int failed = api_new(&w->api, &api);
    if (failed != 0) {
        return failed;
    }
    struct http_server_options limits = http_server_defaults();
    limits.name = "report";
    limits.crew = o->crew;
    limits.is_full_told = w->in_work != NULL;
    struct http_handler handler = api_handler(w->api);
    failed = http_server_new(&w->server, w->base, &limits, &handler, o->api.intake.metrics);
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
    if (failed == 0) {
        (void)pthread_setname_np(w->thread, "worker"); /* a name is all it is */
    }
    return -failed;
}

int worker_start(struct worker **out, const struct worker_options *options, struct error *err)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return -ENOMEM;
    }
    w->wake_fd = -1;
    w->shard = options->api.intake.shard;
    w->ack = options->ack;
    w->in_work = options->ack == ACK_JOURNAL ? NULL : options->api.in_work;
    int failed = open_loop(w);
    if (failed == 0) {
        failed = open_acks(w, options);
    }
    if (failed == 0) {
        failed = open_server(w, options, err);
    }
    if (failed == 0) {
        journal_shard_set_wake(w->shard, w->wake_fd);
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

uint64_t worker_held(const struct worker *w)
{
    return acks_held(w->acks);
}

void worker_set_rules(struct worker *w, struct rules *r)
{
    rules_unref(atomic_exchange(&w->new_rules, rules_ref(r)));
    wake(w);
}

void worker_say_close(struct worker *w)
{
    atomic_store(&w->phase, PHASE_SAYS_CLOSE);
    wake(w);
}

void worker_drain(struct worker *w, uint64_t timeout_ms)
{
    atomic_store(&w->phase, PHASE_DRAINS);
    atomic_store(&w->stop_at_ms, clock_mono_ms() + timeout_ms + 1);
    wake(w);
}

bool worker_has_ended(const struct worker *w)
{
    return atomic_load(&w->has_ended);
}

void worker_stop(struct worker *w)
{
    worker_drain(w, 0);
    (void)pthread_join(w->thread, NULL); /* started by worker_start() or there is no w */
    journal_shard_set_wake(w->shard, -1);
    worker_free(w);
}
