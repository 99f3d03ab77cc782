/*
 * The first line are Host values, separated by blanks; the rest is the file of sites. What is taken
 * keeps what the header promises, and a host finds the site that lists it, else the first.
 */
#include "common/sites.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/json.h"

#include <strings.h>

/* Without the port, and without a final dot. */
static struct slice plain_name(struct slice host)
{
    size_t len = host.len;
    while (len > 0 && host.data[len - 1] >= '0' && host.data[len - 1] <= '9') {
        len--;
    }
    host.len = len > 0 && host.data[len - 1] == ':' ? len - 1 : host.len;
    host.len -= host.len > 0 && host.data[host.len - 1] == '.' ? 1 : 0;
    return host;
}

static bool lists(const struct site *site, struct slice name)
{
    for (size_t i = 0; i < site->hosts_count; i++) {
        if (name.len == strlen(site->hosts[i]) &&
            strncasecmp(site->hosts[i], name.data, name.len) == 0) {
            return true;
        }
    }
    return false;
}

static void check_host(const struct sites *s, struct slice host)
{
    const struct site *found = sites_by_host(s, host), *plain = sites_at(s, 0);
    for (size_t i = 0; i < sites_count(s); i++) {
        if (lists(sites_at(s, i), plain_name(host))) {
            plain = sites_at(s, i);
        }
    }
    require(found == plain);
}

static void check_site(const struct sites *s, size_t i)
{
    const struct site *site = sites_at(s, i);
    const char *const texts[] = {site->key,         site->site_id, site->site_name,
                                 site->product_key, site->domain,  site->time_zone};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        require(texts[t] != NULL && texts[t][0] != '\0');
    }
    require(strlen(site->key) <= 64 && plain_json_is_whole(slice_of(site->json)));
    require(sites_by_key(s, slice_of(site->key)) == site);
    for (size_t h = 0; h < site->hosts_count; h++) {
        require(sites_by_host(s, slice_of(site->hosts[h])) == site);
        for (size_t other = 0; other < i; other++) {
            require(!lists(sites_at(s, other), slice_of(site->hosts[h])));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), hosts = fuzz_take(&rest, '\n');
    struct fuzz_file file = fuzz_file(rest);
    struct sites *s = NULL;
    struct error err = {""};
    int failed = sites_load(&s, file.path, &err);
    require((failed == 0) == (s != NULL) && (failed == 0) == (err.text[0] == '\0'));
    if (failed == 0) {
        require(sites_count(s) > 0);
        for (size_t i = 0; i < sites_count(s); i++) {
            check_site(s, i);
        }
        while (hosts.len > 0) {
            check_host(s, fuzz_take(&hosts, ' '));
        }
    }
    sites_free(s);
    (void)close(file.fd); /* it is in memory only */
    return 0;
}
