/*
 * Sums of int64_t by key, in memory: one hash lookup an addition, sorted at the end. A key is a few
 * words of 64 bits, compared in turn as unsigned numbers. Pure; one thread.
 */
#ifndef CONSUMER_SUMS_H
#define CONSUMER_SUMS_H

#include <stddef.h>
#include <stdint.h>

enum { SUMS_KEY_WORDS_MAX = 5 };

struct sums;

/* key_words 1 to SUMS_KEY_WORDS_MAX, sum_count from 1. NULL when memory runs out. */
struct sums *sums_new(size_t key_words, size_t sum_count);
void sums_free(struct sums *s);

/* The sums under key, all 0 for a new one; NULL when memory runs out. Valid until the next call. */
int64_t *sums_at(struct sums *s, const uint64_t *key);

/* The same, but NULL for a key that is not there. */
int64_t *sums_find(struct sums *s, const uint64_t *key);

/* How many keys there are. */
size_t sums_count(const struct sums *s);

/*
 * A copy of all keys and sums, sorted by key: records of key_words + sum_count words, the key
 * first. Valid until the next sums_sorted(), sums_reset() or sums_free(). NULL when memory runs
 * out.
 */
const uint64_t *sums_sorted(struct sums *s);

/* Forgets all keys, keeps the memory that is in steady use. */
void sums_reset(struct sums *s);

/* A signed number as one that sorts the same unsigned, in 32 bits, and back. */
static inline uint64_t sums_order(int32_t number)
{
    return (uint32_t)number ^ UINT32_C(0x80000000);
}

static inline int32_t sums_unorder(uint64_t word)
{
    return (int32_t)((uint32_t)word ^ UINT32_C(0x80000000));
}

#endif
