/*
 * What the extract methods of the platform's API ask of a store: totals of whole sites or of some
 * of their videos, with the counts of every event beside them. People only: robots and one's own
 * people are left out. Part of consumer/store_reader.h; one thread a reader.
 */
#ifndef CONSUMER_STORE_EXTRACT_H
#define CONSUMER_STORE_EXTRACT_H

#include "consumer/store_reader.h"

enum store_extract_by {
    STORE_BY_NOTHING, /* one row */
    STORE_BY_DAY,     /* key: days since 1970-01-01 in the site's time zone */
    STORE_BY_HOUR,    /* key: hour of the day, UTC; without events */
    STORE_BY_PHOTO,   /* key: photo_id; name: the key of its site */
    STORE_BY_DOMAIN,  /* name: the domain of the pages that embed players */
    STORE_BY_URL      /* name, url: the pages of the domains that STORE_BY_DOMAIN gives; below */
};

enum store_extract_order {
    STORE_ORDER_KEY, /* by what the rows are by */
    STORE_ORDER_DOWNLOADS,
    STORE_ORDER_AVERAGE, /* a share of nothing comes before 0 */
    STORE_ORDER_ENGAGEMENT,
    STORE_ORDER_EMBEDS, /* loads of source embed */
    STORE_ORDER_PLAYS,
    STORE_ORDER_LOADS
};

/* A range in buckets of a grain; INT32_MIN and INT32_MAX are open ends. */
struct store_stretch {
    enum store_grain grain; /* STORE_GRAIN_DAY but for STORE_BY_HOUR */
    int32_t first, end;
};

struct store_extract {
    enum store_extract_by by;
    const struct slice *sites; /* their keys; one at least */
    size_t site_count;
    const uint64_t *photo_ids;
    size_t photo_count; /* 0 = all */
    struct store_stretch range;
    struct store_stretch changed; /* only videos with a report in it; all when first is INT32_MIN */
    enum store_extract_order order;
    bool is_descending;
    int64_t limit, offset; /* limit -1 = all rows */
    int64_t url_limit;     /* STORE_BY_URL: the most played pages of a domain; -1 = all; from 1 */
};

/*
 * One event of a row; a row without events comes once. Texts die when the visitor returns.
 * STORE_BY_URL: place is that of the domain, total how many pages it has.
 */
struct store_extract_row {
    int64_t total; /* rows there are on all pages */
    int64_t place; /* of the row, from 1; 0 = there is no row on this page, and only total counts */
    int64_t key;
    struct slice name, url;
    int64_t downloads, downloaded_bytes, finishes, loads, plays, engagement_ms;
    int64_t known, share_ppm; /* as in enum store_measure */
    struct slice event;       /* absent: none */
    int64_t event_count;
};

/* Takes a row; events of one row come one after the other. Return false to stop. */
typedef bool store_extract_row_fn(const struct store_extract_row *row, void *arg);

/* Gives the rows in their order; at least one call, with place 0, when there is none. */
enum store_read_result store_reader_extract(struct store_reader *r, const struct store_extract *e,
                                            unsigned timeout_ms, store_extract_row_fn *on_row,
                                            void *arg);

/* As store_reader_playthrough(), of the videos and the days of e. */
enum store_read_result store_reader_extract_points(struct store_reader *r,
                                                   const struct store_extract *e,
                                                   unsigned timeout_ms,
                                                   int64_t changes[STORE_POINTS]);

/* Between the two all answers are from one moment of the store. Hold it for no longer than needed:
 * the writer's journal grows meanwhile. */
enum store_read_result store_reader_hold(struct store_reader *r);
void store_reader_release(struct store_reader *r);

#endif
