/* Every form of answer of the report API. Pure; any thread. */
#ifndef INGEST_REPLY_H
#define INGEST_REPLY_H

#include "common/buffer.h"
#include "ingest/fields.h"
#include "ingest/report.h"

enum { REPLY_NAME_MAX = 128 };

enum reply_format {
    REPLY_XML,
    REPLY_JSON,     /* {...} */
    REPLY_CALLBACK, /* name: f gives a comment, then f({...}); */
    REPLY_VARIABLE, /* name: x gives var x = {...} */
    REPLY_PIXEL     /* a GIF of one transparent pixel, whatever is to be said */
};

/* How the client wants its answer. Flat: owns and borrows nothing. */
struct reply_form {
    uint8_t format;   /* enum reply_format */
    bool accept_json; /* JSON forms go out as application/json */
    uint8_t name_len;
    char name[REPLY_NAME_MAX]; /* ASCII, not ended by NUL */
};

/* The form of those who gave none: XML. */
void reply_form_init(struct reply_form *out);

/*
 * Chooses by the fields and the Accept header (may be absent). Returns false when callback or
 * varname is no good: then *out is bare JSON and *why the invalid_input to answer with.
 */
bool reply_form_choose(struct reply_form *out, const struct fields *f, struct slice accept,
                       struct report_fault *why);

/*
 * Writes form into out in as few bytes as it needs (3 and its name); returns how many.
 * reply_form_unpack() reads them back and returns how many it used, 0 when len is too few.
 */
enum { REPLY_FORM_PACKED_MAX = 3 + REPLY_NAME_MAX };
size_t reply_form_pack(const struct reply_form *form, char out[REPLY_FORM_PACKED_MAX]);
size_t reply_form_unpack(struct reply_form *form, const char *packed, size_t len);

/* The value of Content-Type. */
const char *reply_content_type(const struct reply_form *form);

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
