#include "consumer/nonces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024 }; /* a power of two */

/* A set of hashes; 0 marks a free slot. */
struct set {
    uint64_t *slots;
    size_t slot_count, count;
};

/* Two generations: when the young one is NONCES_KEPT_S old it becomes the old one, whose own
 * hashes are then of no use any more. */
struct nonces {
    struct set young, old;
    int64_t began_s; /* when the young one did */
};

struct nonces *nonces_new(void)
{
    return calloc(1, sizeof(struct nonces));
}

void nonces_free(struct nonces *n)
{
    if (n != NULL) {
        free(n->young.slots);
        free(n->old.slots);
        free(n);
    }
}

static size_t find(const struct set *s, uint64_t hash)
{
    size_t at = (size_t)hash & (s->slot_count - 1);
    while (s->slots[at] != 0 && s->slots[at] != hash) {
        at = (at + 1) & (s->slot_count - 1);
    }
    return at;
}

static bool has(const struct set *s, uint64_t hash)
{
    return s->slot_count != 0 && s->slots[find(s, hash)] != 0;
}

static bool grow(struct set *s)
{
    struct set larger = {.slot_count = s->slot_count == 0 ? FIRST_SLOTS : s->slot_count * 2,
                         .count = s->count};
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i] != 0) {
            larger.slots[find(&larger, s->slots[i])] = s->slots[i];
        }
    }
    free(s->slots);
    *s = larger;
    return true;
}

static void age(struct nonces *n, int64_t now_s)
{
    if (now_s - n->began_s < NONCES_KEPT_S) {
        return;
    }
    free(n->old.slots);
    n->old = now_s - n->began_s < 2 * NONCES_KEPT_S ? n->young : (struct set){NULL, 0, 0};
    if (n->old.slots != n->young.slots) {
        free(n->young.slots);
    }
    n->young = (struct set){NULL, 0, 0};
    n->began_s = now_s;
}

enum nonces_result nonces_use(struct nonces *n, uint64_t hash, int64_t now_s)
{
    hash = hash == 0 ? 1 : hash;
    age(n, now_s);
    if (has(&n->young, hash) || has(&n->old, hash)) {
        return NONCES_USED;
    }
    bool is_tight = n->young.count * 2 >= n->young.slot_count;
    if (n->young.count >= NONCES_MAX || (is_tight && !grow(&n->young))) {
        return NONCES_FULL;
    }
    n->young.slots[find(&n->young, hash)] = hash;
    n->young.count++;
    return NONCES_NEW;
}
