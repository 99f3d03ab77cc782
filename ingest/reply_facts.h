/* The answers of the methods that report nothing: facts of the site, parameters mirrored. Pure. */
#ifndef INGEST_REPLY_FACTS_H
#define INGEST_REPLY_FACTS_H

#include "ingest/reply.h"

struct site;

/* Appends the facts of the site: as the member or element `site`. */
void reply_site(struct buffer *out, const struct reply_form *form, const struct site *site,
                struct slice endpoint);

/*
 * Appends the parameters of an encoded query or form (params.h) as they were understood: the first
 * value of each name in JSON, all in XML; 100 at most. scratch has twice
 * params_scratch_size(encoded.len) bytes.
 */
void reply_echo(struct buffer *out, const struct reply_form *form, const struct site *site,
                struct slice endpoint, struct slice encoded, char *scratch, size_t size);

#endif
