/*
 * The methods that a concatenate calls: parameters of any name whose value is a target,
 * /api/path?query. Pure; any thread.
 *
 * A value that starts with no slash is none, and ignored as all unknown parameters are; format,
 * raw, callback and varname say how the whole is answered and name no target. Of several with one
 * name the first counts.
 */
#ifndef INGEST_TARGETS_H
#define INGEST_TARGETS_H

#include "common/slice.h"

#include <stdbool.h>

enum { TARGETS_MAX = 100 };

struct target {
    struct slice name; /* never empty */
    struct slice path;
    struct slice query; /* still encoded; absent when there is none */
};

/* Owns nothing: all point into what was added. */
struct targets {
    struct target each[TARGETS_MAX];
    size_t count;
    size_t seen_count; /* those of a name that was there already included */
};

void targets_init(struct targets *t);

/* Looks at a parameter, decoded. False: it is one target more than TARGETS_MAX, and not added. */
bool targets_add(struct targets *t, struct slice name, struct slice value);

#endif
