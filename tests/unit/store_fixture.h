/* What the tests of counting share: a store in a fresh folder, and one whose commits go wrong. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "consumer/store.h"
#include "consumer/store_engine.h"
#include "consumer/store_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store_folder {
    char path[32];
    char url[64];
};

static inline void store_folder_make(struct store_folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/counting.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->url, sizeof f->url, "sqlite:%s/store.db", f->path);
}

static inline void store_folder_remove(const struct store_folder *f)
{
    const char *endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/store.db%s", f->path, endings[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->path), 0);
}

static inline struct store *store_folder_open(const struct store_folder *f)
{
    struct store *s = NULL;
    struct error err = {""};
    int failed = store_open(&s, f->url, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(failed, 0);
    return s;
}

/* What becomes of a flush. */
enum fate {
    FATE_DONE,        /* as always */
    FATE_REFUSED,     /* the COMMIT fails, and the transaction is surely rolled back */
    FATE_LOST_BEFORE, /* nothing is written, the answer is lost */
    FATE_LOST_AFTER   /* all is written, the answer is lost */
};

/* A store around another one; each every-th flush that is asked for meets a fate in turn. */
struct faulty_store {
    struct store base; /* what the code under test is given */
    struct store *inner;
    int every, flushes, spoilt;
};

static inline enum fate faulty_next(struct faulty_store *f)
{
    static const enum fate fates[] = {FATE_REFUSED, FATE_LOST_BEFORE, FATE_LOST_AFTER};
    if (++f->flushes % f->every != 0) {
        return FATE_DONE;
    }
    return fates[f->spoilt++ % 3];
}

static inline enum store_result faulty_write(struct store *s, const struct store_batch *batch)
{
    struct faulty_store *f = (struct faulty_store *)s;
    switch (faulty_next(f)) {
    case FATE_DONE:
        break;
    case FATE_REFUSED:
        return STORE_RETRY;
    case FATE_LOST_BEFORE:
        return STORE_CONFLICT;
    case FATE_LOST_AFTER:
        (void)store_write(f->inner, batch); /* if it fails too, then nothing was written */
        return STORE_CONFLICT;
    }
    return store_write(f->inner, batch);
}

static inline int faulty_positions(struct store *s, const char *topic, store_position_fn *fn,
                                   void *arg)
{
    return store_load_positions(((struct faulty_store *)s)->inner, topic, fn, arg);
}

static inline int faulty_marks(struct store *s, const char *topic, int32_t partition,
                               store_mark_fn *fn, void *arg)
{
    return store_load_marks(((struct faulty_store *)s)->inner, topic, partition, fn, arg);
}

static inline int faulty_strings(struct store *s, store_string_fn *fn, void *arg)
{
    return store_load_strings(((struct faulty_store *)s)->inner, fn, arg);
}

static inline int faulty_seen(struct store *s, const struct store_seen_key *key, store_seen_fn *fn,
                              void *arg)
{
    return store_load_seen(((struct faulty_store *)s)->inner, key, fn, arg);
}

static inline int faulty_viewing(struct store *s, const struct store_viewing_key *key,
                                 store_viewing_fn *fn, void *arg)
{
    return store_load_viewing(((struct faulty_store *)s)->inner, key, fn, arg);
}

static inline int faulty_clocks(struct store *s, const char *topic, store_clock_fn *fn, void *arg)
{
    return store_load_clocks(((struct faulty_store *)s)->inner, topic, fn, arg);
}

static inline int faulty_count_names(struct store *s, const struct store_name_day *day,
                                     int64_t *count)
{
    return store_count_names(((struct faulty_store *)s)->inner, day, count);
}

static inline int faulty_find_name(struct store *s, const struct store_name_day *day, uint64_t name,
                                   store_name_fn *fn, void *arg)
{
    return store_find_name(((struct faulty_store *)s)->inner, day, name, fn, arg);
}

static inline int faulty_largest_names(struct store *s, const struct store_name_day *day,
                                       int64_t limit, store_name_fn *fn, void *arg)
{
    return store_largest_names(((struct faulty_store *)s)->inner, day, limit, fn, arg);
}

static inline int faulty_viewer_key(struct store *s, struct store_viewer_key *out)
{
    return store_load_viewer_key(((struct faulty_store *)s)->inner, out);
}

static inline int faulty_drop_old(struct store *s, enum store_old what, int64_t before, bool *more)
{
    return store_drop_old(((struct faulty_store *)s)->inner, what, before, more);
}

static inline int faulty_drop_marks(struct store *s, const char *topic, int64_t seen_before_ms)
{
    return store_drop_marks(((struct faulty_store *)s)->inner, topic, seen_before_ms);
}

static inline int64_t faulty_size(struct store *s)
{
    return store_size(((struct faulty_store *)s)->inner);
}

static const struct store_engine faulty_engine = {
    .write = faulty_write,
    .load_positions = faulty_positions,
    .load_marks = faulty_marks,
    .load_strings = faulty_strings,
    .load_seen = faulty_seen,
    .load_viewing = faulty_viewing,
    .load_clocks = faulty_clocks,
    .count_names = faulty_count_names,
    .find_name = faulty_find_name,
    .largest_names = faulty_largest_names,
    .load_viewer_key = faulty_viewer_key,
    .drop_old = faulty_drop_old,
    .drop_marks = faulty_drop_marks,
    .size = faulty_size,
};

static inline void faulty_store_init(struct faulty_store *f, struct store *inner, int every)
{
    *f = (struct faulty_store){.base = {.engine = &faulty_engine}, .inner = inner, .every = every};
}

/* ---- What was counted. ---- */

struct counted {
    int64_t reports, events, loads, by_event;
};

static inline bool take_counted(const struct query_cell *cells, size_t count, void *arg)
{
    struct counted *c = arg;
    assert_int_equal(count, 3);
    c->reports = cells[0].number;
    c->events = cells[1].number;
    c->loads = cells[2].number;
    return true;
}

static inline bool add_by_event(const struct query_cell *cells, size_t count, void *arg)
{
    struct counted *c = arg;
    c->by_event += cells[count - 1].number;
    return true;
}

/* All the store holds, by the rollup of totals and by that of events. */
static inline struct counted count_store(const struct store_folder *f)
{
    struct store_reader *r = NULL;
    struct error err = {""};
    struct query_error fault;
    struct query q;
    struct counted counted = {0};
    struct store_reader_call call = {.on_row = take_counted, .arg = &counted, .timeout_ms = 5000};
    struct query_param all[] = {{slice_of("to"), slice_of("all")}};
    struct query_param by_event[] = {{slice_of("to"), slice_of("all")},
                                     {slice_of("dimensions"), slice_of("event,day")},
                                     {slice_of("metrics"), slice_of("events")}};
    assert_int_equal(store_reader_open(&r, f->url, &err), 0);
    assert_true(query_parse(all, 1, 0, &q, &fault));
    assert_int_equal(store_reader_run(r, &q, &call), STORE_READ_OK);
    assert_true(query_parse(by_event, 3, 0, &q, &fault));
    call.on_row = add_by_event;
    assert_int_equal(store_reader_run(r, &q, &call), STORE_READ_OK);
    store_reader_close(r);
    return counted;
}

#endif
