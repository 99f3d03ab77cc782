#include "consumer/oauth.h"

#include "common/hash.h"
#include "common/text.h"
#include "consumer/nonces.h"
#include "consumer/oauth_params.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { KEY_PARTS = 4, SIGNATURE_LEN = 28 }; /* base64 of the 20 bytes of SHA-1 */

/* One who may sign; slices into the list of keys. */
struct signer {
    struct slice key, secret, token, token_secret;
};

struct oauth {
    char *keys;
    struct signer *signers;
    size_t signer_count;
    struct nonces *nonces;
    uint64_t seed; /* of the nonces' hashes */
    struct oauth_params params;
    struct buffer base, secret;
    const char *why;
};

/* Cuts the next part of s off, up to c or the end. */
static struct slice next_part(struct slice *s, char c)
{
    const char *at = s->len == 0 ? NULL : memchr(s->data, c, s->len);
    size_t len = at == NULL ? s->len : (size_t)(at - s->data);
    struct slice part = slice_make(s->data, len);
    size_t used = at == NULL ? len : len + 1;
    *s = slice_make(s->data + used, s->len - used);
    return part;
}

static bool read_signer(struct slice entry, struct signer *out)
{
    struct slice parts[KEY_PARTS] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    size_t count = 0;
    while (entry.len > 0 && count < KEY_PARTS) {
        parts[count++] = next_part(&entry, ':');
    }
    *out = (struct signer){parts[0], parts[1], parts[2], parts[3]};
    bool has_all = count == 2 || count == KEY_PARTS;
    return entry.len == 0 && has_all && parts[0].len > 0 && parts[1].len > 0 &&
           (count == 2 || (parts[2].len > 0 && parts[3].len > 0));
}

int oauth_set_keys(struct oauth *o, const char *keys, struct error *err)
{
    char *copy = strdup(keys);
    struct signer *signers = calloc(strlen(keys) + 1, sizeof *signers);
    size_t count = 0, at = 0;
    int failed = copy == NULL || signers == NULL ? -ENOMEM : 0;
    struct slice rest = slice_of(copy);
    while (failed == 0 && rest.len > 0) {
        at++;
        if (!read_signer(next_part(&rest, ','), &signers[count++])) {
            error_set(err, "entry %zu is not KEY:SECRET or KEY:SECRET:TOKEN:TOKEN_SECRET", at);
            failed = -EINVAL;
        }
    }
    if (failed != 0) {
        free(copy);
        free(signers);
        return failed;
    }
    free(o->keys);
    free(o->signers);
    o->keys = copy;
    o->signers = signers;
    o->signer_count = count;
    return 0;
}

int oauth_new(struct oauth **out, const char *keys, struct error *err)
{
    struct oauth *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return -ENOMEM;
    }
    oauth_params_init(&o->params);
    buffer_init(&o->base);
    buffer_init(&o->secret);
    o->why = "";
    o->seed = hash_seed(o);
    o->nonces = nonces_new();
    int failed = o->nonces == NULL ? -ENOMEM : oauth_set_keys(o, keys, err);
    if (failed != 0) {
        oauth_free(o);
        return failed;
    }
    *out = o;
    return 0;
}

void oauth_free(struct oauth *o)
{
    if (o == NULL) {
        return;
    }
    nonces_free(o->nonces);
    oauth_params_fini(&o->params);
    buffer_fini(&o->base);
    buffer_fini(&o->secret);
    free(o->keys);
    free(o->signers);
    free(o);
}

bool oauth_has_keys(const struct oauth *o)
{
    return o->signer_count > 0;
}

const char *oauth_why(const struct oauth *o)
{
    return o->why;
}

/* The authority in small letters, without the port that the scheme has anyway (section 3.4.1.2). */
static void add_authority(struct buffer *out, struct slice host, const char *usual_port)
{
    char lower[256];
    size_t len = host.len < sizeof lower ? host.len : sizeof lower;
    size_t port_len = strlen(usual_port);
    if (len > port_len && memcmp(host.data + len - port_len, usual_port, port_len) == 0) {
        len -= port_len;
    }
    for (size_t i = 0; i < len; i++) {
        char c = host.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    oauth_encode(out, slice_make(lower, len));
}

/* The bytes that are signed (section 3.4.1.1). */
static void make_base(struct oauth *o, const struct oauth_request *r, bool is_https)
{
    buffer_reset(&o->base);
    buffer_append_slice(&o->base, r->method);
    buffer_append_text(&o->base, is_https ? "&https%3A%2F%2F" : "&http%3A%2F%2F");
    add_authority(&o->base, r->host, is_https ? ":443" : ":80");
    oauth_encode(&o->base, r->path);
    buffer_append_char(&o->base, '&');
    oauth_params_write(&o->params, &o->base);
}

static bool sign(struct oauth *o, const struct signer *s, unsigned char out[SIGNATURE_LEN + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    buffer_reset(&o->secret);
    oauth_encode(&o->secret, s->secret);
    buffer_append_char(&o->secret, '&');
    oauth_encode(&o->secret, s->token_secret);
    if (buffer_failed(&o->secret) || buffer_failed(&o->base) ||
        HMAC(EVP_sha1(), o->secret.data, (int)o->secret.len, (const unsigned char *)o->base.data,
             o->base.len, digest, &len) == NULL) {
        return false;
    }
    return EVP_EncodeBlock(out, digest, (int)len) == SIGNATURE_LEN;
}

/*
 * Whether s signed the request. Behind a proxy that ends TLS the client signed https and we see
 * http: either is taken, since the scheme guards nothing here. Both are computed always.
 */
static bool is_signed_by(struct oauth *o, const struct oauth_request *r, const struct signer *s)
{
    struct slice given = oauth_params_field(&o->params, OAUTH_SIGNATURE);
    bool matches = false;
    for (int is_https = 0; is_https < 2; is_https++) {
        unsigned char right[SIGNATURE_LEN + 1];
        make_base(o, r, is_https);
        bool is_right = sign(o, s, right) && given.len == SIGNATURE_LEN &&
                        CRYPTO_memcmp(right, given.data, SIGNATURE_LEN) == 0;
        matches = matches || is_right;
    }
    return matches;
}

static bool same_secretly(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

/* The signer that the request names, or one whose signature nobody can make: an unknown key takes
 * as long as a wrong signature. */
static struct signer find_signer(const struct oauth *o, bool *known)
{
    struct slice key = oauth_params_field(&o->params, OAUTH_CONSUMER_KEY);
    struct slice token = oauth_params_field(&o->params, OAUTH_TOKEN);
    struct signer found = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    *known = false;
    for (size_t i = 0; i < o->signer_count; i++) {
        const struct signer *s = &o->signers[i];
        unsigned both = (unsigned)same_secretly(s->key, key) & /* both are always compared */
                        (unsigned)same_secretly(s->token, token);
        bool is_it = both != 0;
        found = is_it ? *s : found;
        *known = *known || is_it;
    }
    return found;
}

static const char *check_fields(const struct oauth *o, int64_t now_s)
{
    const struct oauth_params *p = &o->params;
    uint64_t timestamp = 0;
    if (!slice_is(oauth_params_field(p, OAUTH_SIGNATURE_METHOD), "HMAC-SHA1")) {
        return "oauth_signature_method must be HMAC-SHA1";
    }
    if (p->has[OAUTH_VERSION] && !slice_is(oauth_params_field(p, OAUTH_VERSION), "1.0")) {
        return "oauth_version must be 1.0";
    }
    struct slice nonce = oauth_params_field(p, OAUTH_NONCE);
    if (nonce.len == 0 || nonce.len > 256) {
        return "oauth_nonce must be given, up to 256 bytes";
    }
    if (!text_parse_uint(oauth_params_field(p, OAUTH_TIMESTAMP), INT64_MAX / 2, &timestamp)) {
        return "oauth_timestamp must be seconds since 1970";
    }
    int64_t off = now_s - (int64_t)timestamp;
    return off > OAUTH_WINDOW_S || off < -OAUTH_WINDOW_S
               ? "oauth_timestamp is more than 300 s off: set the clock"
               : NULL;
}

/* Only of requests rightly signed: nobody else can fill the memory of nonces. */
static const char *use_nonce(struct oauth *o, int64_t now_s)
{
    static const enum oauth_field unique[] = {OAUTH_CONSUMER_KEY, OAUTH_TOKEN, OAUTH_TIMESTAMP,
                                              OAUTH_NONCE};
    uint64_t hash = o->seed;
    for (size_t i = 0; i < sizeof unique / sizeof unique[0]; i++) {
        struct slice value = oauth_params_field(&o->params, unique[i]);
        hash = hash_bytes(hash, value.data, value.len);
    }
    switch (nonces_use(o->nonces, hash, now_s)) {
    case NONCES_NEW:
        return NULL;
    case NONCES_USED:
        return "this oauth_nonce was used before";
    case NONCES_FULL:
        break;
    }
    return "too many signed requests in a short time";
}

enum oauth_result oauth_check(struct oauth *o, const struct oauth_request *r, int64_t now_s)
{
    bool known = false;
    o->why = oauth_params_read(&o->params, r);
    if (o->why != NULL) {
        return OAUTH_REFUSED;
    }
    if (!o->params.has[OAUTH_SIGNATURE] && !o->params.has[OAUTH_CONSUMER_KEY]) {
        o->why = "";
        return OAUTH_UNSIGNED;
    }
    o->why = check_fields(o, now_s);
    if (o->why != NULL) {
        return OAUTH_REFUSED;
    }
    struct signer s = find_signer(o, &known);
    bool is_signed = is_signed_by(o, r, &s);
    o->why = known && is_signed ? use_nonce(o, now_s) : "the key or the signature is wrong";
    if (o->why != NULL) {
        return OAUTH_REFUSED;
    }
    o->why = "";
    return OAUTH_ALLOWED;
}
