#include "ingest/privacy.h"

#include <strings.h>

static bool is_named(struct slice name, const char *word)
{
    return name.len == strlen(word) && strncasecmp(name.data, word, name.len) == 0;
}

bool privacy_is_asked(const struct http_request *req)
{
    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_header *h = &req->headers[i];
        if (slice_is(h->value, "1") && (is_named(h->name, "DNT") || is_named(h->name, "Sec-GPC"))) {
            return true;
        }
    }
    return false;
}

void privacy_strip(struct player_event *e)
{
    const struct slice absent = {NULL, 0};
    e->uuid = absent;
    e->viewer = absent;
    e->ip = absent;
    e->ua = absent;
}
