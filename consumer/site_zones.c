#include "consumer/site_zones.h"

#include "consumer/timezone.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct site_zone {
    char *key, *name;
    struct zone *zone;
};

struct site_zones {
    struct zone *utc;
    size_t count;
    struct site_zone each[];
};

static const struct site_zone *find(const struct site_zones *z, struct slice key)
{
    for (size_t i = 0; i < z->count; i++) {
        if (slice_is(key, z->each[i].key)) {
            return &z->each[i];
        }
    }
    return NULL;
}

static int add(struct site_zones *z, const char *key, const char *name, struct error *err)
{
    struct site_zone *one = &z->each[z->count++];
    one->key = strdup(key);
    one->name = strdup(name);
    if (one->key == NULL || one->name == NULL) {
        return -ENOMEM;
    }
    int failed = timezone_open(&one->zone, name);
    if (failed == -ENOENT) {
        error_set(err, "sites: site %s: time_zone: there is no zone named %s", key, name);
    }
    return failed;
}

/* Those of before first: they stay. */
static int add_all(struct site_zones *z, const struct site_zones *before, const struct sites *sites,
                   struct error *err)
{
    int failed = timezone_open(&z->utc, "UTC");
    for (size_t i = 0; failed == 0 && before != NULL && i < before->count; i++) {
        failed = add(z, before->each[i].key, before->each[i].name, err);
    }
    for (size_t i = 0; failed == 0 && i < sites_count(sites); i++) {
        const struct site *site = sites_at(sites, i);
        if (before == NULL || find(before, slice_of(site->key)) == NULL) {
            failed = add(z, site->key, site->time_zone, err);
        }
    }
    return failed;
}

int site_zones_new(struct site_zones **out, const struct site_zones *before,
                   const struct sites *sites, struct error *err)
{
    size_t room = sites_count(sites) + (before == NULL ? 0 : before->count);
    struct site_zones *z = calloc(1, sizeof *z + room * sizeof z->each[0]);
    if (z == NULL) {
        return -ENOMEM;
    }
    int failed = add_all(z, before, sites, err);
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
        timezone_close(z->each[i].zone);
        free(z->each[i].key);
        free(z->each[i].name);
    }
    timezone_close(z->utc);
    free(z);
}

struct zone *site_zones_of(struct site_zones *z, struct slice key)
{
    const struct site_zone *found = find(z, key);
    return found == NULL ? z->utc : found->zone;
}

void site_zones_days(struct site_zones *z, int32_t quarter, int32_t *first, int32_t *last)
{
    *first = *last = timezone_day(z->count == 0 ? z->utc : z->each[0].zone, quarter);
    for (size_t i = 1; i < z->count; i++) {
        int32_t day = timezone_day(z->each[i].zone, quarter);
        *first = day < *first ? day : *first;
        *last = day > *last ? day : *last;
    }
}

const char *site_zones_name(const struct site_zones *z, struct slice key)
{
    const struct site_zone *found = find(z, key);
    return found == NULL ? NULL : found->name;
}

void site_zones_put(struct site_zones_slot *slot, struct site_zones *z)
{
    site_zones_free(atomic_exchange(&slot->fresh, z));
}

bool site_zones_take(struct site_zones_slot *slot, struct site_zones **current)
{
    /* Looked at in every turn: an exchange costs more than a look. */
    if (atomic_load_explicit(&slot->fresh, memory_order_relaxed) == NULL) {
        return false;
    }
    struct site_zones *fresh = atomic_exchange(&slot->fresh, NULL); /* nobody else empties it */
    site_zones_free(*current);
    *current = fresh;
    return true;
}
