/*
 * What the daemon says of itself to operators: /healthz, /readyz and the gauges behind them, on the
 * admin port in full and to players in a line.
 */
#ifndef INGEST_PAGES_H
#define INGEST_PAGES_H

#include "common/buffer.h"
#include "ingest/ack_level.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct in_work;
struct journal;
struct journal_status;
struct metrics;
struct publisher;

struct pages {
    struct journal *journal; /* outlives the pages, as all that follows */
    struct publisher *publisher;
    const struct in_work *in_work; /* NULL = none is held beyond its turn */
    enum ack_level ack;
    unsigned worker_count;
    atomic_bool is_draining;
    uint64_t sampled_ms, sampled_bytes; /* main thread: what was written when */
    double bytes_per_s;                 /* main thread */
};

/* ---- Main thread; arg is the pages. ---- */

/* {"status":"ok","ack":"disk",...} */
void pages_health(struct buffer *json, void *arg);

/*
 * Appends why it is ready or not, the journal's figures, what is in work and Kafka's state. Not
 * ready is: draining; the journal fails; the journal has no room for a report; as many requests are
 * in work as may be. Kafka away is none of these.
 */
bool pages_ready(struct buffer *json, void *arg);

/*
 * How many seconds the journal takes reports if nothing of it is freed, at the rate between the
 * last two asks that were a second or more apart; INFINITY when nothing is written.
 */
double pages_seconds_left(struct pages *p, const struct journal_status *js, uint64_t now_ms);

/* Registers the ack level, the readiness, the seconds left and, if there is one, the bound of what
 * is in work. Returns 0 or -ENOMEM. */
int pages_add_metrics(struct pages *p, struct metrics *m);

/* ---- Any thread. ---- */

/* "ok", the ack level and what it survives, in a line. */
void pages_health_line(const struct pages *p, struct buffer *text);

bool pages_is_ready(const struct pages *p);

#endif
