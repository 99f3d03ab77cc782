/* What the files of the counter share; nobody else includes it. */
#ifndef CONSUMER_COUNTER_INTERNAL_H
#define CONSUMER_COUNTER_INTERNAL_H

#include "consumer/aggregate.h"
#include "consumer/audience.h"
#include "consumer/clocks.h"
#include "consumer/counter.h"
#include "consumer/intern.h"
#include "consumer/marks.h"
#include "consumer/seen.h"
#include "consumer/viewer_hash.h"
#include "consumer/viewings.h"

enum { COUNTER_SITES_KEPT = 64 }; /* ids whose zone is remembered; a power of two */

struct counter {
    struct counter_options o;
    struct aggregate *aggregate;
    struct audience *audience;
    struct clocks *clocks;
    struct intern *intern;
    struct marks *marks;
    struct seen *seen;
    struct viewer_hash *viewer_hash; /* NULL before the store's key is known */
    struct viewings *viewings;
    struct viewing viewing; /* that of the report at hand */
    bool has_viewing;
    struct site_zones *zones;
    struct {
        uint32_t id;
        struct zone *zone;
    } kept[COUNTER_SITES_KEPT]; /* by id; filled in as events come */
    int64_t now_ms;
    struct counter_figures figures;
    bool failed;
};

/* The day of a quarter hour of the site; an aggregate_day_fn. */
int32_t counter_day(uint32_t site, int32_t quarter, void *arg);

/* ---- counter_play.c ---- */

/* Counts a play report. place: of the report itself. */
enum counter_result counter_play(struct counter *c, const struct aggregate_place *place,
                                 const struct player_event *e, int64_t clock_ms);

#endif
