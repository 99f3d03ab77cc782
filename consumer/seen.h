/*
 * Which report_ids were counted: a repeat of the same (site, photo_id, uuid or none, report_id)
 * within 24 hours, by the events' ts, and among the last 64 of that viewer is not counted again.
 * Groups are read from the store when they are first asked for; what changed goes with a flush.
 * Pure; one thread.
 */
#ifndef CONSUMER_SEEN_H
#define CONSUMER_SEEN_H

#include "consumer/store.h"

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *s);

enum seen_result {
    SEEN_NEW,    /* it was not there, and now is */
    SEEN_REPEAT, /* counted before */
    SEEN_ABSENT, /* the group is not held: seen_load(), and once more */
    SEEN_NO_MEMORY
};

/* The key of a viewer's reports on a video; uuid absent or empty = none. */
struct store_seen_key seen_key(uint32_t site, uint64_t photo_id, struct slice uuid);

/* Looks a report up, and adds it. */
enum seen_result seen_add(struct seen *s, const struct store_seen_key *key, struct slice report_id,
                          int64_t ts_ms);

/* Puts a group as the store has it; data empty = it has none. Returns 0 or -ENOMEM. */
int seen_load(struct seen *s, const struct store_seen_key *key, struct slice data);

/* Groups that changed since the last commit. */
size_t seen_changed_count(const struct seen *s);

/*
 * Their rows, sorted by key; they live until s changes. today is the day of the flush, since 1970
 * UTC: reports that come days late are kept as long as those of today, since their repeats come
 * late too. Returns 0 or -ENOMEM.
 */
int seen_changed(struct seen *s, int32_t today, const struct store_seen **rows, size_t *count);

/* The flush that took them was committed. Memory is given back when it is too much. */
void seen_commit(struct seen *s);

/* Forgets everything, for loading anew. */
void seen_reset(struct seen *s);

#endif
