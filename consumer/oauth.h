/*
 * Who signs requests as OAuth 1.0a says, with HMAC-SHA1 (RFC 5849): what clients of the platform's
 * API send. The signature stands in the Authorization header, the query or a form body. One thread:
 * the nonces that were used are remembered.
 */
#ifndef CONSUMER_OAUTH_H
#define CONSUMER_OAUTH_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { OAUTH_WINDOW_S = 300 }; /* a timestamp may be off by so much */

struct oauth;

struct oauth_request {
    struct slice method;        /* GET, POST */
    struct slice host;          /* as in the Host line, with its port if it has one */
    struct slice path;          /* as sent */
    struct slice query;         /* as sent, may be absent */
    struct slice form;          /* an application/x-www-form-urlencoded body; else absent */
    struct slice authorization; /* the header's value, may be absent */
};

enum oauth_result {
    OAUTH_UNSIGNED, /* it does not say that it is signed */
    OAUTH_ALLOWED,
    OAUTH_REFUSED /* oauth_why() tells what is wrong, without what would help to guess */
};

/*
 * keys: KEY:SECRET or KEY:SECRET:TOKEN:TOKEN_SECRET, separated by commas; "" = nobody can sign.
 * Returns 0, -ENOMEM, or -EINVAL with a sentence that does not show secrets.
 */
int oauth_new(struct oauth **out, const char *keys, struct error *err);
void oauth_free(struct oauth *o);

/* Takes other keys; the nonces stay. Returns as oauth_new(); on failure the old keys stay. */
int oauth_set_keys(struct oauth *o, const char *keys, struct error *err);

/* Whether anybody can sign. */
bool oauth_has_keys(const struct oauth *o);

/* Judges a request. now_s: seconds since 1970 UTC. A request is let in once. */
enum oauth_result oauth_check(struct oauth *o, const struct oauth_request *r, int64_t now_s);

/* Why the last request was refused; a literal. */
const char *oauth_why(const struct oauth *o);

#endif
