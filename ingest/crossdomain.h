/* The policies that Flash players ask for before they report from another domain. Pure. */
#ifndef INGEST_CROSSDOMAIN_H
#define INGEST_CROSSDOMAIN_H

#include "common/slice.h"

/* Its content type: Flash takes policies of this type wherever the root lets it. */
extern const char crossdomain_type[];

/*
 * The policy at that path, or NULL. /crossdomain.xml grants nothing itself, but lets the others
 * stand; those under /api/ and /api/analytics/ grant all domains what is below them.
 */
const char *crossdomain_policy(struct slice path);

#endif
