/* Random numbers that a seed repeats: what a run sends depends on its seed and on nothing else. */
#ifndef LOAD_DICE_H
#define LOAD_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

/* 64 random bits (splitmix64: a counter, well stirred, so neighbouring seeds share nothing). */
static inline uint64_t dice_roll(struct dice *d)
{
    d->state += 0x9e3779b97f4a7c15U;
    uint64_t z = d->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* 0 to bound - 1; bound is above 0. */
static inline unsigned dice_below(struct dice *d, unsigned bound)
{
    return (unsigned)(dice_roll(d) % bound);
}

#endif
