#include "consumer/sketch_internal.h"

#include <math.h>
#include <stdlib.h>

struct sketch *sketch_new(void)
{
    struct sketch *s = malloc(sizeof *s);
    if (s != NULL) {
        sketch_reset(s);
    }
    return s;
}

void sketch_free(struct sketch *s)
{
    free(s);
}

void sketch_reset(struct sketch *s)
{
    s->is_exact = true;
    s->exact_count = 0;
}

void sketch_clear_registers(struct sketch *s)
{
    s->is_exact = false;
    memset(s->registers, 0, sizeof s->registers);
}

/* The first 14 bits name the register, the zeros after them are what it remembers. */
static bool add_to_registers(struct sketch *s, uint64_t hash)
{
    size_t index = (size_t)(hash >> (64 - SKETCH_INDEX_BITS));
    uint64_t rest = hash << SKETCH_INDEX_BITS | UINT64_C(1) << (SKETCH_INDEX_BITS - 1);
    uint8_t value = (uint8_t)(__builtin_clzll(rest) + 1);
    if (s->registers[index] >= value) {
        return false;
    }
    s->registers[index] = value;
    return true;
}

static void leave_exact(struct sketch *s)
{
    sketch_clear_registers(s);
    for (uint32_t i = 0; i < s->exact_count; i++) {
        (void)add_to_registers(s, s->exact[i]); /* two hashes may share a register */
    }
}

static bool add_exact(struct sketch *s, uint64_t hash)
{
    uint32_t low = 0, high = s->exact_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->exact[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < s->exact_count && s->exact[low] == hash) {
        return false;
    }
    if (s->exact_count == SKETCH_EXACT_MAX) {
        leave_exact(s);
        (void)add_to_registers(s, hash); /* it is new, whether its register knows it or not */
        return true;
    }
    memmove(&s->exact[low + 1], &s->exact[low], (s->exact_count - low) * sizeof s->exact[0]);
    s->exact[low] = hash;
    s->exact_count++;
    return true;
}

bool sketch_add(struct sketch *s, uint64_t hash)
{
    return s->is_exact ? add_exact(s, hash) : add_to_registers(s, hash);
}

void sketch_merge(struct sketch *s, const struct sketch *from)
{
    if (from->is_exact) {
        for (uint32_t i = 0; i < from->exact_count; i++) {
            (void)sketch_add(s, from->exact[i]); /* it may be there */
        }
        return;
    }
    if (s->is_exact) {
        leave_exact(s);
    }
    for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
        if (from->registers[i] > s->registers[i]) {
            s->registers[i] = from->registers[i];
        }
    }
}

/* Ertl's sigma: what registers at 0 are worth, from their share. Infinite when all are 0. */
static double sigma(double x)
{
    double power = 1, sum = x, before = -1;
    while (sum != before) {
        x *= x;
        before = sum;
        sum += x * power;
        power += power;
    }
    return sum;
}

/* Ertl's tau: the same for registers that are full, from the share of those that are not. */
static double tau(double x)
{
    double power = 1, sum = 1 - x, before = -1;
    if (x == 0 || x == 1) {
        return 0;
    }
    while (sum != before) {
        x = sqrt(x);
        before = sum;
        power /= 2;
        sum -= (1 - x) * (1 - x) * power;
    }
    return sum / 3;
}

uint64_t sketch_count(const struct sketch *s)
{
    if (s->is_exact) {
        return s->exact_count;
    }
    const double m = SKETCH_REGISTERS;
    unsigned counts[SKETCH_VALUE_MAX + 1] = {0};
    for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
        counts[s->registers[i]]++;
    }
    double z = m * tau(1 - counts[SKETCH_VALUE_MAX] / m);
    for (int value = SKETCH_VALUE_MAX - 1; value >= 1; value--) {
        z = (z + counts[value]) / 2;
    }
    z += m * sigma(counts[0] / m);
    double count = m * m / (2 * log(2) * z);
    return count < 0x1p63 ? (uint64_t)llround(count) : UINT64_C(1) << 63;
}
