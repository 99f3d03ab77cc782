/*
 * Names and values out of a query or a form body, by the WHATWG URL standard's urlencoded rules:
 * decoded once, '+' is a space, a bad percent sequence stays, empty pairs are skipped, a name
 * without '=' has the empty value, ';' does not separate. Here a pair without a name is skipped
 * too. Pure; any thread.
 */
#ifndef COMMON_PARAMS_H
#define COMMON_PARAMS_H

#include "common/slice.h"

#include <stdbool.h>

struct params_cursor {
    const char *at, *end; /* what is still to be read */
    char *scratch;        /* where decoded bytes go */
    char *scratch_end;
};

/*
 * Starts on encoded (which may be absent). scratch must have room for
 * params_scratch_size(encoded.len) bytes; names and values point into encoded or scratch and live
 * as long as both.
 */
void params_start(struct params_cursor *c, struct slice encoded, char *scratch,
                  size_t scratch_size);

/* What decoding and UTF-8 repair can make of len bytes at most (an invalid byte becomes three). */
static inline size_t params_scratch_size(size_t len)
{
    return 3 * len;
}

/* Gives the next pair, decoded; invalid UTF-8 has become U+FFFD, a NUL is kept. False at the end.
 */
bool params_next(struct params_cursor *c, struct slice *name, struct slice *value);

#endif
