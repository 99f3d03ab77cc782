#include "consumer/access.h"

#include <openssl/crypto.h>

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer ";

bool access_allows(const char *tokens, struct slice authorization)
{
    if (tokens[0] == '\0') {
        return true;
    }
    size_t prefix = sizeof scheme - 1;
    if (authorization.len <= prefix || strncasecmp(authorization.data, scheme, prefix) != 0) {
        return false;
    }
    const char *given = authorization.data + prefix;
    size_t given_len = authorization.len - prefix;
    bool allowed = false;
    for (const char *at = tokens; *at != '\0';) {
        size_t len = strcspn(at, ",");
        /* Every token is compared, also after a match: the time tells nothing. */
        bool same = len > 0 && len == given_len && CRYPTO_memcmp(at, given, len) == 0;
        allowed = allowed || same;
        at += len + (at[len] == ',');
    }
    return allowed;
}

size_t access_count(const char *tokens)
{
    size_t count = 0;
    for (const char *at = tokens; *at != '\0';) {
        size_t len = strcspn(at, ",");
        count += len > 0;
        at += len + (at[len] == ',');
    }
    return count;
}
