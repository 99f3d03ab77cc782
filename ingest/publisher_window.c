#include "ingest/publisher_window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum slot_state { SLOT_FREE, SLOT_IN_FLIGHT, SLOT_DELIVERED, SLOT_FAILED };

struct window_slot {
    struct window_record record;
    enum slot_state state;
    struct window_slot *previous, *next; /* in the lane; next also in the list of free ones */
};

struct window {
    size_t record_max, byte_max;
    size_t in_flight, bytes;
    size_t fresh; /* slots from here on were never used: their pages are not touched before */
    struct window_slot *free_slots;
    struct window_slot slots[];
};

int window_new(struct window **out, size_t record_max, size_t byte_max)
{
    if (record_max > (SIZE_MAX - sizeof(struct window)) / sizeof(struct window_slot)) {
        return -ENOMEM;
    }
    struct window *w = calloc(1, sizeof *w + record_max * sizeof w->slots[0]);
    if (w == NULL) {
        return -ENOMEM;
    }
    w->record_max = record_max;
    w->byte_max = byte_max;
    *out = w;
    return 0;
}

void window_free(struct window *w)
{
    free(w);
}

void window_lane_init(struct window_lane *l, uint64_t lane, uint64_t settled)
{
    *l = (struct window_lane){.lane = lane, .settled = settled};
}

bool window_lane_is_empty(const struct window_lane *l)
{
    return l->first == NULL;
}

static bool has_room(const struct window *w, uint32_t size_bytes)
{
    if (w->free_slots == NULL && w->fresh == w->record_max) {
        return false;
    }
    return w->in_flight == 0 || (w->bytes <= w->byte_max && size_bytes <= w->byte_max - w->bytes);
}

static struct window_slot *take_free(struct window *w)
{
    struct window_slot *s = w->free_slots;
    if (s == NULL) {
        return &w->slots[w->fresh++];
    }
    w->free_slots = s->next;
    return s;
}

static void give_back(struct window *w, struct window_slot *s)
{
    s->state = SLOT_FREE;
    s->next = w->free_slots;
    w->free_slots = s;
}

struct window_slot *window_add(struct window *w, struct window_lane *l, uint64_t sequence,
                               uint32_t size_bytes)
{
    if (!has_room(w, size_bytes)) {
        return NULL;
    }
    assert(sequence > l->settled && (l->last == NULL || sequence > l->last->record.sequence));
    struct window_slot *s = take_free(w);
    *s = (struct window_slot){
        .record = {l, sequence, size_bytes}, .state = SLOT_IN_FLIGHT, .previous = l->last};
    if (l->last == NULL) {
        l->first = s;
    } else {
        l->last->next = s;
    }
    l->last = s;
    w->in_flight++;
    w->bytes += size_bytes;
    return s;
}

static void leave_flight(struct window *w, const struct window_slot *s)
{
    assert(s->state == SLOT_IN_FLIGHT);
    w->in_flight--;
    w->bytes -= s->record.size_bytes;
}

void window_cancel(struct window *w, struct window_slot *s)
{
    struct window_lane *l = s->record.lane;
    assert(l->last == s);
    leave_flight(w, s);
    l->last = s->previous;
    if (l->last == NULL) {
        l->first = NULL;
    } else {
        l->last->next = NULL;
    }
    give_back(w, s);
}

struct window_record window_record_of(const struct window_slot *s)
{
    return s->record;
}

void window_deliver(struct window *w, struct window_slot *s)
{
    leave_flight(w, s);
    s->state = SLOT_DELIVERED;
    struct window_lane *l = s->record.lane;
    while (l->first != NULL && l->first->state == SLOT_DELIVERED) {
        struct window_slot *first = l->first;
        l->settled = first->record.sequence;
        l->first = first->next;
        if (l->first == NULL) {
            l->last = NULL;
        } else {
            l->first->previous = NULL;
        }
        give_back(w, first);
    }
}

void window_fail(struct window *w, struct window_slot *s)
{
    leave_flight(w, s);
    s->state = SLOT_FAILED;
}

void window_refuse(struct window *w, struct window_slot *s)
{
    struct window_lane *l = s->record.lane;
    uint64_t sequence = s->record.sequence;
    if (l->refused_first == 0 || sequence < l->refused_first) {
        l->refused_first = sequence;
    }
    if (sequence > l->refused_last) {
        l->refused_last = sequence;
    }
    window_fail(w, s);
}

void window_skip(struct window_lane *l, uint64_t sequence)
{
    assert(l->first == NULL && sequence > l->settled);
    l->settled = sequence;
}

void window_clear(struct window *w)
{
    for (size_t i = 0; i < w->fresh; i++) {
        if (w->slots[i].state != SLOT_FREE) {
            struct window_lane *l = w->slots[i].record.lane;
            l->first = NULL;
            l->last = NULL;
        }
    }
    w->free_slots = NULL;
    w->fresh = 0;
    w->in_flight = 0;
    w->bytes = 0;
}

size_t window_in_flight(const struct window *w)
{
    return w->in_flight;
}
