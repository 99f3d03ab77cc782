#include "ingest/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Puts the option in front of the sentence, or of the errno's name where there is none. */
static int told(struct error *err, const char *option, int failed, const struct error *why)
{
    if (failed != 0) {
        error_set(err, "%s: %s", option,
                  why->text[0] != '\0' ? why->text : strerrordesc_np(-failed));
    }
    return failed;
}

static int load_networks(struct network_list **out, const char *option, const char *list,
                         struct error *err)
{
    struct error why = {""};
    return told(err, option, network_list_parse(out, list, &why), &why);
}

static int load_files(struct rules *r, const struct rules_options *o, struct error *err)
{
    struct error why = {""};
    int failed = told(err, "sites", sites_load(&r->sites, o->sites, &why), &why);
    if (failed == 0) {
        failed = told(err, "bots", bots_load(&r->bots, o->bots, &why), &why);
    }
    if (failed == 0 && o->catalogue[0] != '\0') {
        failed = told(err, "catalogue", catalogue_load(&r->catalogue, o->catalogue, &why), &why);
    }
    return failed;
}

static int load(struct rules *r, const struct rules_options *o, struct error *err)
{
    int failed = load_networks(&r->proxies, "trusted_proxies", o->trusted_proxies, err);
    if (failed == 0) {
        failed = load_networks(&r->download_from, "download_from", o->download_from, err);
    }
    if (failed == 0) {
        failed = load_networks(&r->internal, "internal", o->internal, err);
    }
    if (failed == 0) {
        struct error why = {""};
        failed = told(err, "cors_origins", cors_parse(&r->cors, o->cors_origins, &why), &why);
    }
    return failed == 0 ? load_files(r, o, err) : failed;
}

int rules_load(struct rules **out, const struct rules_options *o, struct error *err)
{
    struct rules *r = calloc(1, sizeof *r);
    if (r == NULL) {
        error_set(err, "out of memory");
        return -ENOMEM;
    }
    atomic_init(&r->references, 1);
    r->client_ip = o->client_ip;
    r->user_agent = o->user_agent;
    r->privacy = o->privacy;
    int failed = load(r, o, err);
    if (failed != 0) {
        rules_unref(r);
        return failed;
    }
    *out = r;
    return 0;
}

struct rules *rules_ref(struct rules *r)
{
    atomic_fetch_add_explicit(&r->references, 1, memory_order_relaxed);
    return r;
}

void rules_unref(struct rules *r)
{
    /* Whatever others did with r comes before its end. */
    if (r == NULL || atomic_fetch_sub_explicit(&r->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    sites_free(r->sites);
    network_list_free(r->proxies);
    network_list_free(r->download_from);
    network_list_free(r->internal);
    bots_free(r->bots);
    catalogue_free(r->catalogue);
    cors_free(r->cors);
    free(r);
}
