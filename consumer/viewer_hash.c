#include "consumer/viewer_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <endian.h>
#include <stdlib.h>

struct viewer_hash {
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
    struct store_viewer_key key;
};

struct viewer_hash *viewer_hash_new(const struct store_viewer_key *key)
{
    struct viewer_hash *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return NULL;
    }
    size_t size = STORE_VIEWER_SIZE;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    h->key = *key;
    h->mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    h->context = h->mac == NULL ? NULL : EVP_MAC_CTX_new(h->mac);
    if (h->context == NULL || EVP_MAC_CTX_set_params(h->context, params) != 1) {
        viewer_hash_free(h);
        return NULL;
    }
    return h;
}

void viewer_hash_free(struct viewer_hash *h)
{
    if (h == NULL) {
        return;
    }
    EVP_MAC_CTX_free(h->context);
    EVP_MAC_free(h->mac);
    free(h);
}

bool viewer_hash_of(struct viewer_hash *h, bool is_derived, struct slice name,
                    unsigned char out[STORE_VIEWER_SIZE])
{
    const unsigned char kind = is_derived ? 'd' : 'u';
    size_t len = 0;
    return EVP_MAC_init(h->context, h->key.bytes, sizeof h->key.bytes, NULL) == 1 &&
           EVP_MAC_update(h->context, &kind, 1) == 1 &&
           EVP_MAC_update(h->context, (const unsigned char *)name.data, name.len) == 1 &&
           EVP_MAC_final(h->context, out, &len, STORE_VIEWER_SIZE) == 1 && len == STORE_VIEWER_SIZE;
}

uint64_t viewer_hash_word(const unsigned char hash[STORE_VIEWER_SIZE])
{
    uint64_t word;
    memcpy(&word, hash, sizeof word);
    return be64toh(word);
}

const char *viewer_hash_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}
