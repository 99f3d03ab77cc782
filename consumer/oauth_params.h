/*
 * The parameters of a request as an OAuth 1.0a signature covers them: out of the Authorization
 * header, the query and a form body (RFC 5849, section 3.4.1.3). Pure; one thread a struct.
 */
#ifndef CONSUMER_OAUTH_PARAMS_H
#define CONSUMER_OAUTH_PARAMS_H

#include "common/buffer.h"
#include "consumer/oauth.h"

enum { OAUTH_PARAMS_MAX = 256 };

/* The parameters of the protocol itself. */
enum oauth_field {
    OAUTH_CONSUMER_KEY,
    OAUTH_TOKEN,
    OAUTH_SIGNATURE_METHOD,
    OAUTH_SIGNATURE,
    OAUTH_TIMESTAMP,
    OAUTH_NONCE,
    OAUTH_VERSION,
    OAUTH_FIELD_COUNT
};

/* A run of bytes in text, which may move while it grows. */
struct oauth_piece {
    size_t start, len;
};

struct oauth_params {
    struct buffer text;    /* all below points into it */
    struct buffer scratch; /* for decoding */
    struct {
        struct oauth_piece name, value; /* encoded */
    } pairs[OAUTH_PARAMS_MAX];
    size_t count;
    struct oauth_piece fields[OAUTH_FIELD_COUNT]; /* decoded */
    bool has[OAUTH_FIELD_COUNT];
};

void oauth_params_init(struct oauth_params *p);
void oauth_params_fini(struct oauth_params *p);

/*
 * Collects those of r, all but realm and the signature sorted as they are signed. Returns NULL, or
 * what is wrong with them: a literal.
 */
const char *oauth_params_read(struct oauth_params *p, const struct oauth_request *r);

/* The decoded value of a field, absent if it was not given. Lives until the next read. */
struct slice oauth_params_field(const struct oauth_params *p, enum oauth_field field);

/* Appends s with all but letters, digits and -._~ as %XX (RFC 5849, section 3.6). */
void oauth_encode(struct buffer *out, struct slice s);

/* Appends the sorted parameters, joined by = and &, encoded once more: the last part of what is
 * signed (section 3.4.1.1). */
void oauth_params_write(const struct oauth_params *p, struct buffer *out);

#endif
