/*
 * The highest sequence applied of each (partition, lane): what drops every repeat. Changes since
 * the last commit are kept apart, so that they go with a flush or fall with it. Pure; one thread.
 */
#ifndef CONSUMER_MARKS_H
#define CONSUMER_MARKS_H

#include "consumer/store.h"

struct marks;

struct marks *marks_new(void);
void marks_free(struct marks *m);

/* Puts a mark as the store has it. Returns 0 or -ENOMEM. */
int marks_load(struct marks *m, const struct store_mark *mark);

enum marks_result {
    MARKS_NEW,    /* the sequence was above the mark, which now stands at it */
    MARKS_REPEAT, /* applied before: drop it */
    MARKS_NO_MEMORY
};

/* Applies a sequence. seen_ms: the record's timestamp. */
enum marks_result marks_apply(struct marks *m, int32_t partition, uint64_t lane, uint64_t sequence,
                              int64_t seen_ms);

/* Makes the rows changed since the last commit, sorted by key; they live until m changes. */
int marks_changed(struct marks *m, const struct store_mark **rows, size_t *count);

/* The flush that took the changes was committed. */
void marks_commit(struct marks *m);

/* Forgets everything, for loading anew. */
void marks_reset(struct marks *m);

/* How many marks are held. */
size_t marks_size(const struct marks *m);

#endif
