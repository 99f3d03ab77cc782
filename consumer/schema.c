#include "consumer/schema.h"

#include <assert.h>

/*
 * Keys begin with the bucket: a flush touches the newest pages only, so its cost does not grow with
 * what is stored, and a range of time is one stretch of the tree. What differs most comes next:
 * comparing keys is a third of a flush. All in a key is an integer: see strings. lane is 64 random
 * bits, kept as a signed integer.
 */
#define TOTALS(grain)                                                                              \
    "CREATE TABLE totals_" grain " (bucket INTEGER NOT NULL, site INTEGER NOT NULL,"               \
    " photo_id INTEGER NOT NULL, source INTEGER NOT NULL, traffic INTEGER NOT NULL,"               \
    " reports INTEGER NOT NULL, events INTEGER NOT NULL, loads INTEGER NOT NULL,"                  \
    " PRIMARY KEY (bucket, photo_id, source, site, traffic)) WITHOUT ROWID;"

#define EVENTS(grain)                                                                              \
    "CREATE TABLE events_" grain " (bucket INTEGER NOT NULL, site INTEGER NOT NULL,"               \
    " photo_id INTEGER NOT NULL, source INTEGER NOT NULL, event INTEGER NOT NULL,"                 \
    " traffic INTEGER NOT NULL, count INTEGER NOT NULL,"                                           \
    " PRIMARY KEY (bucket, photo_id, source, event, site, traffic)) WITHOUT ROWID;"

#define MEASURE(table, name) "ALTER TABLE " table " ADD COLUMN " name " INTEGER NOT NULL DEFAULT 0;"

/* Seconds are counted in ms. known: viewings of known length, share_ppm: the sum of what they
 * covered of it; the quotient is playthroughAverage. */
#define MEASURES_OF_PLAYS_AND_DOWNLOADS(table)                                                     \
    MEASURE(table, "plays")                                                                        \
    MEASURE(table, "plays_derived")                                                                \
    MEASURE(table, "engagement_ms")                                                                \
    MEASURE(table, "finishes")                                                                     \
    MEASURE(table, "known")                                                                        \
    MEASURE(table, "share_ppm")                                                                    \
    MEASURE(table, "downloads")                                                                    \
    MEASURE(table, "downloaded_bytes")                                                             \
    MEASURE(table, "uncounted_reports")

/*
 * Differences: a viewing that covers the points a to b of its length adds 1 at a and takes 1 at
 * b + 1 (0 to 101), so that the viewings that cover a point are the sum of what stands up to it. A
 * row whose change is 0 says nothing.
 */
#define PLAYTHROUGH                                                                                \
    "CREATE TABLE playthrough (day INTEGER NOT NULL, site INTEGER NOT NULL,"                       \
    " photo_id INTEGER NOT NULL, source INTEGER NOT NULL, traffic INTEGER NOT NULL,"               \
    " point INTEGER NOT NULL, change INTEGER NOT NULL,"                                            \
    " PRIMARY KEY (day, photo_id, source, site, traffic, point)) WITHOUT ROWID;"

/* Distinct viewers, in the byte form of consumer/sketch.h. photo_id -1 = all of the site's, source
 * 0 = all sources. Rows are merged, never summed. */
#define VIEWERS                                                                                    \
    "CREATE TABLE viewers (day INTEGER NOT NULL, site INTEGER NOT NULL,"                           \
    " photo_id INTEGER NOT NULL, source INTEGER NOT NULL, traffic INTEGER NOT NULL,"               \
    " sketch BLOB NOT NULL,"                                                                       \
    " PRIMARY KEY (day, photo_id, source, site, traffic)) WITHOUT ROWID;"

/* Of what came with source embed: by the page that the player stood in. */
#define EMBEDS                                                                                     \
    "CREATE TABLE embeds (day INTEGER NOT NULL, site INTEGER NOT NULL,"                            \
    " photo_id INTEGER NOT NULL, domain INTEGER NOT NULL, url INTEGER NOT NULL,"                   \
    " traffic INTEGER NOT NULL, reports INTEGER NOT NULL, events INTEGER NOT NULL,"                \
    " loads INTEGER NOT NULL,"                                                                     \
    " PRIMARY KEY (day, photo_id, domain, url, site, traffic)) WITHOUT ROWID;"                     \
    "CREATE TABLE embed_events (day INTEGER NOT NULL, site INTEGER NOT NULL,"                      \
    " photo_id INTEGER NOT NULL, domain INTEGER NOT NULL, url INTEGER NOT NULL,"                   \
    " event INTEGER NOT NULL, traffic INTEGER NOT NULL, count INTEGER NOT NULL,"                   \
    " PRIMARY KEY (day, photo_id, domain, url, event, site, traffic)) WITHOUT ROWID;"

/*
 * The state of each viewing, in the byte form of consumer/viewing.h. viewer: 16 bytes, a hash keyed
 * with viewer_key of meta. clock: of the partition at its last report, in ms, for dropping: there
 * is no index on it, since every report would pay for that.
 */
#define VIEWINGS                                                                                   \
    "CREATE TABLE viewings (site INTEGER NOT NULL, photo_id INTEGER NOT NULL,"                     \
    " viewer BLOB NOT NULL, clock INTEGER NOT NULL, state BLOB NOT NULL,"                          \
    " PRIMARY KEY (site, photo_id, viewer)) WITHOUT ROWID;"

/* Who has a place under the limits of a day, and how often it was named: the largest are let in
 * first on the day after. kind: enum store_name_kind; name: a string, or the photo_id itself. */
#define NAMES                                                                                      \
    "CREATE TABLE names (kind INTEGER NOT NULL, site INTEGER NOT NULL, day INTEGER NOT NULL,"      \
    " name INTEGER NOT NULL, uses INTEGER NOT NULL,"                                               \
    " PRIMARY KEY (kind, site, day, name)) WITHOUT ROWID;"

#define HOUR "(bucket - ((bucket % 4) + 4) % 4) / 4"

static const char *const sqlite_steps[SCHEMA_VERSION] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE strings (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
    "CREATE TABLE positions (topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE marks (topic TEXT NOT NULL, partition INTEGER NOT NULL, lane INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL, seen_ms INTEGER NOT NULL,"
    " PRIMARY KEY (topic, partition, lane)) WITHOUT ROWID;" TOTALS("quarter") TOTALS("day")
        EVENTS("quarter") EVENTS("day"),
    "CREATE TABLE report_ids (site INTEGER NOT NULL, photo_id INTEGER NOT NULL,"
    " viewer INTEGER NOT NULL, day INTEGER NOT NULL, seen BLOB NOT NULL,"
    " PRIMARY KEY (site, photo_id, viewer)) WITHOUT ROWID;"
    "CREATE INDEX report_ids_day ON report_ids (day);",
    /* no quarter has been dropped by then, so the hours are whole; negative ones round down too */
    TOTALS("hour") EVENTS("hour") "INSERT INTO totals_hour SELECT " HOUR
                                  ", site, photo_id, source, traffic, sum(reports), sum(events),"
                                  " sum(loads) FROM totals_quarter GROUP BY 1, 2, 3, 4, 5;"
                                  "INSERT INTO events_hour SELECT " HOUR
                                  ", site, photo_id, source, event, traffic, sum(count)"
                                  " FROM events_quarter GROUP BY 1, 2, 3, 4, 5, 6;",
    /* what was counted before had none of these; photo_id -2 is (other) from here on */
    MEASURES_OF_PLAYS_AND_DOWNLOADS("totals_quarter") MEASURES_OF_PLAYS_AND_DOWNLOADS("totals_hour")
        MEASURES_OF_PLAYS_AND_DOWNLOADS("totals_day"),
    EMBEDS MEASURES_OF_PLAYS_AND_DOWNLOADS("embeds") PLAYTHROUGH VIEWERS VIEWINGS NAMES,
    /* viewer_key: the secret by which viewers are hashed; whoever has it can tell who is meant.
     * randomblob() is seeded by the system. clocks: the largest ts that was read */
    "INSERT INTO meta VALUES ('viewer_key', randomblob(16));"
    "CREATE TABLE clocks (topic TEXT NOT NULL, partition INTEGER NOT NULL, ms INTEGER NOT NULL,"
    " PRIMARY KEY (topic, partition)) WITHOUT ROWID;",
};

const char *schema_sqlite_step(int version)
{
    assert(version >= 0 && version < SCHEMA_VERSION);
    return sqlite_steps[version];
}
