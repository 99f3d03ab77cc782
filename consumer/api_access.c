#include "consumer/api_access.h"

#include "consumer/access.h"
#include "consumer/oauth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_access {
    char *tokens;
    struct oauth *oauth;
    char why[160];
};

int api_access_new(struct api_access **out, const char *tokens, const char *keys, struct error *err)
{
    struct api_access *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->tokens = strdup(tokens);
    int failed = a->tokens == NULL ? -ENOMEM : oauth_new(&a->oauth, keys, err);
    if (failed != 0) {
        api_access_free(a);
        return failed;
    }
    *out = a;
    return 0;
}

void api_access_free(struct api_access *a)
{
    if (a == NULL) {
        return;
    }
    oauth_free(a->oauth);
    free(a->tokens);
    free(a);
}

int api_access_set(struct api_access *a, const char *tokens, const char *keys, struct error *err)
{
    char *copy = strdup(tokens);
    int failed = copy == NULL ? -ENOMEM : oauth_set_keys(a->oauth, keys, err);
    if (failed != 0) {
        free(copy);
        return failed;
    }
    free(a->tokens);
    a->tokens = copy;
    return 0;
}

static enum api_access_result check_signature(struct api_access *a, const struct http_request *req,
                                              struct slice form, int64_t now_s)
{
    const struct oauth_request r = {
        .method = req->method_name,
        .host = req->host,
        .path = req->path,
        .query = req->query,
        .form = form,
        .authorization = req->known[HTTP_HEADER_AUTHORIZATION],
    };
    switch (oauth_check(a->oauth, &r, now_s)) {
    case OAUTH_ALLOWED:
        return API_ACCESS_SIGNED;
    case OAUTH_REFUSED:
        (void)snprintf(a->why, sizeof a->why, "The signature is refused: %s.", oauth_why(a->oauth));
        return API_ACCESS_DENIED;
    case OAUTH_UNSIGNED:
        break;
    }
    (void)snprintf(a->why, sizeof a->why,
                   "A bearer token of read_tokens or a signature by one of "
                   "oauth_keys is needed.");
    return API_ACCESS_DENIED;
}

enum api_access_result api_access_check(struct api_access *a, const struct http_request *req,
                                        struct slice form, int64_t now_s)
{
    bool has_tokens = a->tokens[0] != '\0'; /* a list of none lets nobody in */
    if (!has_tokens && !oauth_has_keys(a->oauth)) {
        return API_ACCESS_ALLOWED;
    }
    if (has_tokens && access_allows(a->tokens, req->known[HTTP_HEADER_AUTHORIZATION])) {
        return API_ACCESS_ALLOWED;
    }
    if (oauth_has_keys(a->oauth)) {
        return check_signature(a, req, form, now_s);
    }
    (void)snprintf(a->why, sizeof a->why, "A bearer token of read_tokens is needed.");
    return API_ACCESS_DENIED;
}

const char *api_access_why(const struct api_access *a)
{
    return a->why;
}
