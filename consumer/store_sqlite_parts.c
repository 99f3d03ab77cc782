/* See https://www.sqlite.org/vtab.html for what is called when. */
#include "consumer/store_sqlite_parts.h"

#include "consumer/group_sums.h"
#include "consumer/store_sql.h"
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>
#include <stdlib.h>

enum {
    BYTES_MAX = 16 << 20, /* of a question's groups; those that do not fit come in several parts */
    ROWS_GUESSED = 100000
};

struct table {
    sqlite3_vtab base;
    const struct store_sqlite_parts *parts;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct store_sql *sql;
    sqlite3_stmt *rows;
    bool has_row; /* rows stands on one that is not in yet */
    struct group_sums *groups;
    size_t at;
};

int store_sqlite_bind(sqlite3_stmt *statement, const struct store_sql *sql)
{
    size_t count = (size_t)sqlite3_bind_parameter_count(statement);
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sql->value_count && i < count && rc == SQLITE_OK; i++) {
        const struct store_sql_value *v = &sql->values[i];
        rc = v->text.data == NULL ? sqlite3_bind_int64(statement, (int)i + 1, v->number)
                                  : sqlite3_bind_text64(statement, (int)i + 1, v->text.data,
                                                        v->text.len, SQLITE_STATIC, SQLITE_UTF8);
    }
    return rc;
}

static int connect_table(sqlite3 *db, void *arg, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **fault)
{
    (void)argc;
    (void)argv;
    (void)fault;
    struct buffer schema;
    buffer_init(&schema);
    for (size_t i = 0; i < STORE_SQL_PART_COUNT; i++) {
        buffer_append_format(&schema, "%s%s INTEGER", i == 0 ? "CREATE TABLE parts (" : ", ",
                             store_sql_part_name(i));
    }
    buffer_append(&schema, ")", sizeof ")");
    struct table *t = sqlite3_malloc64(sizeof *t);
    int rc =
        t == NULL || buffer_failed(&schema) ? SQLITE_NOMEM : sqlite3_declare_vtab(db, schema.data);
    buffer_fini(&schema);
    if (rc != SQLITE_OK) {
        sqlite3_free(t);
        return rc;
    }
    *t = (struct table){.parts = arg};
    *out = &t->base;
    return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedRows = ROWS_GUESSED;
    info->estimatedCost = ROWS_GUESSED;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    struct cursor *c = sqlite3_malloc64(sizeof *c);
    if (c == NULL) {
        return SQLITE_NOMEM;
    }
    *c = (struct cursor){.at = 0};
    *out = &c->base;
    return SQLITE_OK;
}

static void end_rows(struct cursor *c)
{
    sqlite3_finalize(c->rows);
    group_sums_free(c->groups);
    c->rows = NULL;
    c->groups = NULL;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    end_rows(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int fault(struct cursor *c, int rc, const char *words)
{
    sqlite3_free(c->base.pVtab->zErrMsg);
    c->base.pVtab->zErrMsg = sqlite3_mprintf("%s", words);
    return rc;
}

/* Returns 0, -ENOSPC when the row has to wait, or another -errno. */
static int take_row(struct cursor *c)
{
    int64_t row[STORE_SQL_PART_COUNT];
    for (size_t i = 0; i < c->sql->part_keys + c->sql->part_sums; i++) {
        row[i] = sqlite3_column_int64(c->rows, (int)i);
    }
    return group_sums_add(c->groups, row);
}

/* Adds up rows until there are no more, or groups are as many as may be. */
static int fill(struct cursor *c)
{
    group_sums_clear(c->groups);
    c->at = 0;
    while (c->has_row) {
        int result = take_row(c);
        if (result == -ENOSPC) {
            return SQLITE_OK;
        }
        if (result != 0) {
            return result == -ENOMEM ? SQLITE_NOMEM : fault(c, SQLITE_ERROR, "integer overflow");
        }
        int rc = sqlite3_step(c->rows);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            return fault(c, rc, sqlite3_errmsg(sqlite3_db_handle(c->rows)));
        }
        c->has_row = rc == SQLITE_ROW;
    }
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int index, const char *name, int argc,
                  sqlite3_value **argv)
{
    (void)index;
    (void)name;
    (void)argc;
    (void)argv;
    struct cursor *c = (struct cursor *)base;
    const struct store_sqlite_parts *parts = ((struct table *)base->pVtab)->parts;
    end_rows(c);
    c->sql = parts->sql;
    c->groups = group_sums_new(c->sql->part_keys, c->sql->part_sums, BYTES_MAX);
    if (c->groups == NULL) {
        return SQLITE_NOMEM;
    }
    int rc =
        sqlite3_prepare_v2(parts->db, c->sql->parts.data, (int)c->sql->parts.len, &c->rows, NULL);
    rc = rc == SQLITE_OK ? store_sqlite_bind(c->rows, c->sql) : rc;
    rc = rc == SQLITE_OK ? sqlite3_step(c->rows) : rc;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return fault(c, rc, sqlite3_errmsg(parts->db));
    }
    c->has_row = rc == SQLITE_ROW;
    return fill(c);
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    return ++c->at < group_sums_count(c->groups) ? SQLITE_OK : fill(c);
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = (const struct cursor *)base;
    return c->at >= group_sums_count(c->groups);
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    const struct cursor *c = (const struct cursor *)base;
    int place = c->sql->part_of[index];
    if (place >= 0) { /* else NULL, which nobody asks for */
        sqlite3_result_int64(context, group_sums_row(c->groups, c->at)[place]);
    }
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct cursor *)base)->at;
    return SQLITE_OK;
}

/* Without xCreate it is there by its name, and no other can be made. */
static const sqlite3_module module = {
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_table,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = is_at_end,
    .xColumn = column,
    .xRowid = row_id,
};

int store_sqlite_parts_add(struct store_sqlite_parts *p, sqlite3 *db)
{
    p->db = db;
    return sqlite3_create_module(db, "parts", &module, p);
}
