/* An event as one JSON object, for people and for tools that read lines. Pure; any thread. */
#ifndef COMMON_EVENT_JSON_H
#define COMMON_EVENT_JSON_H

#include "common/buffer.h"
#include "common/event.h"

/*
 * Appends e with the keys, the order and the absences of its msgpack form, without white space. A
 * time that is no number (NaN, infinite) becomes null.
 */
void event_append_json(struct buffer *out, const struct player_event *e);

#endif
