#include "ingest/journal_replaced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void replaced_fini(struct replaced *r)
{
    free(r->entries);
    *r = (struct replaced){0};
}

int replaced_reserve(struct replaced *r, size_t count)
{
    if (count > SIZE_MAX / sizeof *r->entries / 2 - r->count) {
        return -ENOMEM;
    }
    size_t want = r->count + count;
    if (want <= r->capacity) {
        return 0;
    }
    size_t capacity = want < r->capacity * 2 ? r->capacity * 2 : want;
    struct replaced_entry *entries = realloc(r->entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return -ENOMEM;
    }
    r->entries = entries;
    r->capacity = capacity;
    return 0;
}

/* Where the first entry stands that is not below. */
static size_t find(const struct replaced *r, uint64_t lane, uint64_t sequence)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct replaced_entry *e = &r->entries[middle];
        if (e->lane < lane || (e->lane == lane && e->sequence < sequence)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct replaced *r, size_t at, uint64_t lane, uint64_t sequence)
{
    return at < r->count && r->entries[at].lane == lane && r->entries[at].sequence == sequence;
}

void replaced_put(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t by_lane,
                  uint64_t by_sequence)
{
    size_t at = find(r, lane, sequence);
    struct replaced_entry *e = &r->entries[at];
    if (!is_at(r, at, lane, sequence)) {
        memmove(e + 1, e, (r->count - at) * sizeof *e);
        r->count++;
        *e = (struct replaced_entry){.lane = lane, .sequence = sequence, .follows = UINT64_MAX};
    }
    e->by_lane = by_lane;
    e->by_sequence = by_sequence;
}

int replaced_note(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t by_lane,
                  uint64_t by_sequence)
{
    if (replaced_reserve(r, 2) != 0) {
        return -ENOMEM;
    }
    size_t at = find(r, lane, sequence);
    if (is_at(r, at, lane, sequence)) {
        struct replaced_entry e = r->entries[at];
        if (e.by_lane == by_lane && e.by_sequence == by_sequence) {
            return 0; /* met twice, as in a copied file */
        }
        if (e.by_sequence > by_sequence) {
            replaced_put(r, by_lane, by_sequence, e.by_lane, e.by_sequence);
            return 0;
        }
        replaced_put(r, e.by_lane, e.by_sequence, by_lane, by_sequence);
    }
    replaced_put(r, lane, sequence, by_lane, by_sequence);
    return 0;
}

bool replaced_has(const struct replaced *r, uint64_t lane, uint64_t sequence)
{
    return is_at(r, find(r, lane, sequence), lane, sequence);
}

bool replaced_meet(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t before)
{
    size_t at = find(r, lane, sequence);
    if (!is_at(r, at, lane, sequence)) {
        return false;
    }
    r->entries[at].follows = before;
    return true;
}

uint64_t replaced_pass(const struct replaced *r, uint64_t lane, uint64_t sequence)
{
    for (size_t at = find(r, lane, sequence); at < r->count; at++) {
        const struct replaced_entry *e = &r->entries[at];
        if (e->lane != lane || (e->sequence > sequence && e->follows > sequence)) {
            break;
        }
        sequence = e->sequence;
    }
    return sequence;
}

bool replaced_needs(const struct replaced *r, uint64_t by_lane, uint64_t by_sequence)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct replaced_entry *e = &r->entries[i];
        if (e->by_lane == by_lane && e->by_sequence <= by_sequence && e->lane != by_lane) {
            return true;
        }
    }
    return false;
}

bool replaced_prune(struct replaced *r, replaced_gone_fn *is_gone, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (!is_gone(r->entries[i].lane, r->entries[i].sequence, arg)) {
            r->entries[kept++] = r->entries[i];
        }
    }
    bool has_pruned = kept < r->count;
    r->count = kept;
    return has_pruned;
}
