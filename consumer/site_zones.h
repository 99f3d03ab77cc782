/* The time zones of the sites, opened once. One thread: a zone remembers what it was last asked. */
#ifndef CONSUMER_SITE_ZONES_H
#define CONSUMER_SITE_ZONES_H

#include "common/error.h"
#include "common/sites.h"

struct site_zones;
struct zone;

/* Opens the zone of every site. Returns 0 or -errno with a sentence that names the site. */
int site_zones_new(struct site_zones **out, const struct sites *sites, struct error *err);
void site_zones_free(struct site_zones *z);

/* The zone of the site with this key; UTC for one that is not configured here. */
struct zone *site_zones_of(struct site_zones *z, struct slice key);

#endif
