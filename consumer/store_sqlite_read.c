/* What a consumer reads of the store before it goes on. */
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>

typedef void take_row_fn(sqlite3_stmt *row, void *arg);

/* Runs sql with topic as ?1 (if any) and partition as ?2 (if it has one), take for each row. */
static int each_row(struct store *base, const char *sql, const char *topic, int32_t partition,
                    take_row_fn *take, void *arg)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        /* a statement without these parameters refuses them, and needs none */
        (void)sqlite3_bind_text(statement, 1, topic, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int(statement, 2, partition);
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
            take(statement, arg);
        }
    }
    if (rc != SQLITE_DONE) {
        store_sqlite_keep_fault(s);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? 0 : -EIO;
}

struct position_taker {
    store_position_fn *fn;
    void *arg;
};

static void take_position(sqlite3_stmt *row, void *arg)
{
    const struct position_taker *t = arg;
    t->fn(sqlite3_column_int(row, 0), sqlite3_column_int64(row, 1), t->arg);
}

int store_sqlite_load_positions(struct store *s, const char *topic, store_position_fn *fn,
                                void *arg)
{
    struct position_taker t = {fn, arg};
    return each_row(s, "SELECT partition, next_offset FROM positions WHERE topic = ?1", topic, 0,
                    take_position, &t);
}

struct mark_taker {
    store_mark_fn *fn;
    void *arg;
    int32_t partition;
};

static void take_mark(sqlite3_stmt *row, void *arg)
{
    const struct mark_taker *t = arg;
    struct store_mark mark = {.partition = t->partition,
                              .lane = (uint64_t)sqlite3_column_int64(row, 0),
                              .sequence = (uint64_t)sqlite3_column_int64(row, 1),
                              .seen_ms = sqlite3_column_int64(row, 2)};
    t->fn(&mark, t->arg);
}

int store_sqlite_load_marks(struct store *s, const char *topic, int32_t partition,
                            store_mark_fn *fn, void *arg)
{
    struct mark_taker t = {fn, arg, partition};
    return each_row(s,
                    "SELECT lane, sequence, seen_ms FROM marks WHERE topic = ?1 AND partition = ?2",
                    topic, partition, take_mark, &t);
}

struct string_taker {
    store_string_fn *fn;
    void *arg;
};

static void take_string(sqlite3_stmt *row, void *arg)
{
    const struct string_taker *t = arg;
    const char *text = (const char *)sqlite3_column_text(row, 1);
    t->fn((uint32_t)sqlite3_column_int64(row, 0),
          slice_make(text, (size_t)sqlite3_column_bytes(row, 1)), t->arg);
}

int store_sqlite_load_strings(struct store *s, store_string_fn *fn, void *arg)
{
    struct string_taker t = {fn, arg};
    return each_row(s, "SELECT id, text FROM strings ORDER BY id", "", 0, take_string, &t);
}

/* Asked once for each viewer that is not in memory: a statement that is prepared already. */
int store_sqlite_load_seen(struct store *base, const struct store_seen_key *key, store_seen_fn *fn,
                           void *arg)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_FIND_SEEN];
    /* the parameters are there and of no size that could fail */
    (void)sqlite3_bind_int64(statement, 1, key->site);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)key->photo_id);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)key->viewer);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const char *data = sqlite3_column_blob(statement, 0);
        fn(slice_make(data, (size_t)sqlite3_column_bytes(statement, 0)), arg);
    } else if (rc != SQLITE_DONE) {
        store_sqlite_keep_fault(s);
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
}

struct clock_taker {
    store_clock_fn *fn;
    void *arg;
};

static void take_clock(sqlite3_stmt *row, void *arg)
{
    const struct clock_taker *t = arg;
    struct store_clock clock = {sqlite3_column_int(row, 0), sqlite3_column_int64(row, 1)};
    t->fn(&clock, t->arg);
}

int store_sqlite_load_clocks(struct store *s, const char *topic, store_clock_fn *fn, void *arg)
{
    struct clock_taker t = {fn, arg};
    return each_row(s, "SELECT partition, ms FROM clocks WHERE topic = ?1", topic, 0, take_clock,
                    &t);
}
