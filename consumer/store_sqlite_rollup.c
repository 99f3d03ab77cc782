/* The rows of the rollups, many in one statement. */
#include "consumer/store_sqlite.h"

#include "common/buffer.h"

#include <sqlite3.h>

/* What a statement takes for itself is a quarter of what a row takes. */
enum { ROWS = 32, COLUMNS_MAX = 5 + STORE_MEASURE_COUNT };

typedef void values_fn(const void *row, int64_t values[COLUMNS_MAX]);
typedef bool wanted_fn(const void *row);

static void values_of_total(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_total *t = row;
    values[0] = t->bucket;
    values[1] = (int64_t)t->photo_id;
    values[2] = t->source;
    values[3] = t->site;
    values[4] = t->traffic;
    memcpy(values + 5, t->measures, sizeof t->measures);
}

static bool is_of_events(const void *row)
{
    const struct store_total *t = row;
    int64_t others = 0;
    for (int i = STORE_LOADS + 1; i < STORE_MEASURE_COUNT; i++) {
        others |= t->measures[i];
    }
    return others == 0;
}

static bool is_of_more(const void *row)
{
    return !is_of_events(row);
}

static void values_of_event(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_event_count *e = row;
    values[0] = e->bucket;
    values[1] = (int64_t)e->photo_id;
    values[2] = e->source;
    values[3] = e->event;
    values[4] = e->site;
    values[5] = e->traffic;
    values[6] = e->count;
}

static const char *const measures[STORE_MEASURE_COUNT] = {
    [STORE_REPORTS] = "reports",
    [STORE_EVENTS] = "events",
    [STORE_LOADS] = "loads",
    [STORE_PLAYS] = "plays",
    [STORE_PLAYS_DERIVED] = "plays_derived",
    [STORE_ENGAGEMENT_MS] = "engagement_ms",
    [STORE_FINISHES] = "finishes",
    [STORE_KNOWN] = "known",
    [STORE_SHARE_PPM] = "share_ppm",
    [STORE_DOWNLOADS] = "downloads",
    [STORE_DOWNLOADED_BYTES] = "downloaded_bytes",
    [STORE_UNCOUNTED_REPORTS] = "uncounted_reports",
};
static const char *const counts[] = {"count"};
static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};

/* One way to add rows to a table of each grain. */
struct way {
    const char *table, *keys; /* columns of its key */
    int key_count;
    const char *const *sums; /* the columns that add up */
    int sum_count;
    size_t row_size;
    values_fn *values;
    wanted_fn *is_wanted; /* only these rows; NULL = all */
};

#define TOTALS "totals", "bucket, photo_id, source, site, traffic", 5, measures

/* Most rows are of events: a way that leaves all but the first measures alone is for them. */
static const struct way ways[] = {
    {TOTALS, STORE_LOADS + 1, sizeof(struct store_total), values_of_total, is_of_events},
    {TOTALS, STORE_MEASURE_COUNT, sizeof(struct store_total), values_of_total, is_of_more},
    {"events", "bucket, photo_id, source, event, site, traffic", 6, counts, 1,
     sizeof(struct store_event_count), values_of_event, NULL},
};

enum { WAY_COUNT = sizeof ways / sizeof ways[0] };

static void append_row(struct buffer *sql, int columns)
{
    for (int i = 0; i < columns; i++) {
        buffer_append_text(sql, i == 0 ? "(?" : ", ?");
    }
    buffer_append_char(sql, ')');
}

static int prepare(struct store_sqlite *s, const struct way *w, const char *grain, int rows,
                   sqlite3_stmt **out)
{
    struct buffer sql;
    buffer_init(&sql);
    buffer_append_format(&sql, "INSERT INTO %s_%s (%s", w->table, grain, w->keys);
    for (int i = 0; i < w->sum_count; i++) {
        buffer_append_format(&sql, ", %s", w->sums[i]);
    }
    for (int i = 0; i < rows; i++) {
        buffer_append_text(&sql, i == 0 ? ") VALUES " : ", ");
        append_row(&sql, w->key_count + w->sum_count);
    }
    for (int i = 0; i < w->sum_count; i++) {
        buffer_append_text(&sql, i == 0 ? " ON CONFLICT DO UPDATE SET " : ", ");
        buffer_append_format(&sql, "%s = %s + excluded.%s", w->sums[i], w->sums[i], w->sums[i]);
    }
    int rc = buffer_failed(&sql) ? SQLITE_NOMEM
                                 : sqlite3_prepare_v3(s->db, sql.data, (int)sql.len,
                                                      SQLITE_PREPARE_PERSISTENT, out, NULL);
    buffer_fini(&sql);
    return rc;
}

int store_sqlite_prepare_rollups(struct store_sqlite *s)
{
    _Static_assert((int)WAY_COUNT * (int)STORE_GRAIN_COUNT == (int)STORE_SQLITE_ROLLUP_COUNT,
                   "one for each way and grain");
    int rc = SQLITE_OK;
    for (int i = 0; i < STORE_SQLITE_ROLLUP_COUNT && rc == SQLITE_OK; i++) {
        const struct way *w = &ways[i % WAY_COUNT];
        rc = prepare(s, w, grains[i / WAY_COUNT], 1, &s->rollups[i].one);
        if (rc == SQLITE_OK) {
            rc = prepare(s, w, grains[i / WAY_COUNT], ROWS, &s->rollups[i].many);
        }
    }
    return rc;
}

/* Writes some rows with a statement that takes as many. */
static int write_some(const struct way *w, sqlite3_stmt *statement, const void *const *rows,
                      int count)
{
    int parameter = 1;
    for (int i = 0; i < count; i++) {
        int64_t values[COLUMNS_MAX];
        w->values(rows[i], values);
        for (int k = 0; k < w->key_count + w->sum_count; k++) {
            /* the parameters are there and of no size that could fail */
            (void)sqlite3_bind_int64(statement, parameter++, values[k]);
        }
    }
    return store_sqlite_run(statement);
}

static int write_all(const struct way *w, const struct store_sqlite_rollup *r, const void *rows,
                     size_t count)
{
    const void *waiting[ROWS];
    int n = 0, rc = SQLITE_OK;
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        const void *row = (const char *)rows + i * w->row_size;
        if (w->is_wanted == NULL || w->is_wanted(row)) {
            waiting[n++] = row;
        }
        if (n == ROWS) {
            rc = write_some(w, r->many, waiting, n);
            n = 0;
        }
    }
    for (int i = 0; i < n && rc == SQLITE_OK; i++) {
        rc = write_some(w, r->one, &waiting[i], 1);
    }
    return rc;
}

int store_sqlite_write_rollups(struct store_sqlite *s, const struct store_batch *batch)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < STORE_SQLITE_ROLLUP_COUNT && rc == SQLITE_OK; i++) {
        int grain = i / WAY_COUNT;
        const struct way *w = &ways[i % WAY_COUNT];
        rc = w->sums == measures
                 ? write_all(w, &s->rollups[i], batch->totals[grain], batch->total_count[grain])
                 : write_all(w, &s->rollups[i], batch->events[grain], batch->event_count[grain]);
    }
    return rc;
}
