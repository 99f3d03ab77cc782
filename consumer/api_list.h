/*
 * GET /v1/photos and /v1/sources: what there is, the most played first. Questions of /v1/report
 * with their dimension given.
 *
 *     q=12&metrics=plays,loads&sort=-plays&where=site==default&from=-7d&limit=20&cursor=...
 *
 * q is what the photo_id, or the source, begins with. All other parameters but dimensions are those
 * of /v1/report, and the answer has its form. Pure; any thread.
 */
#ifndef CONSUMER_API_LIST_H
#define CONSUMER_API_LIST_H

#include "consumer/query.h"

enum api_list { API_LIST_PHOTOS, API_LIST_SOURCES };

/* Makes the query out of params as of now. Returns false and fills err at the first fault. */
bool api_list_parse(enum api_list list, const struct query_param *params, size_t count,
                    int64_t now_ms, struct query *out, struct query_error *err);

#endif
