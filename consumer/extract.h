/*
 * The parameters of the platform's extract methods (analytics, "the 23-compatible read side"): who
 * they mean, and which page of the answer is wanted. Pure; any thread.
 *
 *     date_start=2024-05-01&date_end=2024-05-31&photo_id=7,8&orderby=plays&order=desc&p=1&size=20
 *     since=2024-05-31 12:00:00&site_id=1,2
 *
 * Both dates are days of the site that are part of the range; without them it is open. Unknown
 * parameters are ignored, of repeated ones the first counts, as in the report API. That a video was
 * deleted nobody tells here, so exclude_deleted_p has none to exclude.
 */
#ifndef CONSUMER_EXTRACT_H
#define CONSUMER_EXTRACT_H

#include "common/reply_form.h"
#include "common/sites.h"
#include "consumer/query.h"
#include "consumer/store_extract.h"

enum {
    EXTRACT_PHOTOS_MAX = 1000,
    EXTRACT_SITES_MAX = 64,
    EXTRACT_SIZE_DEFAULT = 20,
    EXTRACT_SIZE_MAX = 100
};

enum extract_method {
    EXTRACT_PLAY_TOTALS,
    EXTRACT_PLAY_DETAILS,
    EXTRACT_PHOTO_TOTALS,
    EXTRACT_EMBED_DETAILS,
    EXTRACT_METHOD_COUNT
};

struct extract {
    enum extract_method method;
    struct query_edge date_start, date_end; /* QUERY_EDGE_OPEN: not given */
    struct query_edge since;                /* the same; photo-totals */
    uint64_t photo_ids[EXTRACT_PHOTOS_MAX];
    size_t photo_count;                          /* 0 = all */
    const struct site *sites[EXTRACT_SITES_MAX]; /* photo-totals */
    size_t site_count;                           /* 0 = that of the Host */
    enum store_extract_order order;
    bool is_descending;
    int64_t p, size;
    int64_t url_limit; /* -1 = all */
};

struct extract_fault {
    char message[192]; /* names the parameter */
};

/* Finds the method of a path. Returns false when there is none. */
bool extract_method_find(struct slice path, enum extract_method *out);

/*
 * Reads the parameters, encoded as in a query or a form (may be absent), as of now. scratch has
 * params_scratch_size(encoded.len) bytes; what *wish says lives as long as it. Returns false and
 * fills *why (the code is invalid_input); *wish is whole then too.
 */
bool extract_read(enum extract_method method, struct slice encoded, char *scratch, int64_t now_ms,
                  const struct sites *sites, struct extract *out, struct reply_wish *wish,
                  struct extract_fault *why);

#endif
