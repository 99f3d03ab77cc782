/*
 * The time zones by which the days of the sites are counted. One thread at a time: a zone remembers
 * what it was last asked. A thread that is to go by others is given them through a slot.
 */
#ifndef CONSUMER_SITE_ZONES_H
#define CONSUMER_SITE_ZONES_H

#include "common/error.h"
#include "common/sites.h"

#include <stdint.h>

struct site_zones;
struct zone;

/*
 * Opens the zone of every site. before, which may be NULL, are those gone by until now: a site that
 * stands in them keeps its zone, since its days are counted by it (analytics, "a changed zone needs
 * a rebuild"), also when it is no longer among the sites. Borrows nothing. Returns 0 or -errno with
 * a sentence that names the site.
 */
int site_zones_new(struct site_zones **out, const struct site_zones *before,
                   const struct sites *sites, struct error *err);
void site_zones_free(struct site_zones *z);

/* The zone of the site with this key; UTC for one that is not known. */
struct zone *site_zones_of(struct site_zones *z, struct slice key);

/* The first and the last of the days that a quarter hour falls on, over the zones of all sites; of
 * UTC when there is none. */
void site_zones_days(struct site_zones *z, int32_t quarter, int32_t *first, int32_t *last);

/* Its name ("Europe/Copenhagen"); NULL for a site that is not known. */
const char *site_zones_name(const struct site_zones *z, struct slice key);

/* Where one thread puts zones for another. Any thread. Starts as {NULL}. */
struct site_zones_slot {
    _Atomic(struct site_zones *) fresh; /* not yet taken; or NULL */
};

/* Puts them there, takes the ownership; what was not taken yet is freed. */
void site_zones_put(struct site_zones_slot *slot, struct site_zones *z);

/* Takes what is there in place of *current, which is freed then. False: there is nothing. */
bool site_zones_take(struct site_zones_slot *slot, struct site_zones **current);

#endif
