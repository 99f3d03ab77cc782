/* The answer of /v1/status: how the counting fares, for the page and for scripts. Pure. */
#ifndef CONSUMER_API_STATUS_H
#define CONSUMER_API_STATUS_H

#include "common/buffer.h"
#include "consumer/pipeline.h"

/* Appends the JSON object. now_ms is the wall clock, in ms since 1970. */
void api_status(struct buffer *out, const struct pipeline_status *ps,
                const struct vitals_view *vitals, int64_t now_ms);

#endif
