/* What the numbers must be after a run: how often each thing was reported, acknowledged or perhaps.
 */
#ifndef LOAD_EXPECT_H
#define LOAD_EXPECT_H

#include "tests/load/verdict.h"

#include <stdint.h>

struct expect;

struct expect_totals {
    uint64_t reports, acknowledged, unknown, refused;
};

/* Returns NULL when memory runs out. */
struct expect *expect_new(void);
void expect_free(struct expect *e);

/* Counts a report; source and event as in session.h. Returns 0 or -ENOMEM. */
int expect_add(struct expect *e, uint64_t photo_id, unsigned source, unsigned event,
               enum verdict verdict);

struct expect_totals expect_totals(const struct expect *e);

/* Writes all of it as JSON, rows ordered by photo_id, source and event. Returns 0 or -errno. */
int expect_write(const struct expect *e, const char *path);

#endif
