/* The rows of the extract methods out of SQLite. */
#include "consumer/store_sql_extract.h"
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <string.h>

struct taker {
    store_extract_row_fn *on_row;
    void *arg;
};

static struct slice text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return slice_make(text, (size_t)sqlite3_column_bytes(row, column));
}

static bool take_row(sqlite3_stmt *row, void *arg)
{
    const struct taker *t = arg;
    struct store_extract_row r = {
        .total = sqlite3_column_int64(row, STORE_EXTRACT_TOTAL),
        .place = sqlite3_column_int64(row, STORE_EXTRACT_PLACE),
        .key = sqlite3_column_int64(row, STORE_EXTRACT_KEY),
        .name = text_of(row, STORE_EXTRACT_NAME),
        .url = text_of(row, STORE_EXTRACT_URL),
        .event = text_of(row, STORE_EXTRACT_EVENT),
        .event_count = sqlite3_column_int64(row, STORE_EXTRACT_EVENT_COUNT),
    };
    int64_t *const measures[] = {&r.downloads, &r.downloaded_bytes, &r.finishes, &r.loads,
                                 &r.plays,     &r.engagement_ms,    &r.known,    &r.share_ppm};
    for (int i = 0; i < (int)(sizeof measures / sizeof measures[0]); i++) {
        *measures[i] = sqlite3_column_int64(row, STORE_EXTRACT_FIRST_MEASURE + i);
    }
    return t->on_row(&r, t->arg);
}

enum store_read_result store_sqlite_extract(struct store_reader *r, const struct store_extract *e,
                                            unsigned timeout_ms, store_extract_row_fn *on_row,
                                            void *arg)
{
    struct taker t = {on_row, arg};
    struct store_sql sql;
    if (store_sql_extract(&sql, e) != 0) {
        return STORE_READ_FAILED;
    }
    enum store_read_result result = store_sqlite_read(r, &sql, timeout_ms, take_row, &t);
    store_sql_fini(&sql);
    return result;
}

static bool take_point(sqlite3_stmt *row, void *arg)
{
    int64_t *changes = arg;
    int64_t point = sqlite3_column_int64(row, 0);
    if (point >= 0 && point < STORE_POINTS) {
        changes[point] = sqlite3_column_int64(row, 1);
    }
    return true;
}

enum store_read_result store_sqlite_extract_points(struct store_reader *r,
                                                   const struct store_extract *e,
                                                   unsigned timeout_ms,
                                                   int64_t changes[STORE_POINTS])
{
    struct store_sql sql;
    memset(changes, 0, STORE_POINTS * sizeof changes[0]);
    if (store_sql_extract_points(&sql, e) != 0) {
        return STORE_READ_FAILED;
    }
    enum store_read_result result = store_sqlite_read(r, &sql, timeout_ms, take_point, changes);
    store_sql_fini(&sql);
    return result;
}
