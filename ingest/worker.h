/*
 * One event loop with its shard of the journal, in a thread of its own. A turn: requests are parsed
 * and put in the batch, the batch is written, and the replies leave that the journal has confirmed
 * as the ack level has it. Replies that wait hold no turn up: more requests are served meanwhile,
 * and reports taken until as many wait as in_work.h lets; more of them are answered overloaded.
 */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include "common/error.h"
#include "ingest/ack_level.h"
#include "ingest/api.h"

#include <stdint.h>

struct http_crew;
struct worker;

struct worker_options {
    const char *listen;      /* "host:port"; the workers share the port */
    struct http_crew *crew;  /* of their servers; NULL = there is one worker only */
    enum ack_level ack;      /* the journal's */
    uint64_t ack_timeout_ms; /* ACK_BROKER: after it a reply is "unconfirmed" */
    struct rules *rules;     /* the worker takes a reference of its own */
    struct api_options api;  /* its intake's rules are these */
};

/* Opens the listener and starts the thread. Returns 0 or -errno with a sentence. */
int worker_start(struct worker **out, const struct worker_options *options, struct error *err);

/* The port listened on. Any thread. */
uint16_t worker_port(const struct worker *w);

/* Replies held until their reports are confirmed. Any thread. */
uint64_t worker_held(const struct worker *w);

/*
 * Goes by these rules from its next turn on, and takes a reference of its own. The old are given
 * back once every reply is released that was held by them; until then no others are taken, and of
 * several that are set meanwhile the last is. Any thread.
 */
void worker_set_rules(struct worker *w, struct rules *r);

/* Replies say Connection: close from now on; it goes on listening and serving. Any thread. */
void worker_say_close(struct worker *w);

/*
 * No new connections any more: the thread ends once every connection is done, or after timeout_ms;
 * then whoever still waits for a confirmation is told that there is none. Any thread.
 */
void worker_drain(struct worker *w, uint64_t timeout_ms);
bool worker_has_ended(const struct worker *w);

/* Ends the thread, at once if it has not ended by itself; frees w. */
void worker_stop(struct worker *w);

#endif
