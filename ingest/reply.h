/* Every form of answer of the report API. Pure; any thread. */
#ifndef INGEST_REPLY_H
#define INGEST_REPLY_H

#include "common/reply_form.h"
#include "ingest/fields.h"
#include "ingest/report.h"

/*
 * Chooses by the fields and the Accept header (may be absent). Returns false when callback or
 * varname is no good: then *out is bare JSON and *why the invalid_input to answer with.
 */
bool reply_choose_form(struct reply_form *out, const struct fields *f, struct slice accept,
                       struct report_fault *why);

/*
 * Appends "The event was reported", or the play, or the download. site_json is struct site's json;
 * endpoint is the path asked for, in whatever bytes.
 */
void reply_ok(struct buffer *out, const struct reply_form *form, enum event_kind kind,
              const char *site_json, struct slice endpoint);

/* Appends an error. The HTTP status is the caller's. */
void reply_error(struct buffer *out, const struct reply_form *form, const char *code,
                 const char *message, struct slice endpoint);

/*
 * Appends the error of a report that is in the journal and will count, but was not confirmed in
 * time; id is the event's.
 */
void reply_unconfirmed(struct buffer *out, const struct reply_form *form, const char *id,
                       struct slice endpoint);

#define REPLY_METHODS "GET, HEAD, POST, OPTIONS" /* those that are served */

/*
 * Header lines, each with CRLF, that go with an answer whoever asks: nosniff and no-store in all.
 * cors.h adds what depends on the asker.
 */
enum reply_headers {
    REPLY_HEADERS_USUAL,
    REPLY_HEADERS_RETRY,    /* 503: Retry-After too */
    REPLY_HEADERS_ALLOW,    /* 405: Allow too */
    REPLY_HEADERS_PREFLIGHT /* 204 to OPTIONS: Allow too */
};
struct slice reply_headers(enum reply_headers which);

#endif
