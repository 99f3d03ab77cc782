/* What the answers are put together from; for reply*.c alone. */
#ifndef INGEST_REPLY_PARTS_H
#define INGEST_REPLY_PARTS_H

#include "ingest/reply.h"

#define REPLY_LEVEL "anonymous" /* permission_level of every answer */

void reply_append_pixel(struct buffer *out);

#endif
