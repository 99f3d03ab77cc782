/*
 * How the counting fares, for people who look: how long flushes take and what was set aside. The
 * pipeline's thread tells, any thread may ask.
 */
#ifndef CONSUMER_VITALS_H
#define CONSUMER_VITALS_H

#include <stddef.h>
#include <stdint.h>

enum {
    VITALS_FLUSHES = 512, /* the last flushes, of which percentiles are told */
    VITALS_REASONS = 32   /* more than there are: what goes beyond is added to the last */
};

struct vitals;

/* What was known at one moment. */
struct vitals_view {
    size_t flushes;                      /* of which the percentiles are; 0 = none yet */
    uint64_t flush_p50_us, flush_p99_us; /* by nearest rank */
    struct {
        const char *reason;
        uint64_t count;
    } dead[VITALS_REASONS]; /* records set aside since the start, by reason */
    size_t dead_count;
};

/* Returns NULL when memory runs out. */
struct vitals *vitals_new(void);

/* A flush was committed after that many microseconds. */
void vitals_flushed(struct vitals *v, uint64_t us);

/* A record was set aside; reason lives for ever (a literal). */
void vitals_dead(struct vitals *v, const char *reason);

void vitals_read(struct vitals *v, struct vitals_view *out);

/* NULL is a no-op. */
void vitals_free(struct vitals *v);

#endif
