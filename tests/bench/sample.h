/* Events of viewers as the load generator plays them, ready for the topic. Pure; one thread. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "common/event.h"
#include "tests/load/session.h"

enum { SAMPLE_CONNECTIONS = 64 };

/* Lives in the caller's storage; sample_init() begins it. */
struct sample {
    struct session sessions[SAMPLE_CONNECTIONS];
    struct session_plan plan;
    uint64_t lane, sequence, start_ms;
    double event_ms; /* from one event to the next; sample_init() makes it 0.02 */
    uint64_t ts_ms;  /* of the event made last */
};

/* photo_ids are 1 to photo_count by Zipf's law; the same seed gives the same events. */
void sample_init(struct sample *s, uint64_t seed, uint64_t photo_count, uint64_t start_ms);

/* Encodes the next event into out. Returns its length, 0 when it does not fit. */
size_t sample_next(struct sample *s, char *out, size_t size, uint64_t *photo_id);

#endif
