/* The rows of the rollups, many in one statement. */
#include "consumer/store_sqlite.h"

#include "common/buffer.h"

#include <sqlite3.h>

/* What a statement takes for itself is a quarter of what a row takes. */
enum { ROWS = 32, COLUMNS_MAX = 8 };

enum { TOTALS, EVENTS, TABLE_COUNT };

typedef void values_fn(const void *rows, size_t i, int64_t values[COLUMNS_MAX]);

static void values_of_total(const void *rows, size_t i, int64_t values[COLUMNS_MAX])
{
    const struct store_total *t = &((const struct store_total *)rows)[i];
    values[0] = t->bucket;
    values[1] = (int64_t)t->photo_id;
    values[2] = t->source;
    values[3] = t->site;
    values[4] = t->traffic;
    values[5] = t->reports;
    values[6] = t->events;
    values[7] = t->loads;
}

static void values_of_event(const void *rows, size_t i, int64_t values[COLUMNS_MAX])
{
    const struct store_event_count *e = &((const struct store_event_count *)rows)[i];
    values[0] = e->bucket;
    values[1] = (int64_t)e->photo_id;
    values[2] = e->source;
    values[3] = e->event;
    values[4] = e->site;
    values[5] = e->traffic;
    values[6] = e->count;
}

static const struct table {
    const char *name, *columns;
    int column_count;
    const char *update; /* what becomes of a row that is there */
    values_fn *values;
} tables[TABLE_COUNT] = {
    [TOTALS] = {"totals", "bucket, photo_id, source, site, traffic, reports, events, loads", 8,
                "reports = reports + excluded.reports, events = events + excluded.events,"
                " loads = loads + excluded.loads",
                values_of_total},
    [EVENTS] = {"events", "bucket, photo_id, source, event, site, traffic, count", 7,
                "count = count + excluded.count", values_of_event},
};

static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};

static int prepare(struct store_sqlite *s, const struct table *t, const char *grain, int rows,
                   sqlite3_stmt **out)
{
    struct buffer sql;
    buffer_init(&sql);
    buffer_append_format(&sql, "INSERT INTO %s_%s (%s) VALUES ", t->name, grain, t->columns);
    for (int i = 0; i < rows; i++) {
        buffer_append_text(&sql, i == 0 ? "(?" : ", (?");
        for (int k = 1; k < t->column_count; k++) {
            buffer_append_text(&sql, ", ?");
        }
        buffer_append_char(&sql, ')');
    }
    buffer_append_format(&sql, " ON CONFLICT DO UPDATE SET %s", t->update);
    int rc = buffer_failed(&sql) ? SQLITE_NOMEM
                                 : sqlite3_prepare_v3(s->db, sql.data, (int)sql.len,
                                                      SQLITE_PREPARE_PERSISTENT, out, NULL);
    buffer_fini(&sql);
    return rc;
}

/* Rows take turns in the order of their tables and grains. */
static struct store_sqlite_rollup *rollup_of(struct store_sqlite *s, int table, int grain)
{
    return &s->rollups[table * STORE_GRAIN_COUNT + grain];
}

int store_sqlite_prepare_rollups(struct store_sqlite *s)
{
    _Static_assert((int)TABLE_COUNT * (int)STORE_GRAIN_COUNT == (int)STORE_SQLITE_ROLLUP_COUNT,
                   "one for each table and grain");
    int rc = SQLITE_OK;
    for (int table = 0; table < TABLE_COUNT; table++) {
        for (int grain = 0; grain < STORE_GRAIN_COUNT && rc == SQLITE_OK; grain++) {
            struct store_sqlite_rollup *r = rollup_of(s, table, grain);
            rc = prepare(s, &tables[table], grains[grain], 1, &r->one);
            if (rc == SQLITE_OK) {
                rc = prepare(s, &tables[table], grains[grain], ROWS, &r->many);
            }
        }
    }
    return rc;
}

static int write(const struct table *t, const struct store_sqlite_rollup *r, const void *rows,
                 size_t count)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < count && rc == SQLITE_OK;) {
        size_t taken = count - i < ROWS ? 1 : ROWS;
        sqlite3_stmt *statement = taken == 1 ? r->one : r->many;
        int parameter = 1;
        for (size_t end = i + taken; i < end; i++) {
            int64_t values[COLUMNS_MAX];
            t->values(rows, i, values);
            for (int k = 0; k < t->column_count; k++) {
                /* the parameters are there and of no size that could fail */
                (void)sqlite3_bind_int64(statement, parameter++, values[k]);
            }
        }
        rc = store_sqlite_run(statement);
    }
    return rc;
}

int store_sqlite_write_rollups(struct store_sqlite *s, const struct store_batch *batch)
{
    int rc = SQLITE_OK;
    for (int grain = 0; grain < STORE_GRAIN_COUNT && rc == SQLITE_OK; grain++) {
        rc = write(&tables[TOTALS], rollup_of(s, TOTALS, grain), batch->totals[grain],
                   batch->total_count[grain]);
        if (rc == SQLITE_OK) {
            rc = write(&tables[EVENTS], rollup_of(s, EVENTS, grain), batch->events[grain],
                       batch->event_count[grain]);
        }
    }
    return rc;
}
