/* Viewings, the viewers of days, and the secret by which both are named. */
#include "consumer/sketch.h"
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>

/* The parameters of a prepared statement are there and of no size that could fail. */
static void bind(sqlite3_stmt *statement, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, i + 1, values[i]);
    }
}

static void bind_bytes(sqlite3_stmt *statement, int parameter, const void *bytes, size_t len)
{
    (void)sqlite3_bind_blob64(statement, parameter, bytes, len, SQLITE_STATIC);
}

/* ---- Viewings. ---- */

/* Asked for each viewing that is not in memory. */
int store_sqlite_load_viewing(struct store *base, const struct store_viewing_key *key,
                              store_viewing_fn *fn, void *arg)
{
    struct store_sqlite *s = store_sqlite_of(base);
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_FIND_VIEWING];
    bind(statement, (const int64_t[]){key->site, (int64_t)key->photo_id}, 2);
    bind_bytes(statement, 3, key->viewer, sizeof key->viewer);
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

int store_sqlite_write_viewings(struct store_sqlite *s, const struct store_batch *batch)
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_VIEWING];
    int rc = SQLITE_OK;
    for (size_t i = 0; i < batch->viewing_count && rc == SQLITE_OK; i++) {
        const struct store_viewing *v = &batch->viewings[i];
        bind(statement, (const int64_t[]){v->key.site, (int64_t)v->key.photo_id, v->clock_ms}, 3);
        bind_bytes(statement, 4, v->key.viewer, sizeof v->key.viewer);
        bind_bytes(statement, 5, v->state.data, v->state.len);
        rc = store_sqlite_run(statement);
    }
    return rc;
}

/* ---- Viewers. ---- */

/* Reads the sketch of the row, an empty one if there is none. A damaged one fails the flush: who
 * was in it cannot be told. */
static int read_sketch(struct store_sqlite *s, const int64_t key[5])
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_FIND_VIEWERS];
    bind(statement, key, 5);
    int rc = sqlite3_step(statement);
    sketch_reset(s->sketch);
    if (rc == SQLITE_ROW) {
        const char *data = sqlite3_column_blob(statement, 0);
        struct slice bytes = slice_make(data, (size_t)sqlite3_column_bytes(statement, 0));
        rc = sketch_decode(s->sketch, bytes) ? SQLITE_OK : SQLITE_CORRUPT;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc;
}

static int write_sketch(struct store_sqlite *s, const int64_t key[5])
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_VIEWERS];
    char bytes[SKETCH_BYTES_MAX];
    bind(statement, key, 5);
    bind_bytes(statement, 6, bytes, sketch_encode(s->sketch, bytes));
    return store_sqlite_run(statement);
}

int store_sqlite_write_viewers(struct store_sqlite *s, const struct store_batch *batch)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < batch->viewers_count && rc == SQLITE_OK; i++) {
        const struct store_viewers *v = &batch->viewers[i];
        const int64_t key[5] = {v->day, (int64_t)v->photo_id, v->source, v->site, v->traffic};
        bool changed = false;
        rc = read_sketch(s, key);
        for (size_t k = 0; k < v->count && rc == SQLITE_OK; k++) {
            changed = sketch_add(s->sketch, v->hashes[k]) || changed;
        }
        if (rc == SQLITE_OK && changed) { /* the more there are, the less often they change it */
            rc = write_sketch(s, key);
        }
    }
    return rc;
}

int store_sqlite_read_viewer_key(sqlite3 *db, struct store_viewer_key *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'viewer_key'", -1,
                                &statement, NULL);
    bool is_whole = rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
                    (size_t)sqlite3_column_bytes(statement, 0) == sizeof out->bytes;
    if (is_whole) {
        memcpy(out->bytes, sqlite3_column_blob(statement, 0), sizeof out->bytes);
    }
    sqlite3_finalize(statement);
    return is_whole ? 0 : -EIO;
}

int store_sqlite_load_viewer_key(struct store *base, struct store_viewer_key *out)
{
    struct store_sqlite *s = store_sqlite_of(base);
    int failed = store_sqlite_read_viewer_key(s->db, out);
    if (failed != 0) {
        store_sqlite_keep_fault(s);
    }
    return failed;
}
