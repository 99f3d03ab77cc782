#include "consumer/store.h"

#include "consumer/store_engine.h"

#include <errno.h>
#include <stdio.h>

/* The path in a url of SQLite. Else returns NULL with a sentence. */
static const char *sqlite_path(const char *url, struct error *err)
{
    static const char scheme[] = "sqlite:";
    if (strncmp(url, scheme, sizeof(scheme) - 1) == 0 && url[sizeof(scheme) - 1] != '\0') {
        return url + sizeof(scheme) - 1;
    }
    if (strncmp(url, "postgresql:", 11) == 0 || strncmp(url, "postgres:", 9) == 0) {
        error_set(err, "store: PostgreSQL is not in this build yet; use sqlite:PATH");
    } else {
        /* not quoted: what is meant as a url may hold a password */
        error_set(err, "store: not the url of a store; use sqlite:PATH");
    }
    return NULL;
}

const char *store_libraries(char out[STORE_LIBRARIES_SIZE])
{
    (void)snprintf(out, STORE_LIBRARIES_SIZE, "SQLite %s", store_sqlite_library());
    return out;
}

int store_open(struct store **out, const char *url, struct error *err)
{
    const char *path = sqlite_path(url, err);
    return path == NULL ? -EPROTONOSUPPORT : store_sqlite_open(out, path, err);
}

void store_close(struct store *s)
{
    if (s != NULL) {
        s->engine->close(s);
    }
}

enum store_result store_write(struct store *s, const struct store_batch *batch)
{
    return s->engine->write(s, batch);
}

int store_load_positions(struct store *s, const char *topic, store_position_fn *fn, void *arg)
{
    return s->engine->load_positions(s, topic, fn, arg);
}

int store_load_marks(struct store *s, const char *topic, int32_t partition, store_mark_fn *fn,
                     void *arg)
{
    return s->engine->load_marks(s, topic, partition, fn, arg);
}

int store_load_strings(struct store *s, store_string_fn *fn, void *arg)
{
    return s->engine->load_strings(s, fn, arg);
}

int store_load_seen(struct store *s, const struct store_seen_key *key, store_seen_fn *fn, void *arg)
{
    return s->engine->load_seen(s, key, fn, arg);
}

int store_load_viewing(struct store *s, const struct store_viewing_key *key, store_viewing_fn *fn,
                       void *arg)
{
    return s->engine->load_viewing(s, key, fn, arg);
}

int store_load_clocks(struct store *s, const char *topic, store_clock_fn *fn, void *arg)
{
    return s->engine->load_clocks(s, topic, fn, arg);
}

int store_count_names(struct store *s, const struct store_name_day *day, int64_t *count)
{
    return s->engine->count_names(s, day, count);
}

int store_find_name(struct store *s, const struct store_name_day *day, uint64_t name,
                    store_name_fn *fn, void *arg)
{
    return s->engine->find_name(s, day, name, fn, arg);
}

int store_largest_names(struct store *s, const struct store_name_day *day, int64_t limit,
                        store_name_fn *fn, void *arg)
{
    return s->engine->largest_names(s, day, limit, fn, arg);
}

int store_load_viewer_key(struct store *s, struct store_viewer_key *out)
{
    return s->engine->load_viewer_key(s, out);
}

int store_drop_old(struct store *s, enum store_old what, int64_t before, bool *more)
{
    return s->engine->drop_old(s, what, before, more);
}

int store_drop_marks(struct store *s, const char *topic, int64_t seen_before_ms)
{
    return s->engine->drop_marks(s, topic, seen_before_ms);
}

const char *store_fault(const struct store *s)
{
    return s->fault;
}

int store_backup(const char *url, const char *file, struct error *err)
{
    const char *path = sqlite_path(url, err);
    return path == NULL ? -EPROTONOSUPPORT : store_sqlite_backup(path, file, err);
}

int store_forget(const char *url, struct slice uuid, struct store_forgotten *out, struct error *err)
{
    const char *path = sqlite_path(url, err);
    return path == NULL ? -EPROTONOSUPPORT : store_sqlite_forget(path, uuid, out, err);
}

int store_check(const char *url, store_check_fn *fn, void *arg, struct error *err)
{
    const char *path = sqlite_path(url, err);
    return path == NULL ? -EPROTONOSUPPORT : store_sqlite_check(path, fn, arg, err);
}

int64_t store_size(struct store *s)
{
    return s->engine->size(s);
}

int store_reader_open(struct store_reader **out, const char *url, struct error *err)
{
    const char *path = sqlite_path(url, err);
    return path == NULL ? -EPROTONOSUPPORT : store_sqlite_reader_open(out, path, err);
}

void store_reader_close(struct store_reader *r)
{
    if (r != NULL) {
        r->engine->close(r);
    }
}

enum store_read_result store_reader_run(struct store_reader *r, const struct query *q,
                                        const struct store_reader_call *call)
{
    return r->engine->run(r, q, call);
}

enum store_read_result store_reader_playthrough(struct store_reader *r, const struct query *q,
                                                const struct store_reader_call *call,
                                                int64_t changes[STORE_POINTS])
{
    return r->engine->playthrough(r, q, call, changes);
}

enum store_read_result store_reader_extract(struct store_reader *r, const struct store_extract *e,
                                            unsigned timeout_ms, store_extract_row_fn *on_row,
                                            void *arg)
{
    return r->engine->extract(r, e, timeout_ms, on_row, arg);
}

enum store_read_result store_reader_extract_points(struct store_reader *r,
                                                   const struct store_extract *e,
                                                   unsigned timeout_ms,
                                                   int64_t changes[STORE_POINTS])
{
    return r->engine->extract_points(r, e, timeout_ms, changes);
}

enum store_read_result store_reader_hold(struct store_reader *r)
{
    return r->engine->hold(r);
}

void store_reader_release(struct store_reader *r)
{
    r->engine->release(r);
}
