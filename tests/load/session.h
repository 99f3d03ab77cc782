/* What viewers do, one after another: each loads a player, watches, clicks. Pure; any thread. */
#ifndef LOAD_SESSION_H
#define LOAD_SESSION_H

#include "tests/load/dice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a player sends; a session uses one of them throughout. */
enum form {
    FORM_FLASH,
    FORM_HTML5,
    FORM_JSONP,
    FORM_BEACON,
    FORM_POST,
    FORM_JSON,
    FORM_XML,
    FORM_COUNT
};

/* The name that --forms takes. */
const char *form_name(enum form form);

struct session_plan {
    uint64_t photo_count; /* photo_ids 1 to this, the first ones the most watched */
    unsigned forms;       /* bit 1 << enum form for each one wanted; not 0 */
    bool events_only;     /* no plays */
};

enum { UUID_SIZE = 37, NAME_MAX_COUNT = 64, EVENT_PLAY = 0 };

/* A viewer, then the next one; lives in the caller's storage. */
struct session {
    struct dice dice;
    unsigned steps_left;
    bool is_loaded;
    enum form form;
    uint64_t photo_id;
    unsigned source;
    unsigned user_agent;
    char uuid[UUID_SIZE]; /* empty: this player sends none */
    bool is_watching;
    double start, end, total; /* seconds */
};

struct load_report {
    const struct session *session;
    unsigned event;           /* EVENT_PLAY, or which name */
    double start, end, total; /* plays only */
    uint64_t whim;            /* random bits for the form to vary by */
};

/* Begins the sessions of one connection; the same seed and index give the same reports. */
void session_init(struct session *s, uint64_t seed, uint64_t index);

/* The next report; *out points into s until the next call. */
void session_next(struct session *s, const struct session_plan *plan, struct load_report *out);

/* The name of an event, "" for EVENT_PLAY. */
const char *event_name(unsigned event);

/* A source as it is sent, NULL when the player sends none; and as it must be counted. */
const char *source_sent(unsigned source);
const char *source_counted(unsigned source);

const char *user_agent_name(unsigned user_agent);

#endif
