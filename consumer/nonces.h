/*
 * The nonces of signed requests that were let in, so that a request that is overheard cannot be
 * sent again (RFC 5849, section 3.3). Each is remembered for NONCES_KEPT_S at least. One thread.
 */
#ifndef CONSUMER_NONCES_H
#define CONSUMER_NONCES_H

#include <stdint.h>

enum {
    NONCES_KEPT_S = 600,
    NONCES_MAX = 1 << 18 /* within NONCES_KEPT_S: some 440 requests a second, 4 MiB */
};

struct nonces;

struct nonces *nonces_new(void);
void nonces_free(struct nonces *n);

enum nonces_result {
    NONCES_NEW,
    NONCES_USED,
    NONCES_FULL /* there is no room for more in this time, or no memory: refuse the request */
};

/* Remembers the hash of a nonce and of all that makes it unique. now_s: of the clock by which
 * timestamps are judged. */
enum nonces_result nonces_use(struct nonces *n, uint64_t hash, int64_t now_s);

#endif
