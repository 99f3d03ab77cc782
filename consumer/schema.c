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
};

const char *schema_sqlite_step(int version)
{
    assert(version >= 0 && version < SCHEMA_VERSION);
    return sqlite_steps[version];
}
