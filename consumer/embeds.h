/*
 * What the events of one flush change by embedding page and day, in memory. Pure; one thread.
 */
#ifndef CONSUMER_EMBEDS_H
#define CONSUMER_EMBEDS_H

#include "consumer/store.h"

struct embeds;

struct embeds_place {
    int32_t day; /* since 1970-01-01, in the site's zone */
    uint32_t site, domain, url;
    uint64_t photo_id;
    uint8_t traffic; /* enum store_traffic */
};

struct embeds *embeds_new(void);
void embeds_free(struct embeds *e);

/* Counts one event, in all that there is of it. Returns 0 or -ENOMEM. */
int embeds_event(struct embeds *e, const struct embeds_place *place, uint32_t event, bool is_load);

/* Adds to one measure. Returns 0 or -ENOMEM. */
int embeds_measure(struct embeds *e, const struct embeds_place *place, enum store_measure measure,
                   int64_t change);

/* What a flush by size goes by. */
size_t embeds_size(const struct embeds *e);

/* Fills in embeds and embed_events of the batch. They live until e changes. Returns 0 or -ENOMEM;
 * may be called again with the same outcome. */
int embeds_rows(struct embeds *e, struct store_batch *batch);

/* Forgets all changes. */
void embeds_reset(struct embeds *e);

#endif
