/* The words and name=value pairs that header values are made of. Pure; any thread. */
#ifndef COMMON_HEADER_PARAMS_H
#define COMMON_HEADER_PARAMS_H

#include "common/slice.h"

#include <stdbool.h>

/* The start of s up to the first `end`, or all of s. */
struct slice header_up_to(struct slice s, char end);

/* Is text the word, whatever the case of its letters? */
bool header_is_word(struct slice text, const char *word);

/*
 * Finds the first pair of that name, whatever its case, in pairs parted by semicolons. The value
 * has lost its quotes, but not the backslashes in them. Returns false when there is none, or when a
 * quote before its end is never closed.
 */
bool header_parameter(struct slice pairs, const char *name, struct slice *value);

#endif
