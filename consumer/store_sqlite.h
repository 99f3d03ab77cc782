/* What the files of the SQLite engine share. */
#ifndef CONSUMER_STORE_SQLITE_H
#define CONSUMER_STORE_SQLITE_H

#include "consumer/store_engine.h"
#include "consumer/store_extract.h"

struct sketch;
struct sqlite3;
struct sqlite3_stmt;
struct store_sql;

/* Statements that are prepared once; their text is in consumer/store_sqlite_write.c. */
enum store_sqlite_statement {
    STORE_SQLITE_BEGIN,
    STORE_SQLITE_COMMIT,
    STORE_SQLITE_FIRST_POSITION,
    STORE_SQLITE_NEXT_POSITION,
    STORE_SQLITE_STRING,
    STORE_SQLITE_MARK,
    STORE_SQLITE_SEEN,
    STORE_SQLITE_FIND_SEEN,
    STORE_SQLITE_CLOCK,
    STORE_SQLITE_VIEWING,
    STORE_SQLITE_FIND_VIEWING,
    STORE_SQLITE_VIEWERS,
    STORE_SQLITE_FIND_VIEWERS,
    STORE_SQLITE_COUNT_NAMES,
    STORE_SQLITE_FIND_NAME,
    STORE_SQLITE_LARGEST_NAMES,
    STORE_SQLITE_STATEMENT_COUNT
};

/* Statements that add rows to one table in one way; see consumer/store_sqlite_rollup.c. */
struct store_sqlite_rollup {
    struct sqlite3_stmt *one, *many;
};

enum { STORE_SQLITE_ROLLUP_COUNT = 3 * STORE_GRAIN_COUNT + 4 };

struct store_sqlite {
    struct store base;
    struct sqlite3 *db;
    struct sqlite3_stmt *statements[STORE_SQLITE_STATEMENT_COUNT];
    struct store_sqlite_rollup rollups[STORE_SQLITE_ROLLUP_COUNT];
    struct sketch *sketch;                    /* of one row at a time */
    struct store_viewing_key viewings_walked; /* how far dropping them came; 0 = begins anew */
    char *path;
    int lock_fd;
};

static inline struct store_sqlite *store_sqlite_of(struct store *s)
{
    return (struct store_sqlite *)s;
}

/* Keeps what the database says of its last failure, for store_fault(). */
void store_sqlite_keep_fault(struct store_sqlite *s);

/* The sentence and the -errno for a database that cannot be opened or used. */
int store_sqlite_error(struct sqlite3 *db, const char *path, struct error *err);

/* Reads the schema version of db into *version: 0 when there are no tables at all. Returns 0, or
 * -errno with a sentence when it is newer than ours or no store at all. */
int store_sqlite_version(struct sqlite3 *db, const char *path, int *version, struct error *err);

/* As store_sqlite_version(), but refuses an older version too: only opening a store upgrades it. */
int store_sqlite_current(struct sqlite3 *db, const char *path, struct error *err);

/* The store's secret. Returns 0 or -EIO. */
int store_sqlite_read_viewer_key(struct sqlite3 *db, struct store_viewer_key *out);

/* These prepare all statements. They return 0 or an SQLite result. */
int store_sqlite_prepare(struct store_sqlite *s);
int store_sqlite_prepare_rollups(struct store_sqlite *s);

/* Steps a statement that gives no rows and readies it for the next time. Returns 0 or an SQLite
 * result. */
int store_sqlite_run(struct sqlite3_stmt *statement);

/* These write those rows of the batch, or add them to what is there. They return 0 or an SQLite
 * result. */
int store_sqlite_write_rollups(struct store_sqlite *s, const struct store_batch *batch);
int store_sqlite_write_viewings(struct store_sqlite *s, const struct store_batch *batch);
int store_sqlite_write_viewers(struct store_sqlite *s, const struct store_batch *batch);

enum store_result store_sqlite_write(struct store *s, const struct store_batch *batch);
int store_sqlite_load_positions(struct store *s, const char *topic, store_position_fn *fn,
                                void *arg);
int store_sqlite_load_marks(struct store *s, const char *topic, int32_t partition,
                            store_mark_fn *fn, void *arg);
int store_sqlite_load_seen(struct store *s, const struct store_seen_key *key, store_seen_fn *fn,
                           void *arg);
int store_sqlite_load_viewing(struct store *s, const struct store_viewing_key *key,
                              store_viewing_fn *fn, void *arg);
int store_sqlite_load_clocks(struct store *s, const char *topic, store_clock_fn *fn, void *arg);
int store_sqlite_load_viewer_key(struct store *s, struct store_viewer_key *out);
int store_sqlite_count_names(struct store *s, const struct store_name_day *day, int64_t *count);
int store_sqlite_find_name(struct store *s, const struct store_name_day *day, uint64_t name,
                           store_name_fn *fn, void *arg);
int store_sqlite_largest_names(struct store *s, const struct store_name_day *day, int64_t limit,
                               store_name_fn *fn, void *arg);
int store_sqlite_drop_old(struct store *s, enum store_old what, int64_t before, bool *more);
int store_sqlite_load_strings(struct store *s, store_string_fn *fn, void *arg);

/* Binds the values that the statement, one of the two of sql, has parameters for. Returns 0 or an
 * SQLite result. */
int store_sqlite_bind(struct sqlite3_stmt *statement, const struct store_sql *sql);

/* Takes a row of a statement; false to stop. */
typedef bool store_sqlite_row_fn(struct sqlite3_stmt *row, void *arg);

/* Runs a statement on a reader, which is one of SQLite's, for timeout_ms at most. */
enum store_read_result store_sqlite_read(struct store_reader *r, const struct store_sql *sql,
                                         unsigned timeout_ms, store_sqlite_row_fn *take, void *arg);

enum store_read_result store_sqlite_extract(struct store_reader *r, const struct store_extract *e,
                                            unsigned timeout_ms, store_extract_row_fn *on_row,
                                            void *arg);
enum store_read_result store_sqlite_extract_points(struct store_reader *r,
                                                   const struct store_extract *e,
                                                   unsigned timeout_ms,
                                                   int64_t changes[STORE_POINTS]);

#endif
