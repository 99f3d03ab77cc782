/* The photo_ids that exist, where a platform gives them. */
#ifndef INGEST_CATALOGUE_H
#define INGEST_CATALOGUE_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalogue;

/*
 * Reads photo_ids in decimal from a file, one a line, in any order; empty lines and lines that
 * begin with # do not count. It holds 8 bytes an id. Returns 0, -ENOMEM, -EINVAL with a sentence
 * naming file and line, or the file's -errno likewise.
 */
int catalogue_load(struct catalogue **out, const char *path, struct error *err);
void catalogue_free(struct catalogue *c);

/* Any thread. The second counts an id as often as it stands in the file. */
bool catalogue_holds(const struct catalogue *c, uint64_t photo_id);
size_t catalogue_count(const struct catalogue *c);

#endif
