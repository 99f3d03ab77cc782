/*
 * Events to changes: marks drop the repeats, strings become ids, the rest is added up. What is held
 * goes with one flush (counter_commit) or falls (counter_reset, then everything is loaded anew).
 * One thread.
 */
#ifndef CONSUMER_COUNTER_H
#define CONSUMER_COUNTER_H

#include "common/error.h"
#include "common/event.h"
#include "common/sites.h"
#include "consumer/site_zones.h"
#include "consumer/store.h"
#include "consumer/viewing.h"

struct counter;

/*
 * Ask the store for what is not in memory: the report_ids of a viewer, a viewing. They call
 * counter_load_seen(), counter_load_viewing() if it has some. Return 0 or -errno.
 */
typedef int counter_find_seen_fn(const struct store_seen_key *key, void *arg);
typedef int counter_find_viewing_fn(const struct store_viewing_key *key, void *arg);

/* Ask the store for names that have a place on a day; see store_count_names() and those below. */
struct counter_names_source {
    int (*count)(const struct store_name_day *day, int64_t *count, void *arg);
    int (*find)(const struct store_name_day *day, uint64_t name, store_name_fn *fn, void *to,
                void *arg);
    int (*largest)(const struct store_name_day *day, int64_t limit, store_name_fn *fn, void *to,
                   void *arg);
};

/* Names by enum store_name_kind that may have a place on a day. */
void counter_usual_limits(int64_t limits[STORE_NAME_KIND_COUNT]);

struct counter_options {
    const struct sites *sites;
    const char *known_sources; /* comma list of those that always have a place; NULL = none */
    const int64_t *limits;     /* by enum store_name_kind, of a site and day; NULL = the usual.
                                  0 photo_ids: they are not limited, since ingest has a catalogue */
    struct viewing_rules rules;
    size_t viewing_cache; /* viewings kept in memory */
    counter_find_seen_fn *find_seen;
    counter_find_viewing_fn *find_viewing;
    struct counter_names_source names;
    void *arg; /* of all of them */
};

/* Returns 0 or -errno with a sentence (a site's time zone that does not exist). Play reports
 * need counter_load_viewer_key() first. */
int counter_new(struct counter **out, const struct counter_options *options, struct error *err);
void counter_free(struct counter *c);

/* Goes by the zones in the slot from now on, if there are some; what is held too. */
void counter_follow_zones(struct counter *c, struct site_zones_slot *slot);

/* What the wall clock says: only a ts that is far ahead of it is looked at by it. */
void counter_set_now(struct counter *c, int64_t now_ms);

/* What the store has. A failure (out of memory) is remembered for counter_failed(). */
void counter_load_mark(struct counter *c, const struct store_mark *mark);
void counter_load_string(struct counter *c, uint32_t id, struct slice text);
void counter_load_seen(struct counter *c, const struct store_seen_key *key, struct slice data);
void counter_load_viewing(struct counter *c, struct slice state);
void counter_load_clock(struct counter *c, const struct store_clock *clock);
void counter_load_viewer_key(struct counter *c, const struct store_viewer_key *key);
bool counter_failed(const struct counter *c);

enum counter_result {
    COUNTER_COUNTED,
    COUNTER_REPEAT,    /* the record was applied before */
    COUNTER_REPORTED,  /* the report was: its sender gave it the same report_id */
    COUNTER_NO_MEMORY, /* these two: only counter_reset() may follow */
    COUNTER_STORE_FAILED
};

/*
 * Counts one event of a partition. seen_ms is the record's timestamp: that of an event sent again
 * later than its ts.
 */
enum counter_result counter_add(struct counter *c, int32_t partition, int64_t seen_ms,
                                const struct player_event *e);

/* The least clock of the partitions; INT64_MAX when none has one. */
int64_t counter_least_clock(const struct counter *c);

/* Rows that a flush would change: what a flush by size goes by. */
size_t counter_size(const struct counter *c);

/*
 * Fills in all rows of the batch but the positions; they live until c changes. today: see
 * seen_changed(). Returns 0 or -ENOMEM.
 */
int counter_rows(struct counter *c, int32_t today, struct store_batch *batch);

/* Holes that were joined since there were more than 64 intervals, since the last call; events too
 * far ahead of the wall clock. */
struct counter_figures {
    uint64_t joined_intervals, future_events;
};
struct counter_figures counter_take_figures(struct counter *c);

void counter_commit(struct counter *c);
void counter_reset(struct counter *c);

#endif
