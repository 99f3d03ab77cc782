/* What the files of the counter share; nobody else includes it. */
#ifndef CONSUMER_COUNTER_INTERNAL_H
#define CONSUMER_COUNTER_INTERNAL_H

#include "common/buffer.h"
#include "consumer/aggregate.h"
#include "consumer/audience.h"
#include "consumer/clocks.h"
#include "consumer/counter.h"
#include "consumer/embeds.h"
#include "consumer/intern.h"
#include "consumer/marks.h"
#include "consumer/names.h"
#include "consumer/seen.h"
#include "consumer/viewer_hash.h"
#include "consumer/viewings.h"

enum { COUNTER_SITES_KEPT = 64 }; /* ids whose zone is remembered; a power of two */

/* Where something counts. */
struct counter_place {
    struct aggregate_place row;
    int32_t day;          /* of row.quarter, in the site's zone */
    uint32_t domain, url; /* of the embedding page, interned; 0 = none */
};

/* Names of a kind that have their place whatever comes. */
struct counter_always {
    struct slice *names;
    size_t count;
};

struct counter {
    struct counter_options o;
    struct aggregate *aggregate;
    struct audience *audience;
    struct clocks *clocks;
    struct embeds *embeds;
    struct intern *intern;
    struct marks *marks;
    struct names *names;
    int64_t limits[STORE_NAME_KIND_COUNT];
    struct counter_always always[STORE_NAME_KIND_COUNT];
    char *known_sources; /* always points into it */
    struct buffer url;   /* of the page at hand */
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

/* What a 0 or -errno of those below makes of an event. */
enum counter_result counter_result_of(int failed);

/* ---- counter_names.c ---- */

/* counter_names_init() returns 0 or -ENOMEM. */
int counter_names_init(struct counter *c);
void counter_names_fini(struct counter *c);

/*
 * Give the name its place if there is one, and count the use; else it is (other): its id,
 * STORE_OTHER_PHOTO. Return 0, or -errno: -ENOMEM, or what the store says.
 */
int counter_admit_text(struct counter *c, const struct store_name_day *day, struct slice text,
                       uint32_t *id);
int counter_admit_photo(struct counter *c, const struct store_name_day *day, uint64_t *photo_id);

/* ---- counter_place.c ---- */

/* Without white space at both ends. */
struct slice counter_trim(struct slice text);

/*
 * Fills in what the names of a report decide: its source, its page, and photo_id when it is
 * (other). The rest of *p is given. Returns 0 or -errno as above.
 */
int counter_admit(struct counter *c, struct counter_place *p, const struct player_event *e);

/* Adds to one measure of p. Returns false when memory runs out. */
bool counter_measure(struct counter *c, const struct counter_place *p, enum store_measure measure,
                     int64_t change);

/* Counts an event. Returns 0 or -errno as above. */
int counter_event(struct counter *c, const struct counter_place *p, struct slice name);

/* ---- counter_play.c ---- */

/* Counts a play report. own: its place, before names decide. */
enum counter_result counter_play(struct counter *c, const struct counter_place *own,
                                 const struct player_event *e, int64_t clock_ms);

#endif
