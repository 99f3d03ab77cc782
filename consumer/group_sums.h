/*
 * Rows added up by their first columns in a hash table: what GROUP BY does, without sorting the
 * rows. It takes a bounded number of groups, so whoever has more gives out what is full and begins
 * anew; the parts of a group are then to be added up once more. Pure; one thread at a time.
 */
#ifndef CONSUMER_GROUP_SUMS_H
#define CONSUMER_GROUP_SUMS_H

#include <stddef.h>
#include <stdint.h>

struct group_sums;

/* Rows of keys and then sums, at least one number in all. bytes_max: of the groups and of the
 * table that finds them; there is room for one group at least. NULL when memory runs out. */
struct group_sums *group_sums_new(size_t keys, size_t sums, size_t bytes_max);
void group_sums_free(struct group_sums *g);

/* Adds a row of keys + sums numbers to its group. Returns 0; -ENOSPC when the group is new and the
 * table is full, -EOVERFLOW when a sum passes int64_t, or -ENOMEM: then nothing of the row is in
 * (but for sums before the one that passed). */
int group_sums_add(struct group_sums *g, const int64_t *row);

size_t group_sums_count(const struct group_sums *g);

/* The row of a group, index < group_sums_count(), in the order in which they came; until the next
 * call that changes g. */
const int64_t *group_sums_row(const struct group_sums *g, size_t index);

/* Forgets all groups, keeps the memory. */
void group_sums_clear(struct group_sums *g);

#endif
