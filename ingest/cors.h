/*
 * Which pages of other origins may read the answers, and the header lines that say so (the Fetch
 * Standard, 3.3; api-contract.md, Replies). Never with credentials. Pure; any thread.
 */
#ifndef INGEST_CORS_H
#define INGEST_CORS_H

#include "common/error.h"
#include "common/slice.h"
#include "ingest/reply.h"

#include <stddef.h>

struct cors;

/* What is said to one Origin. */
struct cors_answer;

/*
 * Parses "*", which is every origin, or a list of origins (origin.h), separated by commas and white
 * space. Returns 0, -ENOMEM, or -EINVAL with a sentence naming the entry; an empty list is refused.
 */
int cors_parse(struct cors **out, const char *list, struct error *err);
void cors_free(struct cors *c);

/* How many origins are listed; 0 = all are allowed. */
size_t cors_count(const struct cors *c);

/*
 * What is said to a request with that Origin header, which may be absent. Only a listed origin is
 * ever named in an answer. Lives as long as c.
 */
const struct cors_answer *cors_find(const struct cors *c, struct slice origin);

/*
 * All header lines of an answer: Access-Control-Allow-Origin where it is allowed, Vary: Origin
 * where there is a list, those of reply_headers(), and for an allowed preflight
 * Access-Control-Allow-Methods, -Headers and Max-Age. Lives as long as the struct cors.
 */
struct slice cors_headers(const struct cors_answer *a, enum reply_headers which);

#endif
