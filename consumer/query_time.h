/* Times in queries and answers: read from what people write, written as ISO 8601. Pure. */
#ifndef CONSUMER_QUERY_TIME_H
#define CONSUMER_QUERY_TIME_H

#include "common/buffer.h"
#include "consumer/query.h"

enum { QUERY_TIME_DAY_MS = 24 * 60 * 60 * 1000 };
#define QUERY_TIME_LAST_MS INT64_C(253402300799999) /* the end of 9999 */

/*
 * Reads one end of a range: an ISO date, an ISO time (UTC unless it has an offset), ms since 1970,
 * an age such as -7d, -24h or -15m, now, or all. From 1970 to 9999. Returns false for anything
 * else.
 */
bool query_time_read(struct slice text, int64_t now_ms, struct query_edge *out);

/* Appends YYYY-MM-DD for days since 1970-01-01. */
void query_time_write_date(struct buffer *out, int64_t day);

/* Appends YYYY-MM-DDTHH:MM:SS+HH:MM, as clocks show it that are offset_s ahead of UTC. */
void query_time_write_local(struct buffer *out, int64_t ms, int32_t offset_s);

/* Appends YYYY-MM-DDTHH:MM:SSZ, with milliseconds if there are any. */
void query_time_write(struct buffer *out, int64_t ms);

#endif
