/* A read-only connection that answers queries. */
#include "consumer/store_sqlite.h"

#include "common/clock.h"
#include "common/log.h"
#include "consumer/schema.h"
#include "consumer/sketch.h"
#include "consumer/store_sql.h"
#include "consumer/store_sqlite_parts.h"
#include "consumer/timezone.h"

#include <sqlite3.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEPS_BETWEEN_LOOKS = 1000
}; /* of SQLite's machine: some 20 us between looks at the clock */

struct reader {
    struct store_reader base;
    sqlite3 *db;
    char *path;
    sqlite3_stmt *site_key;
    struct store_sqlite_parts parts;
    const struct query *query; /* below: of the run that goes on */
    const struct store_reader_call *call;
    int64_t *changes;          /* of playthrough; NULL = rows are given to the call */
    store_sqlite_row_fn *take; /* not NULL: rows are given to it, with take_arg */
    void *take_arg;
    uint64_t deadline_ms;
    int64_t known_site; /* the days last told; -1 = none */
    int32_t first_day, end_day;
};

struct viewers {
    struct sketch *all, *one; /* one: the last that came */
};

static void close_reader(struct store_reader *base)
{
    struct reader *r = (struct reader *)base;
    sqlite3_finalize(r->site_key);
    (void)sqlite3_close(r->db); /* no statement is left, so it cannot be busy */
    free(r->path);
    free(r);
}

static int is_late(void *arg)
{
    const struct reader *r = arg;
    return clock_mono_ms() >= r->deadline_ms;
}

/* Finds the days on which the range begins and ends in the zone of the site. */
static void look_up_days(struct reader *r, int64_t site)
{
    const struct query *q = r->query;
    struct slice key = slice_of("");
    (void)sqlite3_bind_int64(r->site_key, 1, site); /* the parameter is there */
    if (sqlite3_step(r->site_key) == SQLITE_ROW) {
        key = slice_make((const char *)sqlite3_column_text(r->site_key, 0),
                         (size_t)sqlite3_column_bytes(r->site_key, 0));
    }
    r->first_day = r->call->day(key, timezone_quarter(q->from.ms), r->call->arg);
    r->end_day = r->call->day(key, timezone_quarter(q->to.ms - 1), r->call->arg) + 1;
    r->known_site = site;
    (void)sqlite3_reset(r->site_key); /* key was used */
}

static void first_day(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct reader *r = sqlite3_user_data(context);
    int64_t site = sqlite3_value_int64(values[0]);
    if (site != r->known_site) {
        look_up_days(r, site);
    }
    sqlite3_result_int(context, r->first_day);
}

static void end_day(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct reader *r = sqlite3_user_data(context);
    int64_t site = sqlite3_value_int64(values[0]);
    if (site != r->known_site) {
        look_up_days(r, site);
    }
    sqlite3_result_int(context, r->end_day);
}

static void zone_day(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const struct reader *r = sqlite3_user_data(context);
    sqlite3_result_int(context, timezone_day(r->call->zone, sqlite3_value_int(values[0])));
}

static void zone_hour(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const struct reader *r = sqlite3_user_data(context);
    sqlite3_result_int(context, timezone_hour_start(r->call->zone, sqlite3_value_int(values[0])));
}

/* count_viewers(sketch): a group's sketches are merged into one, which is made with the first. */
static void merge_viewers(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct viewers *v = sqlite3_aggregate_context(context, sizeof *v);
    if (v == NULL ||
        (v->all == NULL && ((v->all = sketch_new()) == NULL || (v->one = sketch_new()) == NULL))) {
        sqlite3_result_error_nomem(context);
        return;
    }
    struct slice bytes =
        slice_make(sqlite3_value_blob(values[0]), (size_t)sqlite3_value_bytes(values[0]));
    if (!sketch_decode(v->one, bytes)) {
        sqlite3_result_error(context, "a sketch of viewers is damaged", -1);
        return;
    }
    sketch_merge(v->all, v->one);
}

static void count_viewers(sqlite3_context *context)
{
    struct viewers *v = sqlite3_aggregate_context(context, 0);
    if (v == NULL || v->all == NULL) {
        sqlite3_result_int(context, 0);
        return;
    }
    sqlite3_result_int64(context, (int64_t)sketch_count(v->all));
    sketch_free(v->all);
    sketch_free(v->one);
    *v = (struct viewers){NULL, NULL};
}

static int add_functions(struct reader *r)
{
    static const struct {
        const char *name;
        void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {{"first_day", first_day},
                     {"end_day", end_day},
                     {"zone_day", zone_day},
                     {"zone_hour", zone_hour}};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0] && rc == SQLITE_OK; i++) {
        rc = sqlite3_create_function(r->db, functions[i].name, 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                     r, functions[i].call, NULL, NULL);
    }
    return rc == SQLITE_OK
               ? sqlite3_create_function(r->db, "count_viewers", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                         r, NULL, merge_viewers, count_viewers)
               : rc;
}

static bool give_row(sqlite3_stmt *row, const struct query *q, const struct store_reader_call *call)
{
    struct query_cell cells[QUERY_COLUMNS_MAX] = {{{NULL, 0}, 0, false}};
    for (size_t i = 0; i < q->column_count; i++) {
        int column = (int)i;
        if (query_field_is_text(q->columns[i])) {
            const char *text = (const char *)sqlite3_column_text(row, column);
            cells[i].text = slice_make(text, (size_t)sqlite3_column_bytes(row, column));
        } else {
            cells[i].number = sqlite3_column_int64(row, column);
            cells[i].is_null = sqlite3_column_type(row, column) == SQLITE_NULL;
        }
    }
    return call->on_row(cells, q->column_count, call->arg);
}

static bool take_change(sqlite3_stmt *row, int64_t *changes)
{
    int64_t point = sqlite3_column_int64(row, 0);
    if (point >= 0 && point < STORE_POINTS) {
        changes[point] = sqlite3_column_int64(row, 1);
    }
    return true;
}

static bool take_row(const struct reader *r, sqlite3_stmt *row)
{
    if (r->take != NULL) {
        return r->take(row, r->take_arg);
    }
    return r->changes != NULL ? take_change(row, r->changes) : give_row(row, r->query, r->call);
}

static enum store_read_result failed(const struct reader *r)
{
    if (sqlite3_errcode(r->db) == SQLITE_INTERRUPT) {
        return STORE_READ_TOO_LONG;
    }
    LOG_ERROR("query_failed", log_text("store", r->path), log_text("err", sqlite3_errmsg(r->db)));
    return STORE_READ_FAILED;
}

static enum store_read_result run_statement(struct reader *r, const struct store_sql *sql)
{
    sqlite3_stmt *statement = NULL;
    r->parts.sql = sql;
    int rc = sqlite3_prepare_v2(r->db, sql->text.data, (int)sql->text.len, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = store_sqlite_bind(statement, sql);
    }
    enum store_read_result result = STORE_READ_OK;
    while (rc == SQLITE_OK && result == STORE_READ_OK) {
        int step = sqlite3_step(statement);
        if (step == SQLITE_DONE) {
            break;
        }
        rc = step == SQLITE_ROW ? SQLITE_OK : step;
        if (rc == SQLITE_OK && !take_row(r, statement)) {
            result = STORE_READ_STOPPED;
        }
    }
    if (rc != SQLITE_OK) {
        result = failed(r);
    }
    sqlite3_finalize(statement);
    return result;
}

/* Frees the statement's text. */
static enum store_read_result answer(struct reader *r, const struct query *q,
                                     const struct store_reader_call *call, struct store_sql *sql)
{
    r->query = q;
    r->call = call;
    r->known_site = -1;
    r->deadline_ms = clock_mono_ms() + call->timeout_ms;
    enum store_read_result result = run_statement(r, sql);
    store_sql_fini(sql);
    return result;
}

static enum store_read_result run(struct store_reader *base, const struct query *q,
                                  const struct store_reader_call *call)
{
    struct reader *r = (struct reader *)base;
    struct store_sql sql;
    r->changes = NULL;
    return store_sql_make(&sql, q) == 0 ? answer(r, q, call, &sql) : STORE_READ_FAILED;
}

static enum store_read_result playthrough(struct store_reader *base, const struct query *q,
                                          const struct store_reader_call *call,
                                          int64_t changes[STORE_POINTS])
{
    struct reader *r = (struct reader *)base;
    struct store_sql sql;
    memset(changes, 0, STORE_POINTS * sizeof changes[0]);
    r->changes = changes;
    return store_sql_playthrough(&sql, q) == 0 ? answer(r, q, call, &sql) : STORE_READ_FAILED;
}

enum store_read_result store_sqlite_read(struct store_reader *base, const struct store_sql *sql,
                                         unsigned timeout_ms, store_sqlite_row_fn *take, void *arg)
{
    struct reader *r = (struct reader *)base;
    r->take = take;
    r->take_arg = arg;
    r->deadline_ms = clock_mono_ms() + timeout_ms;
    enum store_read_result result = run_statement(r, sql);
    r->take = NULL;
    return result;
}

/* The first statement after it fixes the moment. */
static enum store_read_result hold(struct store_reader *base)
{
    struct reader *r = (struct reader *)base;
    r->deadline_ms = UINT64_MAX;
    return sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? STORE_READ_OK : failed(r);
}

static void release(struct store_reader *base)
{
    struct reader *r = (struct reader *)base;
    r->deadline_ms = UINT64_MAX;
    (void)sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL); /* it wrote nothing */
}

static const struct store_reader_engine engine = {
    .close = close_reader,
    .run = run,
    .playthrough = playthrough,
    .extract = store_sqlite_extract,
    .extract_points = store_sqlite_extract_points,
    .hold = hold,
    .release = release,
};

static int set_up(struct reader *r, struct error *err)
{
    int version = 0;
    int result = store_sqlite_version(r->db, r->path, &version, err);
    if (result != 0) {
        return result;
    }
    if (version < SCHEMA_VERSION) {
        error_set(err, "store: %s has schema version %d: start the consumer once to upgrade it",
                  r->path, version);
        return -EPROTONOSUPPORT;
    }
    sqlite3_progress_handler(r->db, STEPS_BETWEEN_LOOKS, is_late, r);
    if (add_functions(r) != SQLITE_OK || store_sqlite_parts_add(&r->parts, r->db) != SQLITE_OK ||
        sqlite3_prepare_v2(r->db, "SELECT text FROM strings WHERE id = ?1", -1, &r->site_key,
                           NULL) != SQLITE_OK) {
        return store_sqlite_error(r->db, r->path, err);
    }
    return 0;
}

static int open_reader(struct reader *r, struct error *err)
{
    if (access(r->path, F_OK) != 0) {
        error_set(err, "store: there is none at %s yet", r->path);
        return -ENOENT;
    }
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(r->path, &r->db, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(r->db, "PRAGMA busy_timeout = 1000", NULL, NULL, NULL) != SQLITE_OK) {
        return store_sqlite_error(r->db, r->path, err);
    }
    r->deadline_ms = UINT64_MAX;
    return set_up(r, err);
}

int store_sqlite_reader_open(struct store_reader **out, const char *path, struct error *err)
{
    struct reader *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return -ENOMEM;
    }
    r->base.engine = &engine;
    r->path = strdup(path);
    int result = r->path == NULL ? -ENOMEM : open_reader(r, err);
    if (result != 0) {
        close_reader(&r->base);
        return result;
    }
    *out = &r->base;
    return 0;
}
