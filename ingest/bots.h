/*
 * Robots known by their user agent. A list is words, one a line; a user agent that holds one of
 * them, in any case of ASCII letters, is a robot's. # begins a comment line.
 */
#ifndef INGEST_BOTS_H
#define INGEST_BOTS_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct bots;

/* The list of the tree, and where it comes from: ingest/bots_list.c. */
extern const char bots_built_in[];

/*
 * Makes the matcher of a list of up to 64 KiB, with words of 3 to 64 bytes. Returns 0, -ENOMEM or
 * -EINVAL with a sentence that names the line. Pure.
 */
int bots_parse(struct bots **out, struct slice list, struct error *err);

/* Reads the list from a file; "" is the one of the tree. Errors as above, or the file's. */
int bots_load(struct bots **out, const char *path, struct error *err);
void bots_free(struct bots *b);

/* The words of its list. */
size_t bots_count(const struct bots *b);

/* One step a byte, whatever the list holds. Any thread. */
bool bots_match(const struct bots *b, struct slice user_agent);

#endif
