/* One flush as one transaction. */
#include "consumer/store_sqlite.h"

#include <sqlite3.h>

#include <errno.h>

/* IMMEDIATE: a transaction that only later wants to write could fail then, whatever the busy
 * timeout is. */
static const char *const statement_sql[STORE_SQLITE_STATEMENT_COUNT] = {
    [STORE_SQLITE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_SQLITE_COMMIT] = "COMMIT",
    [STORE_SQLITE_FIRST_POSITION] = "INSERT INTO positions (topic, partition, next_offset)"
                                    " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [STORE_SQLITE_NEXT_POSITION] = "UPDATE positions SET next_offset = ?3"
                                   " WHERE topic = ?1 AND partition = ?2 AND next_offset = ?4",
    [STORE_SQLITE_STRING] = "INSERT INTO strings (id, text) VALUES (?1, ?2)",
    [STORE_SQLITE_MARK] = "INSERT INTO marks (topic, partition, lane, sequence, seen_ms)"
                          " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                          " sequence = max(sequence, excluded.sequence),"
                          " seen_ms = max(seen_ms, excluded.seen_ms)",
    [STORE_SQLITE_SEEN] = "INSERT INTO report_ids (site, photo_id, viewer, day, seen)"
                          " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                          " day = excluded.day, seen = excluded.seen",
    [STORE_SQLITE_FIND_SEEN] = "SELECT seen FROM report_ids"
                               " WHERE site = ?1 AND photo_id = ?2 AND viewer = ?3",
    [STORE_SQLITE_CLOCK] = "INSERT INTO clocks (topic, partition, ms) VALUES (?1, ?2, ?3)"
                           " ON CONFLICT DO UPDATE SET ms = excluded.ms",
    [STORE_SQLITE_VIEWING] = "INSERT INTO viewings (site, photo_id, clock, viewer, state)"
                             " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                             " clock = excluded.clock, state = excluded.state",
    [STORE_SQLITE_FIND_VIEWING] = "SELECT state FROM viewings"
                                  " WHERE site = ?1 AND photo_id = ?2 AND viewer = ?3",
    [STORE_SQLITE_VIEWERS] = "INSERT INTO viewers (day, photo_id, source, site, traffic, sketch)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
                             " sketch = excluded.sketch",
    [STORE_SQLITE_FIND_VIEWERS] = "SELECT sketch FROM viewers WHERE day = ?1 AND photo_id = ?2"
                                  " AND source = ?3 AND site = ?4 AND traffic = ?5",
    [STORE_SQLITE_COUNT_NAMES] = "SELECT count(*) FROM names"
                                 " WHERE kind = ?1 AND site = ?2 AND day = ?3",
    [STORE_SQLITE_FIND_NAME] = "SELECT name, uses FROM names"
                               " WHERE kind = ?1 AND site = ?2 AND day = ?3 AND name = ?4",
    [STORE_SQLITE_LARGEST_NAMES] = "SELECT name, uses FROM names LEFT JOIN strings ON id = name"
                                   " AND kind <> ?5 WHERE kind = ?1 AND site = ?2 AND day = ?3"
                                   " AND uses > 0 ORDER BY uses DESC, text, name LIMIT ?4",
};

int store_sqlite_prepare(struct store_sqlite *s)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < STORE_SQLITE_STATEMENT_COUNT && rc == SQLITE_OK; i++) {
        rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &s->statements[i], NULL);
    }
    return rc;
}

int store_sqlite_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void bind_integers(sqlite3_stmt *statement, int first, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++) {
        /* the parameters are there and of no size that could fail */
        (void)sqlite3_bind_int64(statement, first + i, values[i]);
    }
}

static enum store_result result_of(struct store_sqlite *s, int rc)
{
    if (rc == SQLITE_OK) {
        return STORE_OK;
    }
    store_sqlite_keep_fault(s);
    int number = sqlite3_system_errno(s->db);
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
        return STORE_RETRY;
    case SQLITE_FULL:
        return STORE_FULL;
    case SQLITE_IOERR: /* SHMSIZE: the index of the journal could not grow */
        return rc == SQLITE_IOERR_SHMSIZE || number == ENOSPC || number == EDQUOT ? STORE_FULL
                                                                                  : STORE_FAILED;
    default:
        return STORE_FAILED;
    }
}

static enum store_result write_positions(struct store_sqlite *s, const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->position_count; i++) {
        const struct store_position *p = &batch->positions[i];
        bool first = p->expected == STORE_NO_POSITION;
        sqlite3_stmt *statement =
            s->statements[first ? STORE_SQLITE_FIRST_POSITION : STORE_SQLITE_NEXT_POSITION];
        (void)sqlite3_bind_text(statement, 1, batch->topic, -1, SQLITE_STATIC); /* not copied */
        bind_integers(statement, 2, (const int64_t[]){p->partition, p->next, p->expected},
                      first ? 2 : 3);
        int rc = store_sqlite_run(statement);
        if (rc != SQLITE_OK) {
            return result_of(s, rc);
        }
        if (sqlite3_changes(s->db) != 1) {
            return STORE_CONFLICT;
        }
    }
    return STORE_OK;
}

static enum store_result write_strings(struct store_sqlite *s, const struct store_batch *batch)
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_STRING];
    for (size_t i = 0; i < batch->string_count; i++) {
        const struct store_string *string = &batch->strings[i];
        bind_integers(statement, 1, (const int64_t[]){string->id}, 1);
        int rc = sqlite3_bind_text64(statement, 2, string->text.data, string->text.len,
                                     SQLITE_STATIC, SQLITE_UTF8);
        if (rc == SQLITE_OK) {
            rc = store_sqlite_run(statement);
        }
        if ((rc & 0xff) == SQLITE_CONSTRAINT) {
            return STORE_CONFLICT; /* someone else gave this id, or this text another one */
        }
        if (rc != SQLITE_OK) {
            return result_of(s, rc);
        }
    }
    return STORE_OK;
}

static enum store_result write_marks(struct store_sqlite *s, const struct store_batch *batch)
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_MARK];
    for (size_t i = 0; i < batch->mark_count; i++) {
        const struct store_mark *m = &batch->marks[i];
        /* no lane gets that far; the greatest of all must still be the greatest when signed */
        int64_t sequence = m->sequence > INT64_MAX ? INT64_MAX : (int64_t)m->sequence;
        (void)sqlite3_bind_text(statement, 1, batch->topic, -1, SQLITE_STATIC); /* not copied */
        bind_integers(statement, 2,
                      (const int64_t[]){m->partition, (int64_t)m->lane, sequence, m->seen_ms}, 4);
        int rc = store_sqlite_run(statement);
        if (rc != SQLITE_OK) {
            return result_of(s, rc);
        }
    }
    return STORE_OK;
}

static enum store_result write_seen(struct store_sqlite *s, const struct store_batch *batch)
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_SEEN];
    for (size_t i = 0; i < batch->seen_count; i++) {
        const struct store_seen *seen = &batch->seen[i];
        bind_integers(statement, 1,
                      (const int64_t[]){seen->key.site, (int64_t)seen->key.photo_id,
                                        (int64_t)seen->key.viewer, seen->day},
                      4);
        int rc = sqlite3_bind_blob64(statement, 5, seen->data.data, seen->data.len, SQLITE_STATIC);
        if (rc == SQLITE_OK) {
            rc = store_sqlite_run(statement);
        }
        if (rc != SQLITE_OK) {
            return result_of(s, rc);
        }
    }
    return STORE_OK;
}

static enum store_result write_clocks(struct store_sqlite *s, const struct store_batch *batch)
{
    sqlite3_stmt *statement = s->statements[STORE_SQLITE_CLOCK];
    for (size_t i = 0; i < batch->clock_count; i++) {
        (void)sqlite3_bind_text(statement, 1, batch->topic, -1, SQLITE_STATIC); /* not copied */
        bind_integers(statement, 2,
                      (const int64_t[]){batch->clocks[i].partition, batch->clocks[i].ms}, 2);
        int rc = store_sqlite_run(statement);
        if (rc != SQLITE_OK) {
            return result_of(s, rc);
        }
    }
    return STORE_OK;
}

/* Positions first: a flush that comes too late is turned away before any work. */
static enum store_result write_rows(struct store_sqlite *s, const struct store_batch *batch)
{
    enum store_result result = write_positions(s, batch);
    if (result == STORE_OK) {
        result = write_strings(s, batch);
    }
    if (result == STORE_OK) {
        result = result_of(s, store_sqlite_write_rollups(s, batch));
    }
    if (result == STORE_OK) {
        result = result_of(s, store_sqlite_write_viewers(s, batch));
    }
    if (result == STORE_OK) {
        result = result_of(s, store_sqlite_write_viewings(s, batch));
    }
    if (result == STORE_OK) {
        result = write_marks(s, batch);
    }
    if (result == STORE_OK) {
        result = write_clocks(s, batch);
    }
    return result == STORE_OK ? write_seen(s, batch) : result;
}

/* Ends the transaction, unless SQLite did. Returns whether it is surely over. */
static bool roll_back(struct store_sqlite *s)
{
    if (sqlite3_get_autocommit(s->db) == 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* asked for its effect below */
    }
    return sqlite3_get_autocommit(s->db) != 0;
}

/* A failure of the disk may have come after the last page: only the store can say what stands. */
static enum store_result commit(struct store_sqlite *s)
{
    int rc = store_sqlite_run(s->statements[STORE_SQLITE_COMMIT]);
    enum store_result result = result_of(s, rc);
    if (result == STORE_OK) {
        return STORE_OK;
    }
    bool is_sure = result != STORE_FAILED && (rc & 0xff) != SQLITE_IOERR;
    return roll_back(s) && is_sure ? result : STORE_CONFLICT;
}

enum store_result store_sqlite_write(struct store *base, const struct store_batch *batch)
{
    struct store_sqlite *s = store_sqlite_of(base);
    base->fault[0] = '\0';
    int rc = store_sqlite_run(s->statements[STORE_SQLITE_BEGIN]);
    enum store_result result = rc == SQLITE_OK ? write_rows(s, batch) : result_of(s, rc);
    if (result == STORE_OK) {
        return commit(s);
    }
    return roll_back(s) ? result : STORE_FAILED;
}
