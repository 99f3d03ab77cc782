#include "consumer/site_zones.h"

#include "consumer/timezone.h"

#include <errno.h>
#include <stdlib.h>

struct site_zones {
    const struct sites *sites;
    struct zone *utc;
    size_t count;
    struct zone *zones[]; /* as the sites stand */
};

int site_zones_new(struct site_zones **out, const struct sites *sites, struct error *err)
{
    size_t count = sites_count(sites);
    struct site_zones *z = calloc(1, sizeof *z + count * sizeof z->zones[0]);
    if (z == NULL) {
        return -ENOMEM;
    }
    z->sites = sites;
    z->count = count;
    int failed = timezone_open(&z->utc, "UTC");
    for (size_t i = 0; failed == 0 && i < count; i++) {
        const struct site *site = sites_at(sites, i);
        failed = timezone_open(&z->zones[i], site->time_zone);
        if (failed == -ENOENT) {
            error_set(err, "sites: site %s: time_zone: there is no zone named %s", site->key,
                      site->time_zone);
        }
    }
    if (failed != 0) {
        site_zones_free(z);
        return failed;
    }
    *out = z;
    return 0;
}

void site_zones_free(struct site_zones *z)
{
    if (z == NULL) {
        return;
    }
    for (size_t i = 0; i < z->count; i++) {
        timezone_close(z->zones[i]);
    }
    timezone_close(z->utc);
    free(z);
}

struct zone *site_zones_of(struct site_zones *z, struct slice key)
{
    for (size_t i = 0; i < z->count; i++) {
        if (slice_is(key, sites_at(z->sites, i)->key)) {
            return z->zones[i];
        }
    }
    return z->utc;
}
