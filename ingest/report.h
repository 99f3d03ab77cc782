/*
 * A report: fields and the facts of the connection to an event, or a named refusal. Pure; no
 * allocation; any thread.
 *
 * Limits beside the contract's (source 255, referer 2,048 bytes, cut on a character; uuid and
 * report_id 64, refused): type is cut at 64 bytes, user_player_* at 255 each. Times are what
 * text_parse_double() takes; NaN, Infinity, -Infinity and undefined are as if not sent, for
 * play_timestamp too. On the event path times are not looked at. A download's session_id is cut at
 * 255; its bytes_total may be absent; skip is one of 1, true, t, yes, on and 0, false, f, no, off,
 * in any case.
 */
#ifndef INGEST_REPORT_H
#define INGEST_REPORT_H

#include "common/event.h"
#include "ingest/fields.h"

#include <stdint.h>

/* The method that was asked for. */
enum report_path { REPORT_PATH_EVENT, REPORT_PATH_PLAY, REPORT_PATH_DOWNLOAD };

/* Facts that no parameter says. Slices are valid UTF-8 without NUL, and absent when not kept. */
struct report_context {
    struct slice site; /* site key */
    uint64_t ts_ms;    /* receive time */
    struct slice viewer, ip, ua;
};

/* Why a report is refused. */
struct report_fault {
    const char *code;  /* "invalid_input" */
    char message[128]; /* names the parameter: "The parameter photo_id is missing." */
};

enum report_result { REPORT_OK, REPORT_REFUSED };

/* Whether ctx->viewer would be used: no uuid came. Ask before computing it. */
bool report_wants_viewer(const struct fields *f);

/*
 * Makes the event. On REPORT_OK *out is whole but for lane and sequence (both 0), its kind may be
 * EVENT_KIND_EVENT on REPORT_PATH_PLAY; slices point into f's values and ctx's. On REPORT_REFUSED
 * only *why is written.
 */
enum report_result report_make(const struct fields *f, enum report_path asked,
                               const struct report_context *ctx, struct player_event *out,
                               struct report_fault *why);

#endif
