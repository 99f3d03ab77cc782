/*
 * Which records of a journal are not to be delivered, because later ones replace them. Pure
 * bookkeeping; one thread.
 */
#ifndef INGEST_JOURNAL_REPLACED_H
#define INGEST_JOURNAL_REPLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replaced_entry {
    uint64_t lane, sequence; /* the old record */
    uint64_t by_lane, by_sequence;
    uint64_t follows; /* the record read before it; UINT64_MAX while that is not known */
};

/* Lives in the caller's storage; all zero is empty. */
struct replaced {
    struct replaced_entry *entries; /* by lane and sequence */
    size_t count, capacity;
};

void replaced_fini(struct replaced *r);

/* Makes room for count more. Returns 0 or -ENOMEM. */
int replaced_reserve(struct replaced *r, size_t count);

/* Adds what there is room for; an old record that is there already gets the new one's name. */
void replaced_put(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t by_lane,
                  uint64_t by_sequence);

/*
 * As replaced_put(), making room, for what is met in any order: of several in the place of one
 * record the highest sequence counts and replaces the others too. Returns 0 or -ENOMEM.
 */
int replaced_note(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t by_lane,
                  uint64_t by_sequence);

bool replaced_has(const struct replaced *r, uint64_t lane, uint64_t sequence);

/* Is the record replaced? Then it is also remembered which one was read before it. */
bool replaced_meet(struct replaced *r, uint64_t lane, uint64_t sequence, uint64_t before);

/* How far a lane is settled once it is settled up to sequence: replaced records need nobody. */
uint64_t replaced_pass(const struct replaced *r, uint64_t lane, uint64_t sequence);

/* Does a record of the lane up to sequence replace one of another lane? */
bool replaced_needs(const struct replaced *r, uint64_t by_lane, uint64_t by_sequence);

/* Takes out the entries for which is_gone is true. Returns whether there were any. */
typedef bool replaced_gone_fn(uint64_t lane, uint64_t sequence, void *arg);
bool replaced_prune(struct replaced *r, replaced_gone_fn *is_gone, void *arg);

#endif
