/* What the files of the sketch share; nobody else includes it. */
#ifndef CONSUMER_SKETCH_INTERNAL_H
#define CONSUMER_SKETCH_INTERNAL_H

#include "consumer/sketch.h"

enum {
    SKETCH_EXACT_MAX = 256,
    SKETCH_INDEX_BITS = 14,
    /* A register holds 1 more than the zeros that lead the 50 bits left of a hash: up to 51. */
    SKETCH_VALUE_MAX = 64 - SKETCH_INDEX_BITS + 1
};

struct sketch {
    bool is_exact;
    uint32_t exact_count;
    uint64_t exact[SKETCH_EXACT_MAX];    /* rising */
    uint8_t registers[SKETCH_REGISTERS]; /* worth something unless is_exact */
};

/* Goes from hashes to registers, of which none is set. */
void sketch_clear_registers(struct sketch *s);

#endif
