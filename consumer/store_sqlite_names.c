/* Which names have a place on a day. */
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>

/* The parameters of a prepared statement are there and of no size that could fail. */
static sqlite3_stmt *bind(struct store_sqlite *s, enum store_sqlite_statement which,
                          const struct store_name_day *day)
{
    sqlite3_stmt *statement = s->statements[which];
    (void)sqlite3_bind_int64(statement, 1, day->kind);
    (void)sqlite3_bind_int64(statement, 2, day->site);
    (void)sqlite3_bind_int64(statement, 3, day->day);
    return statement;
}

static int finish(struct store_sqlite *s, sqlite3_stmt *statement, int rc)
{
    if (rc != SQLITE_DONE) {
        store_sqlite_keep_fault(s);
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc == SQLITE_DONE ? 0 : -EIO;
}

int store_sqlite_count_names(struct store *base, const struct store_name_day *day, int64_t *count)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = bind(s, STORE_SQLITE_COUNT_NAMES, day);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *count = sqlite3_column_int64(statement, 0);
        rc = SQLITE_DONE;
    }
    return finish(s, statement, rc);
}

static int visit(struct store_sqlite *s, sqlite3_stmt *statement, store_name_fn *fn, void *arg)
{
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        fn((uint64_t)sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1), arg);
    }
    return finish(s, statement, rc);
}

int store_sqlite_find_name(struct store *base, const struct store_name_day *day, uint64_t name,
                           store_name_fn *fn, void *arg)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = bind(s, STORE_SQLITE_FIND_NAME, day);
    (void)sqlite3_bind_int64(statement, 4, (int64_t)name); /* as in bind() */
    return visit(s, statement, fn, arg);
}

int store_sqlite_largest_names(struct store *base, const struct store_name_day *day, int64_t limit,
                               store_name_fn *fn, void *arg)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = bind(s, STORE_SQLITE_LARGEST_NAMES, day);
    (void)sqlite3_bind_int64(statement, 4, limit);
    (void)sqlite3_bind_int64(statement, 5, STORE_NAME_PHOTO); /* both: as in bind() */
    return visit(s, statement, fn, arg);
}
