/* Rows that are no longer kept, and the space they leave: bounded steps, a transaction each. */
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>
#include <string.h>

/* A step of either takes some milliseconds. Space is given back past an eighth of the file: less is
 * soon filled again. */
enum { ROWS = 4000, PAGES = 512, FREE_PART = 8 };

#define DROP(table, key, limited_by)                                                               \
    "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE " limited_by    \
    " < ?1 LIMIT ?2)"

#define TOTALS_KEY "bucket, photo_id, source, site, traffic"
#define EVENTS_KEY "bucket, photo_id, source, event, site, traffic"

/* The kinds and sites there are, each found by one search; then the days before. */
static const char drop_names[] =
    "WITH RECURSIVE pairs(kind, site) AS (SELECT column1, (SELECT min(site) FROM names WHERE"
    " kind = column1) FROM (VALUES (0), (1), (2), (3), (4)) UNION ALL SELECT kind, (SELECT"
    " min(n.site) FROM names AS n WHERE n.kind = pairs.kind AND n.site > pairs.site) FROM pairs"
    " WHERE site IS NOT NULL) DELETE FROM names WHERE (kind, site, day, name) IN (SELECT n.kind,"
    " n.site, n.day, n.name FROM pairs CROSS JOIN names AS n ON n.kind = pairs.kind AND"
    " n.site = pairs.site AND n.day < ?1 LIMIT ?2)";

static const char *const statements[STORE_OLD_COUNT][2] = {
    [STORE_OLD_QUARTERS] = {DROP("totals_quarter", TOTALS_KEY, "bucket"),
                            DROP("events_quarter", EVENTS_KEY, "bucket")},
    [STORE_OLD_HOURS] = {DROP("totals_hour", TOTALS_KEY, "bucket"),
                         DROP("events_hour", EVENTS_KEY, "bucket")},
    [STORE_OLD_NAMES] = {drop_names, NULL},
    [STORE_OLD_REPORT_IDS] = {DROP("report_ids", "site, photo_id, viewer", "day"), NULL},
};

/* Returns how many rows went or -EIO. */
static int drop(struct store_sqlite *s, const char *sql, int64_t before)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        /* the parameters are there and of no size that could fail */
        (void)sqlite3_bind_int64(statement, 1, before);
        (void)sqlite3_bind_int(statement, 2, ROWS);
        rc = sqlite3_step(statement);
    }
    int dropped = rc == SQLITE_DONE ? sqlite3_changes(s->db) : -EIO;
    if (dropped < 0) {
        store_sqlite_keep_fault(s);
    }
    sqlite3_finalize(statement);
    return dropped;
}

/* ---- Viewings: there is no index on their clock, so all are walked past, ROWS at a time. ---- */

static void bind_key(sqlite3_stmt *statement, int first, const struct store_viewing_key *key)
{
    /* the parameters are there and of no size that could fail */
    (void)sqlite3_bind_int64(statement, first, key->site);
    (void)sqlite3_bind_int64(statement, first + 1, (int64_t)key->photo_id);
    (void)sqlite3_bind_blob(statement, first + 2, key->viewer, sizeof key->viewer, SQLITE_STATIC);
}

/* The key that is ROWS further on; *more is false when there is none. Returns 0 or -EIO. */
static int find_end(struct store_sqlite *s, struct store_viewing_key *end, bool *more)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db,
                                "SELECT site, photo_id, viewer FROM viewings WHERE (site, photo_id,"
                                " viewer) > (?1, ?2, ?3) ORDER BY site, photo_id, viewer"
                                " LIMIT 1 OFFSET ?4",
                                -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        bind_key(statement, 1, &s->viewings_walked);
        (void)sqlite3_bind_int(statement, 4, ROWS - 1); /* as in bind_key() */
        rc = sqlite3_step(statement);
    }
    *more = rc == SQLITE_ROW;
    if (*more) {
        const void *viewer = sqlite3_column_blob(statement, 2);
        size_t len = (size_t)sqlite3_column_bytes(statement, 2);
        *end = (struct store_viewing_key){.site = (uint32_t)sqlite3_column_int64(statement, 0),
                                          .photo_id = (uint64_t)sqlite3_column_int64(statement, 1)};
        memcpy(end->viewer, viewer, len < sizeof end->viewer ? len : sizeof end->viewer);
    } else if (rc != SQLITE_DONE) {
        store_sqlite_keep_fault(s);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
}

static int drop_viewings(struct store_sqlite *s, int64_t before_ms, bool *more)
{
    struct store_viewing_key end;
    memset(&end, 0xFF, sizeof end); /* past all, as photo_id is below 2^63 */
    end.photo_id = INT64_MAX;
    if (find_end(s, &end, more) != 0) {
        return -EIO;
    }
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db,
                                "DELETE FROM viewings WHERE (site, photo_id, viewer) >= (?1, ?2,"
                                " ?3) AND (site, photo_id, viewer) <= (?4, ?5, ?6) AND clock < ?7",
                                -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        bind_key(statement, 1, &s->viewings_walked);
        bind_key(statement, 4, &end);
        (void)sqlite3_bind_int64(statement, 7, before_ms); /* as in bind_key() */
        rc = sqlite3_step(statement);
    }
    if (rc != SQLITE_DONE) {
        store_sqlite_keep_fault(s);
    }
    sqlite3_finalize(statement);
    s->viewings_walked = *more ? end : (struct store_viewing_key){0};
    return rc == SQLITE_DONE ? sqlite3_changes(s->db) : -EIO;
}

/* ---- Space. ---- */

static int64_t ask(struct store_sqlite *s, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -EIO;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return number;
}

/* Pages at the end of the file take the place of free ones, and the file gets shorter. */
static int give_back(struct store_sqlite *s, bool *more)
{
    int64_t pages = ask(s, "PRAGMA page_count"), before = ask(s, "PRAGMA freelist_count");
    if (pages < 0 || before < 0) {
        store_sqlite_keep_fault(s);
        return -EIO;
    }
    if (before <= PAGES || before < pages / FREE_PART) {
        return 0;
    }
    char sql[48];
    (void)sqlite3_snprintf(sizeof sql, sql, "PRAGMA incremental_vacuum(%d)", PAGES);
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        store_sqlite_keep_fault(s);
        return -EIO;
    }
    int64_t given = before - ask(s, "PRAGMA freelist_count");
    *more = given > 0; /* a file that was not made so gives nothing */
    return given > 0 ? (int)given : 0;
}

int store_sqlite_drop_old(struct store *base, enum store_old what, int64_t before, bool *more)
{
    struct store_sqlite *s = store_sqlite_of(base);
    int dropped = 0;
    *more = false;
    if (what == STORE_OLD_SPACE) {
        return give_back(s, more);
    }
    if (what == STORE_OLD_VIEWINGS) {
        return drop_viewings(s, before, more);
    }
    for (int i = 0; i < 2 && statements[what][i] != NULL; i++) {
        int rows = drop(s, statements[what][i], before);
        if (rows < 0) {
            return rows;
        }
        *more = *more || rows == ROWS;
        dropped += rows;
    }
    return dropped;
}
