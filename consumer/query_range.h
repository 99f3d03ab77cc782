/* Which grain answers a query, and which stretches of time its rows are by. Part of
 * consumer/query.h; pure. */
#ifndef CONSUMER_QUERY_RANGE_H
#define CONSUMER_QUERY_RANGE_H

#include "consumer/query.h"

/*
 * Chooses q's grain by its span, its zone and the range, as of now, and fills in spans as far as
 * they do not need a time zone. Returns false and fills err (range_not_kept) when the grain is not
 * kept for that long any more.
 */
bool query_range_choose(struct query *q, int64_t now_ms, struct query_error *err);

#endif
