#include "ingest/main_loop.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>

enum { TICK = MAIN_LOOP_EVENTS - 1 };

/* The loop looks at it when the event is over: nothing is done in the middle of an answer. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
    unsigned *count = arg;
    (void)fd;
    (void)what;
    ++*count;
}

static int watch(struct main_loop *l, size_t i, int signal_number, unsigned *count)
{
    l->events[i] = evsignal_new(l->base, signal_number, on_event, count);
    return l->events[i] == NULL || event_add(l->events[i], NULL) != 0 ? -ENOMEM : 0;
}

int main_loop_open(struct main_loop *l, unsigned tick_ms)
{
    *l = (struct main_loop){.base = event_base_new()};
    if (l->base == NULL || watch(l, 0, SIGTERM, &l->stops) != 0 ||
        watch(l, 1, SIGINT, &l->stops) != 0 || watch(l, 2, SIGHUP, &l->hangups) != 0) {
        return -ENOMEM;
    }
    l->events[TICK] = event_new(l->base, -1, EV_PERSIST, on_event, &l->ticks);
    return l->events[TICK] == NULL ? -ENOMEM : main_loop_set_tick(l, tick_ms);
}

void main_loop_close(struct main_loop *l)
{
    for (size_t i = 0; i < MAIN_LOOP_EVENTS; i++) {
        if (l->events[i] != NULL) {
            event_free(l->events[i]);
        }
    }
    if (l->base != NULL) {
        event_base_free(l->base);
    }
}

int main_loop_set_tick(struct main_loop *l, unsigned tick_ms)
{
    struct timeval every = {tick_ms / 1000, tick_ms % 1000 * 1000};
    return event_add(l->events[TICK], &every) == 0 ? 0 : -ENOMEM;
}

bool main_loop_turn(struct main_loop *l)
{
    return event_base_loop(l->base, EVLOOP_ONCE) >= 0;
}
