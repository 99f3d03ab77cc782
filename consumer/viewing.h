/*
 * The state of one viewing: the play reports of one viewer of one video, and what each of them
 * changes (analytics, "viewing"; tests/reference/ counts the same plainly). Values that own
 * nothing; pure, any thread.
 */
#ifndef CONSUMER_VIEWING_H
#define CONSUMER_VIEWING_H

#include "common/event.h"
#include "consumer/ranges.h"

enum { VIEWING_LIVE_WITHIN_MS = 60000 }; /* points of a live line this near are joined */

struct viewing_rules {
    int64_t gap_ms;  /* between two reports of one viewing */
    int64_t keep_ms; /* of the partition's clock, after the last report */
    int finish_at;   /* percent */
};

/* A play report, as far as a viewing minds it. */
struct viewing_report {
    int64_t ts_ms;
    int64_t clock_ms; /* of the partition: the largest ts read so far, this one's included */
    int32_t day;      /* of ts, in the site's zone */
    bool is_live;     /* then range is a point, in ms since 1970 */
    bool has_range;   /* it counts; already cut at 0 and at the report's own length */
    struct range range;
    int64_t total_ms; /* 0 = not known */
};

/* Reads the times of a play; day and clock are the caller's. */
struct viewing_report viewing_report_of(const struct player_event *e, int32_t day,
                                        int64_t clock_ms);

/* What the first report fixes, interned; 0 = none. */
struct viewing_fixed {
    uint32_t source;
    uint32_t domain, url; /* of the embedding page */
    uint8_t traffic;      /* enum store_traffic */
    bool is_derived;      /* the viewer was derived by ingest */
    bool is_other_photo;  /* the day had no place for its photo_id */
};

struct viewing {
    struct viewing_fixed fixed;
    int64_t home_ms; /* ts of the first report: its buckets get what is said of the whole */
    int64_t last_ms; /* largest ts */
    int64_t clock_ms;
    int32_t day; /* of the last report */
    int64_t total_ms;
    bool is_finished; /* as credited: finish_at may have been another then */
    bool has_last;
    struct range last; /* of the last report that had one */
    struct ranges line, live_line;
};

/* What one report changes. All but engagement_ms belongs to the buckets of home_ms. */
struct viewing_change {
    int64_t engagement_ms; /* to the buckets of the report's ts */
    int64_t share_ppm;
    int known, finishes;
    bool is_new_day; /* the viewer is to be counted for the report's day */
    unsigned joined; /* intervals */
    struct ranges_points gained, lost;
};

/* Whether the report belongs to v; if not, it begins another viewing. */
bool viewing_holds(const struct viewing *v, const struct viewing_report *r,
                   const struct viewing_rules *rules);

/* Begins a viewing; its first report is yet to be taken. */
void viewing_begin(struct viewing *v, const struct viewing_fixed *fixed,
                   const struct viewing_report *r);

/* Takes a report that v holds. That the first one makes a play is the caller's to count. */
struct viewing_change viewing_take(struct viewing *v, const struct viewing_report *r,
                                   const struct viewing_rules *rules);

/*
 * The byte form for the store: a byte of version, a byte of flags, then varints: source, domain,
 * url, home_ms, last_ms - home_ms, clock_ms - last_ms, day, total_ms; start and length of the last
 * range if there is one; for both lines the number of intervals, then for each the hole before it
 * and its length. Differences of either sign are zigzag. The version is raised with every change of
 * meaning; a reader knows all versions there have been.
 */
enum { VIEWING_VERSION = 1, VIEWING_BYTES_MAX = 2 + 12 * 10 + 2 * (RANGES_MAX * 2 + 1) * 8 };

/* Returns how many bytes were written. */
size_t viewing_encode(const struct viewing *v, char out[VIEWING_BYTES_MAX]);

/* Returns false for what viewing_encode() never gives; *out is then worth nothing. */
bool viewing_decode(struct slice bytes, struct viewing *out);

#endif
