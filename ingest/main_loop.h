/* The loop of the main thread: signals and time are counted, and looked at between two turns. */
#ifndef INGEST_MAIN_LOOP_H
#define INGEST_MAIN_LOOP_H

#include <stdbool.h>

struct event;
struct event_base;

enum { MAIN_LOOP_EVENTS = 4 };

/* In the caller's storage; what was seen may be set back to 0. */
struct main_loop {
    struct event_base *base;
    unsigned stops, hangups; /* SIGTERM and SIGINT; SIGHUP */
    unsigned ticks;
    struct event *events[MAIN_LOOP_EVENTS];
};

/* Watches the signals, and ticks. Returns 0 or -ENOMEM; main_loop_close() is needed after either.
 */
int main_loop_open(struct main_loop *l, unsigned tick_ms);
void main_loop_close(struct main_loop *l);

/* Ticks as often as this from now on. Returns 0 or -ENOMEM, and then it ticks as before. */
int main_loop_set_tick(struct main_loop *l, unsigned tick_ms);

/* Waits for an event and looks after it. False when the loop is broken. */
bool main_loop_turn(struct main_loop *l);

#endif
