/*
 * Who a viewer is, as a hash that tells nothing without the store's secret key (SipHash-2-4 of 128
 * bits, of libcrypto). One thread a hasher.
 */
#ifndef CONSUMER_VIEWER_HASH_H
#define CONSUMER_VIEWER_HASH_H

#include "common/slice.h"
#include "consumer/store.h"

#include <stdbool.h>

struct viewer_hash;

/* NULL when memory runs out. */
struct viewer_hash *viewer_hash_new(const struct store_viewer_key *key);
void viewer_hash_free(struct viewer_hash *h);

/* Hashes a name: a uuid, or what ingest derived; the same text of both kinds is two viewers.
 * Returns false when libcrypto fails. */
bool viewer_hash_of(struct viewer_hash *h, bool is_derived, struct slice name,
                    unsigned char out[STORE_VIEWER_SIZE]);

/* The first 64 bits, for sketches. */
uint64_t viewer_hash_word(const unsigned char hash[STORE_VIEWER_SIZE]);

/* The version of the OpenSSL that runs, as it names itself. Any thread. */
const char *viewer_hash_library(void);

#endif
