/*
 * The forms in which the platform's API answers: XML, JSON, a script's call, a variable, a pixel.
 * Both daemons answer in them. Pure; any thread.
 */
#ifndef COMMON_REPLY_FORM_H
#define COMMON_REPLY_FORM_H

#include "common/buffer.h"

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

/* The parameters that say so, decoded; absent when not sent. */
struct reply_wish {
    struct slice format, raw, callback, varname;
};

/* The form of those who gave none: XML. */
void reply_form_init(struct reply_form *out);

/*
 * Chooses by the wish and the Accept header (may be absent). Returns false when callback or varname
 * is no good: then *out is bare JSON and *bad the name of the parameter, a literal.
 */
bool reply_form_choose(struct reply_form *out, const struct reply_wish *wish, struct slice accept,
                       const char **bad);

/*
 * Writes form into out in as few bytes as it needs (3 and its name); returns how many.
 * reply_form_unpack() reads them back and returns how many it used, 0 when len is too few.
 */
enum { REPLY_FORM_PACKED_MAX = 3 + REPLY_NAME_MAX };
size_t reply_form_pack(const struct reply_form *form, char out[REPLY_FORM_PACKED_MAX]);
size_t reply_form_unpack(struct reply_form *form, const char *packed, size_t len);

/* The value of Content-Type. */
const char *reply_form_content_type(const struct reply_form *form);

/* What stands before and behind the JSON object. */
void reply_form_open(struct buffer *out, const struct reply_form *form);
void reply_form_close(struct buffer *out, const struct reply_form *form);

/* The path that was asked for, in whatever bytes, as a JSON string; repaired where it is no UTF-8.
 */
void reply_form_endpoint(struct buffer *out, struct slice endpoint);

#endif
