/* What a reload replaces, as one set that never changes: sites, lists, privacy settings. */
#ifndef INGEST_RULES_H
#define INGEST_RULES_H

#include "common/sites.h"
#include "ingest/bots.h"
#include "ingest/catalogue.h"
#include "ingest/client.h"
#include "ingest/cors.h"
#include "ingest/privacy.h"

#include <stdatomic.h>

/* As the options of these names have them; files are read, lists parsed. */
struct rules_options {
    const char *sites;
    const char *trusted_proxies, *download_from, *internal;
    const char *bots, *catalogue;
    const char *cors_origins;
    enum client_ip client_ip;
    enum client_agent user_agent;
    enum privacy_signals privacy;
};

/* Any thread reads it; only rules_ref() and rules_unref() touch the count. */
struct rules {
    struct sites *sites;
    struct network_list *proxies;
    struct network_list *download_from; /* servers that may report downloads */
    struct network_list *internal;      /* whose reports are marked as one's own people's */
    struct bots *bots;
    struct catalogue *catalogue; /* NULL = every photo_id is taken */
    struct cors *cors;
    enum client_ip client_ip;
    enum client_agent user_agent;
    enum privacy_signals privacy;
    atomic_uint references;
};

/*
 * Loads the set, with one reference, the caller's. Returns 0, or -errno with a sentence that names
 * the option, and the file where there is one. Nothing of the options is kept.
 */
int rules_load(struct rules **out, const struct rules_options *o, struct error *err);

/* Another reference; returns r. Whoever calls it has one. */
struct rules *rules_ref(struct rules *r);

/* Gives one back; the last frees r, in whatever thread that is. NULL is a no-op. */
void rules_unref(struct rules *r);

#endif
