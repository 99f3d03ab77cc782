#include "ingest/acks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

struct slot {
    struct acks_turn turn;
    bool is_known; /* its outcome */
};

struct acks {
    uint64_t timeout_us;
    _Atomic uint64_t held;
    struct slot *slots; /* a ring; its size is a power of two */
    size_t capacity;
    size_t first, asked, end; /* rising; before asked all outcomes are known */
};

int acks_new(struct acks **out, uint64_t timeout_us)
{
    struct acks *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->timeout_us = timeout_us;
    a->slots = calloc(FIRST_CAPACITY, sizeof *a->slots);
    a->capacity = FIRST_CAPACITY;
    if (a->slots == NULL) {
        acks_free(a);
        return -ENOMEM;
    }
    *out = a;
    return 0;
}

void acks_free(struct acks *a)
{
    if (a == NULL) {
        return;
    }
    free(a->slots);
    free(a);
}

static struct slot *at(const struct acks *a, size_t i)
{
    return &a->slots[i & (a->capacity - 1)];
}

static bool grow(struct acks *a)
{
    struct slot *slots = calloc(a->capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = a->first; i < a->end; i++) {
        slots[i & (a->capacity * 2 - 1)] = *at(a, i);
    }
    free(a->slots);
    a->slots = slots;
    a->capacity *= 2;
    return true;
}

/* Shares the newest turn's fate: it waits for both, and what failed of them fails both. */
static void join_newest(struct acks *a, const struct acks_turn *turn)
{
    struct slot *newest = at(a, a->end - 1);
    newest->turn.ticket = turn->ticket;
    newest->turn.last_sequence = turn->last_sequence;
    newest->turn.count += turn->count;
    if (newest->turn.outcome == 0) {
        newest->turn.outcome = turn->outcome;
        newest->is_known = turn->outcome != 0;
        a->asked = a->asked < a->end ? a->asked : a->end - 1;
    }
}

void acks_add(struct acks *a, const struct acks_turn *turn)
{
    uint64_t held = atomic_load_explicit(&a->held, memory_order_relaxed) + turn->count;
    atomic_store_explicit(&a->held, held, memory_order_relaxed);
    if (a->end - a->first == a->capacity && !grow(a)) {
        join_newest(a, turn);
        return;
    }
    *at(a, a->end) = (struct slot){*turn, turn->outcome != 0};
    a->end++;
}

void acks_confirm(struct acks *a, uint64_t through, int outcome)
{
    for (; a->asked < a->end; a->asked++) {
        struct slot *slot = at(a, a->asked);
        if (slot->is_known) {
            continue;
        }
        if (slot->turn.last_sequence > through) {
            break;
        }
        slot->turn.outcome = outcome;
        slot->is_known = true;
    }
}

void acks_give_up(struct acks *a, int outcome)
{
    acks_confirm(a, UINT64_MAX, outcome);
}

bool acks_take(struct acks *a, uint64_t now_us, struct acks_turn *out)
{
    if (a->first == a->end) {
        return false;
    }
    struct slot *slot = at(a, a->first);
    if (!slot->is_known) {
        uint64_t deadline_us = acks_deadline_us(a);
        if (deadline_us == 0 || now_us < deadline_us) {
            return false;
        }
        slot->turn.outcome = ACKS_UNCONFIRMED;
    }
    *out = slot->turn;
    a->first++;
    a->asked = a->asked < a->first ? a->first : a->asked;
    uint64_t held = atomic_load_explicit(&a->held, memory_order_relaxed) - out->count;
    atomic_store_explicit(&a->held, held, memory_order_relaxed);
    return true;
}

uint64_t acks_deadline_us(const struct acks *a)
{
    bool waits = a->first < a->end && a->timeout_us > 0 && !at(a, a->first)->is_known;
    return waits ? at(a, a->first)->turn.begun_us + a->timeout_us : 0;
}

uint64_t acks_held(const struct acks *a)
{
    return atomic_load_explicit(&a->held, memory_order_relaxed);
}
