/*
 * Lines: path, query, form body, Authorization. The request is signed by a plain signer, step by
 * step as RFC 5849 (3.4) has it, and let in once; with a parameter more it is not, and nobody is
 * let in by the header as it stands, since nobody knows the secrets.
 */
#include "consumer/oauth.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/urlencoded.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { PAIRS_MAX = 64, NOW_S = 1700000000 };

#define SECRETS "secret%20s&token-secret" /* encoded, as they are the key of the HMAC */

struct pairs {
    struct buffer texts[PAIRS_MAX]; /* name=value, both encoded */
    size_t count;
    bool is_strange; /* a name of OAuth itself, or too many */
};

static void encode(struct buffer *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        bool is_plain = c < 0x80 && (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~');
        buffer_append_format(out, is_plain ? "%c" : "%%%02X", c);
    }
}

/* '\1' parts name and value, so that pairs sort by name first: it stands in no encoded text. */
static void add(struct pairs *p, struct slice name, struct slice value)
{
    bool is_own = name.len >= 6 && memcmp(name.data, "oauth_", 6) == 0;
    if (is_own || p->count == PAIRS_MAX) {
        p->is_strange = true;
        return;
    }
    struct buffer *text = &p->texts[p->count++];
    encode(text, name);
    buffer_append_char(text, '\1');
    encode(text, value);
    buffer_append_char(text, '\0');
}

static void add_all(struct pairs *p, struct slice encoded)
{
    struct buffer name = {0}, value = {0};
    while (plain_urlencoded_next(&encoded, &name, &value)) {
        add(p, buffer_slice(&name), buffer_slice(&value));
    }
    buffer_fini(&name);
    buffer_fini(&value);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct buffer *)a)->data, ((const struct buffer *)b)->data);
}

static void add_own(struct pairs *p, const char *name, const char *value)
{
    struct buffer *text = &p->texts[p->count++];
    buffer_append_format(text, "%s%c%s", name, '\1', value);
    buffer_append_char(text, '\0');
}

/* The string that is signed. */
static void make_base(struct pairs *p, struct slice path, struct buffer *out)
{
    struct buffer joined = {0};
    qsort(p->texts, p->count, sizeof p->texts[0], compare);
    for (size_t i = 0; i < p->count; i++) {
        buffer_append_text(&joined, i == 0 ? "" : "&");
        *strchr(p->texts[i].data, '\1') = '=';
        buffer_append_text(&joined, p->texts[i].data);
    }
    buffer_append_text(out, "POST&http%3A%2F%2Fapi.example");
    encode(out, path);
    buffer_append_char(out, '&');
    encode(out, buffer_slice(&joined));
    buffer_fini(&joined);
}

static void make_header(struct slice base, const char *nonce, struct buffer *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    unsigned len = 0;
    require(HMAC(EVP_sha1(), SECRETS, sizeof SECRETS - 1, (const unsigned char *)base.data,
                 base.len, digest, &len) != NULL);
    int text_len = EVP_EncodeBlock(text, digest, (int)len);
    buffer_append_format(out,
                         "OAuth realm=\"x\", oauth_consumer_key=\"key\", oauth_token=\"token\","
                         "oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"%d\","
                         "oauth_nonce=\"%s\", oauth_signature=\"",
                         NOW_S, nonce);
    encode(out, slice_make((const char *)text, (size_t)text_len));
    buffer_append_char(out, '"');
}

static void check_signed(struct oauth *o, struct oauth_request *r, const char *nonce)
{
    struct pairs p = {.count = 0};
    struct buffer base = {0}, header = {0}, longer = {0};
    add_all(&p, r->query);
    add_all(&p, r->form);
    if (!p.is_strange && p.count + 5 <= PAIRS_MAX) {
        add_own(&p, "oauth_consumer_key", "key");
        add_own(&p, "oauth_token", "token");
        add_own(&p, "oauth_signature_method", "HMAC-SHA1");
        add_own(&p, "oauth_timestamp", "1700000000");
        add_own(&p, "oauth_nonce", nonce);
        make_base(&p, r->path, &base);
        make_header(buffer_slice(&base), nonce, &header);
        r->authorization = buffer_slice(&header);
        struct oauth_request other = *r;
        buffer_append_slice(&longer, r->query);
        buffer_append_text(&longer, "&a=b");
        other.query = buffer_slice(&longer);
        require(oauth_check(o, &other, NOW_S) == OAUTH_REFUSED);
        require(oauth_check(o, r, NOW_S) == OAUTH_ALLOWED);
        require(oauth_check(o, r, NOW_S) == OAUTH_REFUSED);
    }
    for (size_t i = 0; i < p.count; i++) {
        buffer_fini(&p.texts[i]);
    }
    buffer_fini(&base);
    buffer_fini(&header);
    buffer_fini(&longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct error err = {""};
    struct oauth *o;
    require(oauth_new(&o, "other:x,key:secret s:token:token-secret", &err) == 0);
    struct oauth_request r = {.method = slice_of("POST"), .host = slice_of("API.example:80")};
    r.path = fuzz_take(&rest, '\n');
    r.query = fuzz_take(&rest, '\n');
    r.form = fuzz_take(&rest, '\n');
    r.authorization = rest;
    require(oauth_check(o, &r, NOW_S) != OAUTH_ALLOWED);
    check_signed(o, &r, "nonce");
    oauth_free(o);
    return 0;
}
