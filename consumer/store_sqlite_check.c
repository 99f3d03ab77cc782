/* Whether the tables agree with each other, as they are at one moment. */
#include "consumer/sketch.h"
#include "consumer/store_sqlite.h"
#include "consumer/viewing.h"

#include <sqlite3.h>

#include <errno.h>

/* Each gives the number of rows that fail it; 0 = ok. */
struct check {
    const char *name, *sql;
};

#define MEASURES(of)                                                                               \
    of "(reports), " of "(events), " of "(loads), " of "(plays), " of "(plays_derived), " of       \
       "(engagement_ms), " of "(finishes), " of "(known), " of "(share_ppm), " of                  \
       "(downloads), " of "(downloaded_bytes), " of "(uncounted_reports)"

/* The counts of events add up to what the totals say, load by load. */
#define EVENTS_ADD_UP(grain)                                                                       \
    {                                                                                              \
        "events of the " grain "s add up to their totals",                                         \
            "SELECT count(*) FROM (SELECT bucket, photo_id, source, site, traffic, sum(events) AS" \
            " n, sum(loads) AS l FROM (SELECT bucket, photo_id, source, site, traffic, events,"    \
            " loads FROM totals_" grain " UNION ALL SELECT bucket, photo_id, source, site,"        \
            " traffic, -count, CASE WHEN event = (SELECT id FROM strings WHERE text = 'load')"     \
            " THEN -count ELSE 0 END FROM events_" grain                                           \
            ") GROUP BY 1, 2, 3, 4, 5) WHERE n <> 0 OR l <> 0"                                     \
    }

#define MEASURES_FIT(grain)                                                                        \
    {                                                                                              \
        "measures of the " grain "s fit together",                                                 \
            "SELECT count(*) FROM totals_" grain " WHERE min(reports, events, loads, plays,"       \
            " plays_derived, engagement_ms, finishes, known, share_ppm, downloads,"                \
            " downloaded_bytes, uncounted_reports) < 0 OR loads > events OR events > reports"      \
            " OR plays_derived > plays OR known > plays OR finishes > known"                       \
            " OR share_ppm > known * 1000000"                                                      \
    }

/* Quarters that may be dropped by now, or came too late to be kept, say nothing about their hour.
 */
#define FIRST_WHOLE                                                                                \
    "(SELECT 4 + 4 * max(coalesce(min(bucket), 0) / 4, coalesce(max(bucket), 0) / 4 - 34 * 24,"    \
    " coalesce((SELECT max(ms) FROM clocks), 0) / 3600000 - 34 * 24) FROM totals_quarter)"
#define QUARTERS                                                                                   \
    "SELECT bucket / 4 AS b, photo_id, source, site, traffic, " MEASURES(                          \
        "sum") " FROM"                                                                             \
               " totals_quarter WHERE bucket >= " FIRST_WHOLE " GROUP BY 1, 2, 3, 4, 5"
#define HOURS                                                                                      \
    "SELECT bucket, photo_id, source, site, traffic, " MEASURES(                                   \
        "") " FROM totals_hour"                                                                    \
            " WHERE bucket >= " FIRST_WHOLE " / 4"

static const char hours_sql[] =
    "SELECT (SELECT count(*) FROM (SELECT * FROM (" QUARTERS ") EXCEPT " HOURS ")) +"
    " (SELECT count(*) FROM (" HOURS " EXCEPT SELECT * FROM (" QUARTERS ")))";

/* Days begin at other times than hours of UTC do, so they are held against all hours there were;
 * once hours have been dropped, nothing can be said. */
static const char days_sql[] =
    "SELECT count(*) FROM (SELECT photo_id, source, site, traffic, sum(r) AS r, sum(p) AS p, sum(e)"
    " AS e FROM (SELECT photo_id, source, site, traffic, reports AS r, plays AS p, engagement_ms AS"
    " e FROM totals_day UNION ALL SELECT photo_id, source, site, traffic, -reports, -plays,"
    " -engagement_ms FROM totals_hour) GROUP BY 1, 2, 3, 4) WHERE (r <> 0 OR p <> 0 OR e <> 0) AND"
    " (SELECT min(bucket) FROM totals_day) > (SELECT max(coalesce(max(bucket), 0),"
    " coalesce((SELECT max(ms) FROM clocks), 0) / 86400000, CAST(strftime('%s') AS INTEGER) /"
    " 86400) FROM totals_day) - 399";

/* What covers a point is the sum up to it: never below 0, all at point 0, nobody past the end. */
static const char playthrough_sql[] =
    "SELECT count(*) FROM (SELECT sum(change) OVER (PARTITION BY day, photo_id, source, site,"
    " traffic ORDER BY point) AS n, point, day, photo_id, source, site, traffic FROM playthrough)"
    " AS p WHERE n < 0 OR (point = 101 AND n <> 0) OR (point = 0 AND n <> coalesce((SELECT known"
    " FROM totals_day AS t WHERE t.bucket = p.day AND t.photo_id = p.photo_id AND t.source ="
    " p.source AND t.site = p.site AND t.traffic = p.traffic), 0))";

/* Every column that holds ids; names of kind 2 are photo_ids. */
static const char strings_sql[] =
    "SELECT count(*) FROM (SELECT site AS id FROM totals_quarter UNION SELECT source FROM"
    " totals_quarter UNION SELECT site FROM totals_hour UNION SELECT source FROM totals_hour"
    " UNION SELECT site FROM totals_day UNION SELECT source FROM totals_day"
    " UNION SELECT event FROM events_quarter UNION SELECT event FROM events_hour"
    " UNION SELECT event FROM events_day UNION SELECT site FROM embeds"
    " UNION SELECT domain FROM embeds UNION SELECT url FROM embeds"
    " UNION SELECT event FROM embed_events UNION SELECT site FROM viewings"
    " UNION SELECT site FROM report_ids UNION SELECT site FROM names"
    " UNION SELECT name FROM names WHERE kind <> 2 UNION SELECT site FROM viewers)"
    " WHERE id NOT IN (SELECT id FROM strings)";

static const struct check checks[] = {
    {"the file is whole", "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'"},
    {"all strings are there that rows name", strings_sql},
    EVENTS_ADD_UP("quarter"),
    EVENTS_ADD_UP("hour"),
    EVENTS_ADD_UP("day"),
    MEASURES_FIT("quarter"),
    MEASURES_FIT("hour"),
    MEASURES_FIT("day"),
    {"hours are the sum of their quarters", hours_sql},
    {"days are the sum of all hours", days_sql},
    {"what viewings covered adds up", playthrough_sql},
    {"events of embedding pages add up",
     "SELECT count(*) FROM (SELECT day, photo_id, domain, url, site, traffic, sum(events) AS n FROM"
     " (SELECT day, photo_id, domain, url, site, traffic, events FROM embeds UNION ALL SELECT day,"
     " photo_id, domain, url, site, traffic, -count FROM embed_events) GROUP BY 1, 2, 3, 4, 5, 6)"
     " WHERE n <> 0"},
    {"embedding pages have no more than their source",
     "SELECT count(*) FROM (SELECT day, photo_id, site, traffic, sum(loads) AS l, sum(plays) AS p,"
     " sum(engagement_ms) AS e FROM embeds GROUP BY 1, 2, 3, 4) AS m LEFT JOIN totals_day AS t ON"
     " t.bucket = m.day AND t.photo_id = m.photo_id AND t.site = m.site AND t.traffic = m.traffic"
     " AND t.source = (SELECT id FROM strings WHERE text = 'embed') WHERE l > coalesce(t.loads, 0)"
     " OR p > coalesce(t.plays, 0) OR e > coalesce(t.engagement_ms, 0)"},
    {"no name was used less than never", "SELECT count(*) FROM names WHERE uses < 0"},
    {"marks and clocks are of partitions with a position",
     "SELECT (SELECT count(*) FROM marks WHERE sequence < 1 OR (topic, partition) NOT IN (SELECT"
     " topic, partition FROM positions)) + (SELECT count(*) FROM clocks WHERE (topic, partition)"
     " NOT IN (SELECT topic, partition FROM positions)) + (SELECT count(*) FROM positions WHERE"
     " next_offset < 0)"},
    {"report ids can be read",
     "SELECT count(*) FROM report_ids WHERE length(seen) % 16 <> 0 OR length(seen) > 1024"},
};

static int64_t count_failed(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t failed = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        failed = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return failed;
}

/* ---- What only we can read. ---- */

static struct slice bytes_of(sqlite3_stmt *row, int column)
{
    const char *data = sqlite3_column_blob(row, column);
    return slice_make(data, (size_t)sqlite3_column_bytes(row, column));
}

/* A state that reads, of the clock that its row says. */
static bool is_good_viewing(sqlite3_stmt *row, struct sketch *sketch)
{
    struct viewing v;
    (void)sketch;
    return viewing_decode(bytes_of(row, 0), &v) && v.clock_ms == sqlite3_column_int64(row, 1) &&
           sqlite3_column_bytes(row, 2) == STORE_VIEWER_SIZE;
}

static bool is_good_sketch(sqlite3_stmt *row, struct sketch *sketch)
{
    sketch_reset(sketch);
    return sketch_decode(sketch, bytes_of(row, 0));
}

static int64_t count_unread(sqlite3 *db, const char *sql, struct sketch *sketch,
                            bool (*is_good)(sqlite3_stmt *row, struct sketch *sketch))
{
    sqlite3_stmt *statement = NULL;
    int64_t failed = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        failed += !is_good(statement, sketch);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? failed : -1;
}

static int check_all(sqlite3 *db, const char *path, store_check_fn *fn, void *arg,
                     struct error *err)
{
    struct sketch *sketch = sketch_new();
    int64_t failed = sketch == NULL ? -1 : 0;
    for (size_t i = 0; failed >= 0 && i < sizeof checks / sizeof checks[0]; i++) {
        failed = count_failed(db, checks[i].sql);
        if (failed >= 0) {
            fn(checks[i].name, failed, arg);
        }
    }
    if (failed >= 0) {
        failed =
            count_unread(db, "SELECT state, clock, viewer FROM viewings", sketch, is_good_viewing);
    }
    if (failed >= 0) {
        fn("viewings can be read", failed, arg);
        failed = count_unread(db, "SELECT sketch FROM viewers", sketch, is_good_sketch);
    }
    if (failed >= 0) {
        fn("sketches of viewers can be read", failed, arg);
    }
    sketch_free(sketch);
    return failed >= 0 ? 0 : store_sqlite_error(db, path, err);
}

int store_sqlite_check(const char *path, store_check_fn *fn, void *arg, struct error *err)
{
    sqlite3 *db = NULL;
    int result = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        result = store_sqlite_error(db, path, err);
    }
    if (result == 0) {
        result = store_sqlite_current(db, path, err);
    }
    /* one moment for all of them */
    if (result == 0 && sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        result = store_sqlite_error(db, path, err);
    }
    if (result == 0) {
        result = check_all(db, path, fn, arg, err);
    }
    (void)sqlite3_close(db); /* no statement is left, so it cannot be busy */
    return result;
}
