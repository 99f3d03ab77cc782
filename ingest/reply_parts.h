/* What the answers are put together from; for reply*.c alone. */
#ifndef INGEST_REPLY_PARTS_H
#define INGEST_REPLY_PARTS_H

#include "ingest/reply.h"

#define REPLY_LEVEL "anonymous" /* permission_level of every answer */

/* What stands before and behind the object, by the form. */
void reply_open_json(struct buffer *out, const struct reply_form *form);
void reply_close_json(struct buffer *out, const struct reply_form *form);

/* The path as a JSON string, repaired where it is no UTF-8. */
void reply_append_endpoint(struct buffer *out, struct slice endpoint);

void reply_append_pixel(struct buffer *out);

#endif
