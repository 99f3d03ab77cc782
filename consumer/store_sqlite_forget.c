/* Takes one viewer out of a store, while it may be in use. */
#include "consumer/seen.h"
#include "consumer/store_sqlite.h"
#include "consumer/viewer_hash.h"

#include <sqlite3.h>

#include <errno.h>

enum { FORGET_BUSY_MS = 10000 };

static int open_current(sqlite3 **db, const char *path, struct error *err)
{
    if (sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        return store_sqlite_error(*db, path, err);
    }
    (void)sqlite3_busy_timeout(*db, FORGET_BUSY_MS); /* fails for a NULL db only */
    return store_sqlite_current(*db, path, err);
}

/* The hash that the store knows a uuid by. */
static int hash_uuid(sqlite3 *db, const char *path, struct slice uuid,
                     unsigned char out[STORE_VIEWER_SIZE], struct error *err)
{
    struct store_viewer_key key;
    if (store_sqlite_read_viewer_key(db, &key) != 0) {
        return store_sqlite_error(db, path, err);
    }
    struct viewer_hash *h = viewer_hash_new(&key);
    bool hashed = h != NULL && viewer_hash_of(h, false, uuid, out);
    viewer_hash_free(h);
    return hashed ? 0 : -ENOMEM;
}

/* Runs sql with the viewer as ?1. Returns the rows that changed, or -EIO. */
static int64_t run(sqlite3 *db, const char *sql, const unsigned char *hash, uint64_t number)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        /* the parameter is there and of no size that could fail */
        (void)(hash == NULL
                   ? sqlite3_bind_int64(statement, 1, (int64_t)number)
                   : sqlite3_bind_blob(statement, 1, hash, STORE_VIEWER_SIZE, SQLITE_STATIC));
        rc = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? sqlite3_changes(db) : -EIO;
}

/* Looking through all rows locks nobody out; the lock is for those that go. */
int store_sqlite_forget(const char *path, struct slice uuid, struct store_forgotten *out,
                        struct error *err)
{
    sqlite3 *db = NULL;
    unsigned char hash[STORE_VIEWER_SIZE];
    uint64_t number = seen_key(0, 0, uuid).viewer;
    int result = open_current(&db, path, err);
    if (result == 0) {
        result = hash_uuid(db, path, uuid, hash, err);
    }
    if (result == 0) {
        bool found = run(db,
                         "CREATE TEMP TABLE watched AS SELECT site, photo_id FROM viewings"
                         " WHERE viewer = ?1",
                         hash, 0) >= 0 &&
                     run(db,
                         "CREATE TEMP TABLE reported AS SELECT site, photo_id FROM report_ids"
                         " WHERE viewer = ?1",
                         NULL, number) >= 0;
        out->viewings = found ? run(db,
                                    "DELETE FROM viewings WHERE viewer = ?1 AND (site, photo_id)"
                                    " IN (SELECT site, photo_id FROM watched)",
                                    hash, 0)
                              : -EIO;
        out->report_ids = out->viewings >= 0
                              ? run(db,
                                    "DELETE FROM report_ids WHERE viewer = ?1 AND (site, photo_id)"
                                    " IN (SELECT site, photo_id FROM reported)",
                                    NULL, number)
                              : -EIO;
        result = out->report_ids >= 0 ? 0 : store_sqlite_error(db, path, err);
    }
    (void)sqlite3_close(db); /* no statement is left, so it cannot be busy */
    return result;
}
