/*
 * The sites of the installation, from the JSON file that `sites` names. Read once; values never
 * change after sites_load(), so any thread may read.
 */
#ifndef COMMON_SITES_H
#define COMMON_SITES_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Strings are UTF-8, not empty, NUL-terminated, owned by the sites. In the file only time_zone,
 * allow_signup and hosts may be left out; no two sites share a key or a host. A site without hosts
 * is reached by its key, or as the default.
 */
struct site {
    const char *key;     /* stands in the event: letters, digits, _ - . ; 1 to 64 */
    const char *site_id; /* decimal digits */
    const char *site_name;
    const char *product_key;
    const char *domain;
    const char *time_zone; /* IANA name, "UTC" unless given */
    bool allow_signup;
    const char *json;         /* the site object of replies, rendered once: {"site_id":"1",...} */
    const char *const *hosts; /* hosts_count names in lower case, without port */
    size_t hosts_count;
};

struct sites;

/*
 * Loads path; NULL or "" gives one default site: key "default", any Host. Returns 0 or -errno with
 * a sentence naming the file, the site and the member at fault. The first site in the file is the
 * default.
 */
int sites_load(struct sites **out, const char *path, struct error *err);
void sites_free(struct sites *s);

/*
 * The site that serves host (a Host value; port, case and a final dot do not matter), else the
 * default site.
 */
const struct site *sites_by_host(const struct sites *s, struct slice host);

/* The site with this key, or NULL. */
const struct site *sites_by_key(const struct sites *s, struct slice key);

size_t sites_count(const struct sites *s);
const struct site *sites_at(const struct sites *s, size_t i);

#endif
