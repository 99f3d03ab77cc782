/* What browsers say about being followed. Pure; any thread. */
#ifndef INGEST_PRIVACY_H
#define INGEST_PRIVACY_H

#include "common/event.h"
#include "common/http_parser.h"

#include <stdbool.h>

/* Whether it is heeded, in the order of the choices "ignore|strip". */
enum privacy_signals { PRIVACY_IGNORE, PRIVACY_STRIP };

/* DNT: 1 (Tracking Preference Expression, W3C) or Sec-GPC: 1 (Global Privacy Control, W3C). */
bool privacy_is_asked(const struct http_request *req);

/* Takes off the event what names a viewer: uuid, viewer, address and user agent. It still counts.
 */
void privacy_strip(struct player_event *e);

#endif
