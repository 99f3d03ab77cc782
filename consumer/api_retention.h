/*
 * GET /v1/retention: how many of the viewings of a video cover each of its 101 points.
 *
 *     photo_id=7&source=embed&site=default&from=-7d&to=now&bots=include&internal=include
 *
 * Only photo_id is needed. Days are those of the site's zone, as playthrough is kept by them. Pure.
 */
#ifndef CONSUMER_API_RETENTION_H
#define CONSUMER_API_RETENTION_H

#include "common/buffer.h"
#include "consumer/query.h"
#include "consumer/store_reader.h"

/* Makes the query, which goes by days, out of params as of now; and which video is meant. Returns
 * false and fills err at the first fault. */
bool api_retention_parse(const struct query_param *params, size_t count, int64_t now_ms,
                         struct query *out, uint64_t *photo_id, struct query_error *err);

/* Appends [100,...], the 101 points in percent of those who cover the first; null each when there
 * is none. */
void api_retention_points(struct buffer *out, const int64_t changes[STORE_POINTS]);

/* Appends the answer: {"photo_id":7,"viewings":2,"points":[100,...],"meta":{...}}; points in
 * percent of the viewings of known length, null each when there is none. complete_through_ms: 0 =
 * not known. */
void api_retention(struct buffer *out, uint64_t photo_id, const int64_t changes[STORE_POINTS],
                   int64_t complete_through_ms);

#endif
