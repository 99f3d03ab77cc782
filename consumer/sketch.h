/*
 * Counts distinct viewers: exactly up to 256 hashes, beyond that by HyperLogLog with 2^14 registers
 * (standard error 0.8 %), estimated as in O. Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), which needs no tables of corrections. Pure; one thread a sketch.
 */
#ifndef CONSUMER_SKETCH_H
#define CONSUMER_SKETCH_H

#include "common/slice.h"

#include <stdint.h>

struct sketch;

/* An empty sketch, or NULL. It takes 18 KiB whatever it holds: made once and used for many. */
struct sketch *sketch_new(void);
void sketch_free(struct sketch *s);

/* Makes it empty. */
void sketch_reset(struct sketch *s);

/* Adds a viewer by a hash of 64 bits, all of them random. Returns whether that changed anything. */
bool sketch_add(struct sketch *s, uint64_t hash);

/* Adds all that from has. */
void sketch_merge(struct sketch *s, const struct sketch *from);

/* How many different hashes were added, about. */
uint64_t sketch_count(const struct sketch *s);

/*
 * The byte form for the store: a byte of version, a byte of form, then
 *   exact   the hashes, rising, 8 bytes each, big-endian
 *   sparse  for each register that is not 0, rising, a varint: how many are 0 before it, times 64,
 *           plus its value
 *   dense   all registers, 6 bits each, from the low bit of the first byte on
 * Sparse is taken for dense where that is shorter. The version is raised with every change of
 * meaning, the way from hashes to registers included; a reader knows all versions there have been.
 */
enum { SKETCH_VERSION = 1, SKETCH_REGISTERS = 1 << 14 };
enum { SKETCH_BYTES_MAX = 2 + SKETCH_REGISTERS * 6 / 8 };

/* Returns how many bytes were written. */
size_t sketch_encode(const struct sketch *s, char out[SKETCH_BYTES_MAX]);

/* Takes the place of what s held. Returns false, and leaves s empty, for what is no byte form. */
bool sketch_decode(struct sketch *s, struct slice bytes);

#endif
