/*
 * Who may read over HTTP: bearer tokens and signed requests (OAuth 1.0a), or anyone while neither
 * is configured. One thread.
 */
#ifndef CONSUMER_API_ACCESS_H
#define CONSUMER_API_ACCESS_H

#include "common/error.h"
#include "common/http_parser.h"

#include <stdint.h>

struct api_access;

enum api_access_result {
    API_ACCESS_ALLOWED,
    API_ACCESS_SIGNED, /* allowed; the parameters named oauth_ are not the method's */
    API_ACCESS_DENIED
};

/* tokens and keys are those of access.h and oauth.h. Copies both. Returns 0 or -errno, with a
 * sentence when keys are malformed. */
int api_access_new(struct api_access **out, const char *tokens, const char *keys,
                   struct error *err);
void api_access_free(struct api_access *a);

/* Takes others; what was signed before still cannot be sent again. As api_access_new(); on failure
 * the old ones stay. */
int api_access_set(struct api_access *a, const char *tokens, const char *keys, struct error *err);

/* Judges a request as of now. form is its body when that is a form, else absent. */
enum api_access_result api_access_check(struct api_access *a, const struct http_request *req,
                                        struct slice form, int64_t now_s);

/* Why the last request was denied: a sentence. */
const char *api_access_why(const struct api_access *a);

#endif
