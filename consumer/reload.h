/* What SIGHUP does: reads the configuration once more and takes what may change while counting. */
#ifndef CONSUMER_RELOAD_H
#define CONSUMER_RELOAD_H

#include "common/buffer.h"
#include "consumer/options.h"
#include "consumer/site_zones.h"

struct api;
struct pipeline;

/* What goes by the configuration. */
struct reload {
    const struct consumer_start *start;
    struct api *api;
    struct pipeline *pipeline;
    struct site_zones *zones; /* those in force */
    struct buffer refused;    /* JSON: keys of sites whose time zone is another one in the file */
};

/* The zones of the sites as they are at the start. Returns 0 or -errno with a sentence. */
int reload_init(struct reload *r, const struct sites *sites, struct error *err);
void reload_fini(struct reload *r);

/*
 * Logs one line: `reloaded`, or `reload_failed` with option and file, and then everything is as it
 * was. Further lines name options that only a restart changes, and sites that keep their time zone.
 * Main thread.
 */
void reload(struct reload *r);

#endif
