/*
 * What the viewings of one flush change by day: the points of videos that are watched, and who
 * watched. Pure; one thread.
 */
#ifndef CONSUMER_AUDIENCE_H
#define CONSUMER_AUDIENCE_H

#include "consumer/ranges.h"
#include "consumer/store.h"

struct audience;

struct audience_place {
    int32_t day; /* since 1970-01-01, in the site's zone */
    uint64_t photo_id;
    uint32_t site, source;
    uint8_t traffic; /* enum store_traffic */
};

struct audience *audience_new(void);
void audience_free(struct audience *a);

/* A viewing covers these points now, or no longer. Returns 0 or -ENOMEM. */
int audience_points(struct audience *a, const struct audience_place *place,
                    struct ranges_points gained, struct ranges_points lost);

/* A viewer of the video by that source: one of the video and of the site too. hash: 64 random bits.
 * Returns 0 or -ENOMEM. */
int audience_viewer(struct audience *a, const struct audience_place *place, uint64_t hash);

/* What a flush by size goes by. */
size_t audience_size(const struct audience *a);

/* Fills in playthrough and viewers of the batch, sorted by key. They live until a changes. Returns
 * 0 or -ENOMEM; may be called again with the same outcome. */
int audience_rows(struct audience *a, struct store_batch *batch);

/* Forgets all changes. */
void audience_reset(struct audience *a);

#endif
