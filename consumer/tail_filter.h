/* Which events the tail command shows. Pure; any thread. */
#ifndef CONSUMER_TAIL_FILTER_H
#define CONSUMER_TAIL_FILTER_H

#include "common/error.h"
#include "common/event.h"

enum { TAIL_FILTER_VALUES_MAX = 256 };

/* Lists parted by commas, "" = any; they are borrowed for as long as the filter is used. A source
 * or an event that is absent goes by the name STORE_NO_SOURCE. */
struct tail_filter_lists {
    const char *site, *photo_id, *source, *kind, *event;
};

struct tail_filter {
    struct slice values[TAIL_FILTER_VALUES_MAX]; /* of sites, then of sources, then of events */
    size_t sites_end, sources_end, events_end;
    uint64_t photo_ids[TAIL_FILTER_VALUES_MAX];
    size_t photo_id_count;
    unsigned kinds; /* a bit for each enum event_kind; 0 = any */
};

/* Returns 0, or -EINVAL with a sentence that names the option and what it takes. */
int tail_filter_read(struct tail_filter *f, const struct tail_filter_lists *lists,
                     struct error *err);

/* Whether an event passes all of the lists. */
bool tail_filter_passes(const struct tail_filter *f, const struct player_event *e);

#endif
