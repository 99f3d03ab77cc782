/* Who may read: bearer tokens (RFC 6750, section 2.1). Any thread. */
#ifndef CONSUMER_ACCESS_H
#define CONSUMER_ACCESS_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether an Authorization header (may be absent) carries one of tokens, a comma list; "" lets
 * anyone. Takes the same time whichever bytes differ.
 */
bool access_allows(const char *tokens, struct slice authorization);

/* How many tokens the list holds. */
size_t access_count(const char *tokens);

#endif
