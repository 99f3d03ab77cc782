/*
 * The contract of a store: what is counted, how far the topic has been counted, and what has been
 * seen. One call writes a whole flush in one transaction. Engines: consumer/store_sqlite.c
 * (PostgreSQL follows).
 */
#ifndef CONSUMER_STORE_H
#define CONSUMER_STORE_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* What stands for a source that was not given, and for names past the limit of a day. */
#define STORE_NO_SOURCE "(none)"
#define STORE_OTHER "(other)"

/* The photo_id of a row that stands for those past the limit, and of one for all of a site. */
static const uint64_t STORE_OTHER_PHOTO = (uint64_t)-2, STORE_ALL_PHOTOS = (uint64_t)-1;

/* Names that are limited by site and day. */
enum store_name_kind {
    STORE_NAME_SOURCE,
    STORE_NAME_EVENT,
    STORE_NAME_PHOTO,
    STORE_NAME_DOMAIN,
    STORE_NAME_URL,
    STORE_NAME_KIND_COUNT
};

/* Whose traffic a row counts: totals leave robots and one's own people out unless asked. */
enum store_traffic {
    STORE_TRAFFIC_PEOPLE = 0,
    STORE_TRAFFIC_BOT = 1,
    STORE_TRAFFIC_INTERNAL = 2,
    STORE_TRAFFIC_BOT_INTERNAL = 3
};

/* The grains written; never one from another later. */
enum store_grain {
    STORE_GRAIN_QUARTER, /* bucket = quarter hours since 1970 UTC */
    STORE_GRAIN_HOUR,    /* bucket = hours since 1970 UTC */
    STORE_GRAIN_DAY,     /* bucket = days since 1970-01-01 in the site's time zone */
    STORE_GRAIN_COUNT
};

/* How long the finer grains are kept; days are for ever. */
enum { STORE_QUARTERS_KEPT_DAYS = 35, STORE_HOURS_KEPT_DAYS = 400 };

/* What a row of totals sums up (analytics, "Counting rules"). */
enum store_measure {
    STORE_REPORTS, /* of every kind */
    STORE_EVENTS,  /* of kind event */
    STORE_LOADS,   /* events named load */
    STORE_PLAYS,
    STORE_PLAYS_DERIVED, /* of these: by viewers that ingest derived */
    STORE_ENGAGEMENT_MS,
    STORE_FINISHES,
    STORE_KNOWN,     /* viewings of known length */
    STORE_SHARE_PPM, /* what they covered of it, in parts per million */
    STORE_DOWNLOADS,
    STORE_DOWNLOADED_BYTES,
    STORE_UNCOUNTED_REPORTS, /* plays of nobody that begin no play */
    STORE_MEASURE_COUNT
};

/* Changes to add to one row of the rollup by (site, photo_id, source). */
struct store_total {
    uint32_t site, source; /* interned */
    uint64_t photo_id;
    int32_t bucket;
    uint8_t traffic;
    int64_t measures[STORE_MEASURE_COUNT];
};

/* Changes to add to one row of the rollup by (site, photo_id, source, event). */
struct store_event_count {
    uint32_t site, source, event; /* interned */
    uint64_t photo_id;
    int32_t bucket;
    uint8_t traffic;
    int64_t count;
};

/* A string that this flush needs and the store does not have yet. */
struct store_string {
    uint32_t id;
    struct slice text;
};

enum { STORE_NO_POSITION = -1 };

struct store_position {
    int32_t partition;
    int64_t expected; /* next_offset as loaded or last written; STORE_NO_POSITION = no row yet */
    int64_t next;     /* the offset to go on from */
};

struct store_mark {
    int32_t partition;
    uint64_t lane;
    uint64_t sequence; /* highest applied */
    int64_t seen_ms;   /* timestamp of the record that set it */
};

/* Whose report_ids they are. */
struct store_seen_key {
    uint32_t site; /* interned */
    uint64_t photo_id;
    uint64_t viewer; /* hash of the uuid; 0 = none */
};

/* The report_ids of a key that were counted last; what data means is consumer/seen.c's. */
struct store_seen {
    struct store_seen_key key;
    int32_t day; /* since 1970 UTC, of the newest or of the flush: for dropping */
    struct slice data;
};

/* A change of how many viewings more cover this point of a video (0 to 101) than the one before. */
struct store_playthrough {
    int32_t day; /* in the site's time zone */
    uint32_t site, source;
    uint64_t photo_id;
    uint8_t traffic, point;
    int64_t change;
};

/* Viewers to add to a sketch: by source; source 0 = of the video; STORE_ALL_PHOTOS = of the site.
 */
struct store_viewers {
    int32_t day; /* in the site's time zone */
    uint32_t site, source;
    uint64_t photo_id;
    uint8_t traffic;
    const uint64_t *hashes;
    size_t count;
};

enum { STORE_VIEWER_SIZE = 16 };

/* Changes to add to one row by embedding page; see struct store_total. */
struct store_embed {
    int32_t day; /* in the site's time zone */
    uint32_t site, domain, url;
    uint64_t photo_id;
    uint8_t traffic;
    int64_t measures[STORE_MEASURE_COUNT];
};

/* Changes to add to one row by embedding page and event. */
struct store_embed_event {
    int32_t day;
    uint32_t site, domain, url, event;
    uint64_t photo_id;
    uint8_t traffic;
    int64_t count;
};

/* The names of one kind that a site has on a day. */
struct store_name_day {
    enum store_name_kind kind;
    uint32_t site; /* interned */
    int32_t day;   /* in the site's time zone */
};

/* A name that has a place on its day, and how many more uses it had; 0 = a place kept for it. */
struct store_name {
    struct store_name_day day;
    uint64_t name; /* interned; of STORE_NAME_PHOTO the photo_id */
    int64_t uses;
};

/* The secret by which viewers are hashed: made once in each store. */
struct store_viewer_key {
    unsigned char bytes[16];
};

struct store_viewing_key {
    uint32_t site; /* interned */
    uint64_t photo_id;
    unsigned char viewer[STORE_VIEWER_SIZE];
};

/* The state of a viewing, in the byte form of consumer/viewing.h. */
struct store_viewing {
    struct store_viewing_key key;
    int64_t clock_ms; /* of the partition at its last report: for dropping */
    struct slice state;
};

/* The largest ts that was read of a partition. */
struct store_clock {
    int32_t partition;
    int64_t ms;
};

/* All that a flush changes. Rows are sorted by key (traffic before event), each key once. */
struct store_batch {
    const char *topic;
    const struct store_string *strings;
    size_t string_count;
    const struct store_total *totals[STORE_GRAIN_COUNT];
    size_t total_count[STORE_GRAIN_COUNT];
    const struct store_event_count *events[STORE_GRAIN_COUNT];
    size_t event_count[STORE_GRAIN_COUNT];
    const struct store_playthrough *playthrough;
    size_t playthrough_count;
    const struct store_viewers *viewers;
    size_t viewers_count;
    const struct store_embed *embeds;
    size_t embed_count;
    const struct store_embed_event *embed_events;
    size_t embed_event_count;
    const struct store_name *names;
    size_t name_count;
    const struct store_viewing *viewings;
    size_t viewing_count;
    const struct store_mark *marks;
    size_t mark_count;
    const struct store_clock *clocks;
    size_t clock_count;
    const struct store_seen *seen;
    size_t seen_count;
    const struct store_position *positions;
    size_t position_count;
};

enum store_result {
    STORE_OK,
    STORE_CONFLICT, /* a position is not as expected, or the COMMIT's outcome is unknown: drop the
                       batch, read all positions again, seek, go on */
    STORE_RETRY, /* busy: nothing was written, the same batch may be written again after a pause */
    STORE_FULL,  /* no space: as STORE_RETRY, but say so */
    STORE_FAILED /* the engine is broken: nothing was written, store_fault() says why */
};

/* The versions of the engines' libraries, for --version. Returns out. */
enum { STORE_LIBRARIES_SIZE = 64 };
const char *store_libraries(char out[STORE_LIBRARIES_SIZE]);

/*
 * Opens or makes the store that url names (sqlite:PATH), upgrades its schema, takes the writer's
 * lock. Returns 0 or -errno with a sentence: -EBUSY when another consumer writes to the file.
 * Blocking.
 */
int store_open(struct store **out, const char *url, struct error *err);
void store_close(struct store *s);

/* Writes the batch in one transaction. On STORE_OK all of it stands, on anything else none of it.
 */
enum store_result store_write(struct store *s, const struct store_batch *batch);

/* Visitors: strings die when the visitor returns. Return 0 or -errno. */
typedef void store_position_fn(int32_t partition, int64_t next, void *arg);
typedef void store_mark_fn(const struct store_mark *mark, void *arg);
typedef void store_string_fn(uint32_t id, struct slice text, void *arg);
typedef void store_seen_fn(struct slice data, void *arg);
typedef void store_viewing_fn(struct slice state, void *arg);
typedef void store_clock_fn(const struct store_clock *clock, void *arg);
typedef void store_name_fn(uint64_t name, int64_t uses, void *arg);

int store_load_positions(struct store *s, const char *topic, store_position_fn *fn, void *arg);
int store_load_marks(struct store *s, const char *topic, int32_t partition, store_mark_fn *fn,
                     void *arg);
int store_load_strings(struct store *s, store_string_fn *fn, void *arg);

/* Calls fn once if there is a row of key. */
int store_load_seen(struct store *s, const struct store_seen_key *key, store_seen_fn *fn,
                    void *arg);

/* Calls fn once if there is a viewing of key. */
int store_load_viewing(struct store *s, const struct store_viewing_key *key, store_viewing_fn *fn,
                       void *arg);
int store_load_clocks(struct store *s, const char *topic, store_clock_fn *fn, void *arg);

/* How many names have a place on that day. */
int store_count_names(struct store *s, const struct store_name_day *day, int64_t *count);

/* Calls fn once if the name has a place on that day. */
int store_find_name(struct store *s, const struct store_name_day *day, uint64_t name,
                    store_name_fn *fn, void *arg);

/* Calls fn for the most used names of that day, the largest first; ties by text, or by number. */
int store_largest_names(struct store *s, const struct store_name_day *day, int64_t limit,
                        store_name_fn *fn, void *arg);

/* The store's secret. */
int store_load_viewer_key(struct store *s, struct store_viewer_key *out);

/* What is kept for a time only, and what it is dropped by. */
enum store_old {
    STORE_OLD_QUARTERS,   /* the bucket */
    STORE_OLD_HOURS,      /* the bucket */
    STORE_OLD_NAMES,      /* the day */
    STORE_OLD_REPORT_IDS, /* the day, since 1970 UTC */
    STORE_OLD_VIEWINGS,   /* clock_ms; a call looks at some of them only, the next goes on there */
    STORE_OLD_SPACE,      /* nothing: gives space that others left back to the system */
    STORE_OLD_COUNT
};

/*
 * Drops what is before that, in a transaction of some milliseconds; *more says whether another call
 * would find more. Returns how many rows (of space: pages) went, or -errno.
 */
int store_drop_old(struct store *s, enum store_old what, int64_t before, bool *more);

/* Drops marks of the topic last seen before seen_ms, a bounded number a call. Returns how many or
 * -errno. */
int store_drop_marks(struct store *s, const char *topic, int64_t seen_before_ms);

/* The engine's words on the last failure; "" when there was none. Lives until the next call. */
const char *store_fault(const struct store *s);

/*
 * Copies the store that url names to a new file, as it is at one moment, while it may be in use.
 * Returns 0 or -errno with a sentence: -EEXIST when there is something at that path already.
 */
int store_backup(const char *url, const char *file, struct error *err);

/* What went of a viewer. */
struct store_forgotten {
    int64_t viewings, report_ids; /* rows: of a video each */
};

/*
 * Drops the viewings and the report_ids of a uuid out of the store that url names, while it may be
 * in use; what was summed stays. Returns 0 or -errno with a sentence.
 */
int store_forget(const char *url, struct slice uuid, struct store_forgotten *out,
                 struct error *err);

/* One check, and how many rows fail it; 0 = it is ok. */
typedef void store_check_fn(const char *name, int64_t failed, void *arg);

/*
 * Checks whether the tables of the store that url names agree, while it may be in use; fn is told
 * of each check. Returns 0 whatever they say, or -errno with a sentence.
 */
int store_check(const char *url, store_check_fn *fn, void *arg, struct error *err);

/* Bytes the store takes on disk, its journal included. */
int64_t store_size(struct store *s);

#endif
