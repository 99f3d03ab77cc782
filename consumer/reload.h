/* What SIGHUP does: reads the configuration once more and takes what may change while counting. */
#ifndef CONSUMER_RELOAD_H
#define CONSUMER_RELOAD_H

#include "consumer/options.h"

struct api;

/*
 * Logs one line: `reloaded`, or `reload_failed` with option and file, and then everything is as it
 * was. A second line names options that only a restart changes. Main thread.
 */
void reload(const struct consumer_start *start, struct api *api);

#endif
