/*
 * How many reports a second an address may send: a token bucket each, in a table of fixed size.
 * Thread-safe: the workers share one, since the connections of an address meet all of them.
 */
#ifndef INGEST_RATE_LIMIT_H
#define INGEST_RATE_LIMIT_H

#include "ingest/address.h"

#include <stdint.h>

struct rate_limit;

/*
 * 64 Ki buckets, some 2 MiB: when more addresses than that send at once, those that have been quiet
 * the longest are forgotten, which is to say that they begin with a full bucket.
 */
enum { RATE_LIMIT_BUCKETS = 64 * 1024 };

/*
 * Each bucket holds burst reports and fills by per_second of them; both are 1 or more. IPv6
 * addresses share one by their first 64 bits, which is what one customer has. Returns NULL when
 * memory runs out.
 */
struct rate_limit *rate_limit_new(unsigned per_second, unsigned burst);
void rate_limit_free(struct rate_limit *l);

/* Takes count reports, all or none of them, out of the address's bucket. One that is not known has
 * no limit. mono_ms never runs backwards by more than the threads' turns do. */
bool rate_limit_take(struct rate_limit *l, const struct client_address *a, unsigned count,
                     uint64_t mono_ms);

#endif
