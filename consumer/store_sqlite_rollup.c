/* The rows of the rollups, many in one statement. */
#include "consumer/store_sqlite.h"

#include "common/buffer.h"

#include <sqlite3.h>

/* What a statement takes for itself is a quarter of what a row takes. */
enum { ROWS = 32, COLUMNS_MAX = 6 + STORE_MEASURE_COUNT };

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

static void values_of_playthrough(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_playthrough *p = row;
    values[0] = p->day;
    values[1] = (int64_t)p->photo_id;
    values[2] = p->source;
    values[3] = p->site;
    values[4] = p->traffic;
    values[5] = p->point;
    values[6] = p->change;
}

static void values_of_embed(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_embed *e = row;
    values[0] = e->day;
    values[1] = (int64_t)e->photo_id;
    values[2] = e->domain;
    values[3] = e->url;
    values[4] = e->site;
    values[5] = e->traffic;
    memcpy(values + 6, e->measures, sizeof e->measures);
}

static void values_of_embed_event(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_embed_event *e = row;
    values[0] = e->day;
    values[1] = (int64_t)e->photo_id;
    values[2] = e->domain;
    values[3] = e->url;
    values[4] = e->event;
    values[5] = e->site;
    values[6] = e->traffic;
    values[7] = e->count;
}

static void values_of_name(const void *row, int64_t values[COLUMNS_MAX])
{
    const struct store_name *n = row;
    values[0] = n->day.kind;
    values[1] = n->day.site;
    values[2] = n->day.day;
    values[3] = (int64_t)n->name;
    values[4] = n->uses;
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
static const char *const counts[] = {"count"}, *const changes[] = {"change"},
                         *const uses[] = {"uses"};

/* One way to add rows to tables that are alike. */
struct way {
    const char *keys; /* columns of its key */
    int key_count;
    const char *const *sums; /* the columns that add up */
    int sum_count;
    size_t row_size;
    values_fn *values;
    wanted_fn *is_wanted; /* only these rows; NULL = all */
};

#define TOTALS "bucket, photo_id, source, site, traffic", 5, measures

/* Most rows are of events: a way that leaves all but the first measures alone is for them. */
static const struct way totals_of_events = {TOTALS, STORE_LOADS + 1, sizeof(struct store_total),
                                            values_of_total, is_of_events};
static const struct way totals_of_more = {TOTALS, STORE_MEASURE_COUNT, sizeof(struct store_total),
                                          values_of_total, is_of_more};
static const struct way events = {"bucket, photo_id, source, event, site, traffic",
                                  6,
                                  counts,
                                  1,
                                  sizeof(struct store_event_count),
                                  values_of_event,
                                  NULL};
static const struct way playthrough = {"day, photo_id, source, site, traffic, point",
                                       6,
                                       changes,
                                       1,
                                       sizeof(struct store_playthrough),
                                       values_of_playthrough,
                                       NULL};
static const struct way embeds = {"day, photo_id, domain, url, site, traffic",
                                  6,
                                  measures,
                                  STORE_MEASURE_COUNT,
                                  sizeof(struct store_embed),
                                  values_of_embed,
                                  NULL};
static const struct way embed_events = {"day, photo_id, domain, url, event, site, traffic",
                                        7,
                                        counts,
                                        1,
                                        sizeof(struct store_embed_event),
                                        values_of_embed_event,
                                        NULL};
static const struct way names = {"kind, site, day, name", 4,   uses, 1, sizeof(struct store_name),
                                 values_of_name,          NULL};

#define ROWS_OF(member, count_member)                                                              \
    offsetof(struct store_batch, member), offsetof(struct store_batch, count_member)
#define TOTAL_ROWS(grain) ROWS_OF(totals[grain], total_count[grain])
#define EVENT_ROWS(grain) ROWS_OF(events[grain], event_count[grain])

static const struct table {
    const char *name;
    const struct way *way;
    size_t rows_at, count_at; /* in struct store_batch */
} tables[] = {
    {"totals_quarter", &totals_of_events, TOTAL_ROWS(STORE_GRAIN_QUARTER)},
    {"totals_quarter", &totals_of_more, TOTAL_ROWS(STORE_GRAIN_QUARTER)},
    {"events_quarter", &events, EVENT_ROWS(STORE_GRAIN_QUARTER)},
    {"totals_hour", &totals_of_events, TOTAL_ROWS(STORE_GRAIN_HOUR)},
    {"totals_hour", &totals_of_more, TOTAL_ROWS(STORE_GRAIN_HOUR)},
    {"events_hour", &events, EVENT_ROWS(STORE_GRAIN_HOUR)},
    {"totals_day", &totals_of_events, TOTAL_ROWS(STORE_GRAIN_DAY)},
    {"totals_day", &totals_of_more, TOTAL_ROWS(STORE_GRAIN_DAY)},
    {"events_day", &events, EVENT_ROWS(STORE_GRAIN_DAY)},
    {"playthrough", &playthrough, ROWS_OF(playthrough, playthrough_count)},
    {"embeds", &embeds, ROWS_OF(embeds, embed_count)},
    {"embed_events", &embed_events, ROWS_OF(embed_events, embed_event_count)},
    {"names", &names, ROWS_OF(names, name_count)},
};

static void append_row(struct buffer *sql, int columns)
{
    for (int i = 0; i < columns; i++) {
        buffer_append_text(sql, i == 0 ? "(?" : ", ?");
    }
    buffer_append_char(sql, ')');
}

static int prepare(struct store_sqlite *s, const struct table *t, int rows, sqlite3_stmt **out)
{
    const struct way *w = t->way;
    struct buffer sql;
    buffer_init(&sql);
    buffer_append_format(&sql, "INSERT INTO %s (%s", t->name, w->keys);
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
    _Static_assert(sizeof tables / sizeof tables[0] == STORE_SQLITE_ROLLUP_COUNT,
                   "one for each table and way");
    int rc = SQLITE_OK;
    for (int i = 0; i < STORE_SQLITE_ROLLUP_COUNT && rc == SQLITE_OK; i++) {
        rc = prepare(s, &tables[i], 1, &s->rollups[i].one);
        if (rc == SQLITE_OK) {
            rc = prepare(s, &tables[i], ROWS, &s->rollups[i].many);
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
        const void *rows = NULL;
        size_t count = 0;
        memcpy(&rows, (const char *)batch + tables[i].rows_at, sizeof rows);
        memcpy(&count, (const char *)batch + tables[i].count_at, sizeof count);
        rc = write_all(tables[i].way, &s->rollups[i], rows, count);
    }
    return rc;
}
