#include "consumer/store_sqlite.h"

#include "consumer/schema.h"
#include "consumer/sketch.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A flush is at most some MiB: the journal is folded back at 16 MiB and cut to 32. A power cut may
 * take the last commits with synchronous=NORMAL, but their offsets with them, so that they are
 * counted again. Space of what was dropped can be given back little by little, if the file was made
 * so. */
static const char settings[] = "PRAGMA auto_vacuum = INCREMENTAL;"
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = NORMAL;"
                               "PRAGMA wal_autocheckpoint = 4000;"
                               "PRAGMA journal_size_limit = 33554432;"
                               "PRAGMA cache_size = -16384;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA busy_timeout = 250;";

int store_sqlite_error(struct sqlite3 *db, const char *path, struct error *err)
{
    int number = db == NULL ? ENOMEM : sqlite3_system_errno(db);
    error_set(err, "store: cannot use %s: %s%s%s", path,
              db == NULL ? "out of memory" : sqlite3_errmsg(db), number == 0 ? "" : ": ",
              number == 0 ? "" : strerror(number));
    return number == 0 ? -EIO : -number;
}

void store_sqlite_keep_fault(struct store_sqlite *s)
{
    int number = sqlite3_system_errno(s->db);
    (void)snprintf(s->base.fault, sizeof s->base.fault, "%s: %s (%d)%s%s", s->path,
                   sqlite3_errmsg(s->db), sqlite3_extended_errcode(s->db), number == 0 ? "" : ": ",
                   number == 0 ? "" : strerror(number));
}

/* Runs a statement that gives one integer. Returns an SQLite result; SQLITE_DONE for no row. */
static int read_integer(struct sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return rc;
}

int store_sqlite_version(struct sqlite3 *db, const char *path, int *version, struct error *err)
{
    int tables = 0, ours = 0, found = 0;
    if (read_integer(db, "SELECT count(*) FROM sqlite_master", &tables) != SQLITE_ROW ||
        read_integer(db, "SELECT count(*) FROM sqlite_master WHERE name = 'meta'", &ours) !=
            SQLITE_ROW) {
        return store_sqlite_error(db, path, err);
    }
    if (tables == 0) {
        *version = 0;
        return 0;
    }
    if (ours == 0 || read_integer(db, "SELECT value FROM meta WHERE name = 'schema_version'",
                                  &found) != SQLITE_ROW) {
        error_set(err, "store: %s is an SQLite database, but not a store of PlayReport", path);
        return -EINVAL;
    }
    if (found > SCHEMA_VERSION) {
        error_set(err,
                  "store: %s has schema version %d, this program knows versions up to %d: "
                  "a newer PlayReport wrote it",
                  path, found, SCHEMA_VERSION);
        return -EPROTONOSUPPORT;
    }
    *version = found;
    return 0;
}

int store_sqlite_current(sqlite3 *db, const char *path, struct error *err)
{
    int version = 0;
    int result = store_sqlite_version(db, path, &version, err);
    if (result == 0 && version < SCHEMA_VERSION) {
        error_set(err,
                  "store: %s has schema version %d, this program needs %d: start the consumer "
                  "once, which upgrades it",
                  path, version, SCHEMA_VERSION);
        return -EPROTONOSUPPORT;
    }
    return result;
}

/* Takes the tables to SCHEMA_VERSION, all steps or none. */
static int migrate(struct store_sqlite *s, struct error *err)
{
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_error(s->db, s->path, err);
    }
    int version = 0;
    int result = store_sqlite_version(s->db, s->path, &version, err);
    while (result == 0 && version < SCHEMA_VERSION) {
        if (sqlite3_exec(s->db, schema_sqlite_step(version), NULL, NULL, NULL) != SQLITE_OK) {
            result = store_sqlite_error(s->db, s->path, err);
        }
        version++;
    }
    char sql[80];
    snprintf(sql, sizeof(sql), "REPLACE INTO meta VALUES ('schema_version', %d); COMMIT", version);
    if (result == 0 && sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        result = store_sqlite_error(s->db, s->path, err);
    }
    return result; /* closing rolls back what was not committed */
}

/* Two writers would only conflict for ever: one consumer process to a file. The kernel drops the
 * lock with the process, however it ends. */
static int lock(struct store_sqlite *s, struct error *err)
{
    char name[4096];
    int len = snprintf(name, sizeof(name), "%s.lock", s->path);
    if (len < 0 || (size_t)len >= sizeof(name)) {
        error_set(err, "store: the path is too long");
        return -ENAMETOOLONG;
    }
    s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (s->lock_fd < 0) {
        int number = errno;
        error_set(err, "store: cannot open %s: %s", name, strerror(number));
        return -number;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        error_set(err,
                  "store: another playreport-consumer writes to %s, and only one may. Stop it "
                  "first, or give this one a store of its own",
                  s->path);
        return -EBUSY;
    }
    return 0;
}

static void close_store(struct store *base)
{
    struct store_sqlite *s = store_sqlite_of(base);
    for (int i = 0; i < STORE_SQLITE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(s->statements[i]);
    }
    for (int i = 0; i < STORE_SQLITE_ROLLUP_COUNT; i++) {
        sqlite3_finalize(s->rollups[i].one);
        sqlite3_finalize(s->rollups[i].many);
    }
    sketch_free(s->sketch);
    (void)sqlite3_close(s->db); /* no statement is left, so it cannot be busy */
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s->path);
    free(s);
}

static int drop_marks(struct store *base, const char *topic, int64_t seen_before_ms)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db,
                                "DELETE FROM marks WHERE (topic, partition, lane) IN (SELECT topic,"
                                " partition, lane FROM marks WHERE topic = ?1 AND seen_ms < ?2"
                                " LIMIT 1000)",
                                -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        /* the parameters are there and of no size that could fail */
        (void)sqlite3_bind_text(statement, 1, topic, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 2, seen_before_ms);
        rc = sqlite3_step(statement);
    }
    int dropped = rc == SQLITE_DONE ? sqlite3_changes(s->db) : -EIO;
    if (dropped < 0) {
        store_sqlite_keep_fault(s);
    }
    sqlite3_finalize(statement);
    return dropped;
}

static int64_t file_size(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

static int64_t size(struct store *base)
{
    const char *path = store_sqlite_of(base)->path;
    char journal[4096];
    snprintf(journal, sizeof(journal), "%s-wal", path);
    return file_size(path) + file_size(journal);
}

static const struct store_engine engine = {
    .close = close_store,
    .write = store_sqlite_write,
    .load_positions = store_sqlite_load_positions,
    .load_marks = store_sqlite_load_marks,
    .load_strings = store_sqlite_load_strings,
    .load_seen = store_sqlite_load_seen,
    .load_viewing = store_sqlite_load_viewing,
    .load_clocks = store_sqlite_load_clocks,
    .count_names = store_sqlite_count_names,
    .find_name = store_sqlite_find_name,
    .largest_names = store_sqlite_largest_names,
    .load_viewer_key = store_sqlite_load_viewer_key,
    .drop_old = store_sqlite_drop_old,
    .drop_marks = drop_marks,
    .size = size,
};

static int open_database(struct store_sqlite *s, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK) {
        return store_sqlite_error(s->db, s->path, err);
    }
    (void)sqlite3_extended_result_codes(s->db, 1); /* fails for a NULL db only */
    if (sqlite3_exec(s->db, settings, NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_error(s->db, s->path, err);
    }
    int result = migrate(s, err);
    if (result == 0 &&
        (store_sqlite_prepare(s) != SQLITE_OK || store_sqlite_prepare_rollups(s) != SQLITE_OK)) {
        result = store_sqlite_error(s->db, s->path, err);
    }
    return result;
}

int store_sqlite_open(struct store **out, const char *path, struct error *err)
{
    struct store_sqlite *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->base.engine = &engine;
    s->lock_fd = -1;
    s->path = strdup(path);
    s->sketch = sketch_new();
    int result = s->path == NULL || s->sketch == NULL ? -ENOMEM : lock(s, err);
    if (result == 0) {
        result = open_database(s, err);
    }
    if (result != 0) {
        close_store(&s->base);
        return result;
    }
    *out = &s->base;
    return 0;
}

const char *store_sqlite_library(void)
{
    return sqlite3_libversion();
}
