/* The daemon put together: stages built from last to first, stopped from first to last. Main
 * thread. */
#ifndef INGEST_SERVICE_H
#define INGEST_SERVICE_H

#include "common/error.h"
#include "ingest/options.h"

struct event_base;
struct service;

/* Starts every stage; requests are served when it returns 0. Else -errno and a sentence. */
int service_start(struct service **out, struct event_base *base, const struct ingest_options *o,
                  const struct config *config, struct error *err);

/* Call after each event_base_loop(base, EVLOOP_ONCE). */
void service_flush(struct service *s);

/*
 * Goes by what a daemon that runs takes of these options: see ingest_options_fixed(); o is not
 * kept. Each worker takes them with its next turn, or once the replies are released that it held
 * before an earlier call. Returns 0, or -errno with a sentence, and then nothing has changed.
 */
int service_reload(struct service *s, const struct ingest_options *o, struct error *err);

/*
 * Begins the drain. /readyz is 503 from now on and replies say Connection: close; after drain_delay
 * the listeners close, and within drain_timeout what is open is answered and what is journalled is
 * given to Kafka. Ask service_is_drained() every now and then: it takes the steps.
 */
void service_drain(struct service *s);
bool service_is_drained(struct service *s);

/* Ends what still runs, at once, and frees s: what is not on Kafka stays in the journal. NULL is a
 * no-op. */
void service_stop(struct service *s);

#endif
