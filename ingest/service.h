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

/* Drains within the options' drain_timeout and frees s. NULL is a no-op. */
void service_stop(struct service *s);

#endif
