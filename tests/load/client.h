/* A run of the generator: all connections until every report is settled. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include "common/error.h"
#include "tests/load/expect.h"
#include "tests/load/latency.h"
#include "tests/load/options.h"

#include <stdio.h>

/* Where the outcomes go; all but acks are needed. */
struct client_sinks {
    struct expect *expect;
    struct latency *latency;
    FILE *acks; /* may be NULL */
};

/*
 * Sends the reports and returns when each is settled, a connection fails without --reconnect, or
 * SIGINT or SIGTERM comes: then what is on its way is unknown; with --finish the first signal only
 * ends the sending. Stores the time it took. Returns 0, -EINTR for a signal, or -errno with a
 * sentence.
 */
int client_run(const struct load_options *o, const struct client_sinks *sinks, double *seconds,
               struct error *err);

#endif
