/*
 * One event loop with its shard of the journal, in a thread of its own. A turn: requests are parsed
 * and put in the batch, the batch is written, then the replies leave.
 */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include "common/error.h"
#include "ingest/api.h"

#include <stdint.h>

struct worker;

struct worker_options {
    const char *listen; /* "host:port"; the workers share the port */
    struct api_options api;
};

/* Opens the listener and starts the thread. Returns 0 or -errno with a sentence. */
int worker_start(struct worker **out, const struct worker_options *options, struct error *err);

/* The port listened on. Any thread. */
uint16_t worker_port(const struct worker *w);

/* Begins the drain: no new connections, replies say Connection: close. Any thread. */
void worker_drain(struct worker *w);

/* Ends the thread once every connection is done, or after timeout_ms; frees w. */
void worker_stop(struct worker *w, uint64_t timeout_ms);

#endif
