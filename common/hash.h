/* Hashing for the tables in memory: fast, and seeded so that no sender can choose collisions. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

/* A seed of its own for each table. Without randomness the address must do: slower, never wrong. */
static inline uint64_t hash_seed(const void *table)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)(uintptr_t)table;
    }
    return seed | 1;
}

/*
 * Both halves of the product: of the lower one alone the top bits of a word would reach the same
 * few bits whatever the seed is, and words that undo each other could be chosen without knowing it.
 */
static inline uint64_t hash_mix(uint64_t hash, uint64_t word)
{
    __extension__ unsigned __int128 product =
        (unsigned __int128)(hash ^ word) * 0x9E3779B97F4A7C15U;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_bytes(uint64_t hash, const char *data, size_t len)
{
    hash = hash_mix(hash, len);
    for (; len >= sizeof(uint64_t); data += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data, sizeof(word));
        hash = hash_mix(hash, word);
    }
    uint64_t rest = 0;
    if (len > 0) {
        memcpy(&rest, data, len);
    }
    return hash_mix(hash, rest);
}

/* FNV-1a of 64 bits: for what is kept, and must be the same everywhere. Starts with
 * HASH_STABLE_START, or goes on with a hash of what stands before. */
#define HASH_STABLE_START 0xcbf29ce484222325U

static inline uint64_t hash_stable(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3U;
    }
    return hash;
}

#endif
