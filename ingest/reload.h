/* What SIGHUP does: reads the configuration once more and hands on what may change while serving.
 */
#ifndef INGEST_RELOAD_H
#define INGEST_RELOAD_H

#include "ingest/options.h"
#include "ingest/service.h"

/* Where the configuration came from, and what the daemon was started with. */
struct reload {
    int argc;
    char **argv, **envp;
    const struct ingest_options *options;
    const struct config *config;
};

/*
 * Logs one line: `reloaded` with what is in force now, or `reload_failed` with option and file, and
 * then everything is as it was. A second line names options that only a restart changes. Main
 * thread; it is busy for as long as the files take to read, the workers go on.
 */
void reload(const struct reload *r, struct service *s);

#endif
