#include "ingest/client.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>

enum { MS_A_DAY = 24 * 60 * 60 * 1000, DIGEST_SIZE = 32 };

struct client_hasher {
    uint8_t secret[CLIENT_SECRET_SIZE];
    EVP_MAC_CTX *mac;
    bool is_keyed; /* mac holds the key of day */
    uint64_t day;
};

static bool set_digest(EVP_MAC_CTX *mac)
{
    char name[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int client_hasher_new(struct client_hasher **out, const uint8_t secret[CLIENT_SECRET_SIZE])
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    struct client_hasher *h = calloc(1, sizeof(*h));
    if (hmac == NULL || h == NULL) {
        goto fail;
    }
    memcpy(h->secret, secret, sizeof(h->secret));
    h->mac = EVP_MAC_CTX_new(hmac);
    if (h->mac == NULL || !set_digest(h->mac)) {
        goto fail;
    }
    EVP_MAC_free(hmac);
    *out = h;
    return 0;
fail:
    EVP_MAC_free(hmac);
    client_hasher_free(h);
    return -ENOMEM;
}

void client_hasher_free(struct client_hasher *h)
{
    if (h != NULL) {
        EVP_MAC_CTX_free(h->mac);
        OPENSSL_cleanse(h->secret, sizeof(h->secret));
        free(h);
    }
}

static void put_number(uint64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static bool finish(EVP_MAC_CTX *mac, uint8_t digest[DIGEST_SIZE])
{
    size_t len = 0;
    return EVP_MAC_final(mac, digest, &len, DIGEST_SIZE) == 1 && len == DIGEST_SIZE;
}

/* Makes sure that mac is keyed for the day, and starts a message. */
static bool begin(struct client_hasher *h, uint64_t day)
{
    static const uint8_t purpose[] = "playreport viewer of day ";
    uint8_t number[8], key[DIGEST_SIZE];
    if (h->is_keyed && h->day == day) {
        return EVP_MAC_init(h->mac, NULL, 0, NULL) == 1; /* keeps the key */
    }
    h->is_keyed = false;
    put_number(day, number);
    bool is_done = EVP_MAC_init(h->mac, h->secret, sizeof(h->secret), NULL) == 1 &&
                   EVP_MAC_update(h->mac, purpose, sizeof(purpose)) == 1 &&
                   EVP_MAC_update(h->mac, number, sizeof(number)) == 1 && finish(h->mac, key) &&
                   EVP_MAC_init(h->mac, key, sizeof(key), NULL) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    h->is_keyed = is_done;
    h->day = day;
    return is_done;
}

static bool add(EVP_MAC_CTX *mac, struct slice s)
{
    return EVP_MAC_update(mac, (const unsigned char *)s.data, s.len) == 1;
}

/* The site's length keeps it apart from the user agent behind it. */
static bool digest_visit(struct client_hasher *h, const struct client_visit *visit,
                         uint8_t digest[DIGEST_SIZE])
{
    struct slice agent = visit->user_agent;
    uint8_t site_len[8];
    put_number(visit->site.len, site_len);
    if (agent.len > CLIENT_AGENT_MAX) {
        agent.len = CLIENT_AGENT_MAX;
    }
    return begin(h, visit->ts_ms / MS_A_DAY) &&
           EVP_MAC_update(h->mac, visit->address.bytes, sizeof(visit->address.bytes)) == 1 &&
           EVP_MAC_update(h->mac, site_len, sizeof(site_len)) == 1 && add(h->mac, visit->site) &&
           add(h->mac, agent) && finish(h->mac, digest);
}

struct slice client_viewer(struct client_hasher *h, const struct client_visit *visit,
                           char out[CLIENT_VIEWER_LEN])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[DIGEST_SIZE];
    if (!visit->address.known || !digest_visit(h, visit, digest)) {
        return slice_make(NULL, 0);
    }
    for (size_t i = 0; i < CLIENT_VIEWER_LEN / 2; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    return slice_make(out, CLIENT_VIEWER_LEN);
}

const char *client_hasher_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}
