/* What the tests of the store share: one in a fresh folder, flushes, and what they left. */
#ifndef TESTS_UNIT_STORE_WRITE_FIXTURE_H
#define TESTS_UNIT_STORE_WRITE_FIXTURE_H

#include "consumer/store.h"
#include "consumer/store_reader.h"

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUARTER = 1855000, DAY = 19322, SITE = 1, SOURCE = 2, LOAD = 3, ONE_MORE = 4 };

/* A folder for one test, and the store in it. */
struct fixture {
    char folder[32];
    char url[64];
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/store.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof(f->url), "sqlite:%s/store.db", f->folder);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    const char *endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s/store.db%s", f->folder, endings[i]);
        unlink(path);
    }
    int result = rmdir(f->folder);
    free(f);
    return result;
}

static inline struct store *open_store(const struct fixture *f)
{
    struct store *s = NULL;
    struct error err = {""};
    int result = store_open(&s, f->url, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(result, 0);
    return s;
}

struct totals {
    int64_t reports, events, loads, counted;
};

static inline bool take_totals(const struct query_cell *cells, size_t count, void *arg)
{
    struct totals *t = arg;
    assert_int_equal(count, 3);
    t->reports = cells[0].number;
    t->events = cells[1].number;
    t->loads = cells[2].number;
    return true;
}

static inline bool add_counted(const struct query_cell *cells, size_t count, void *arg)
{
    struct totals *t = arg;
    t->counted += cells[count - 1].number;
    return true;
}

static inline struct totals read_totals(const struct fixture *f, const char *dimension)
{
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_reader_open(&r, f->url, &err), 0);
    struct query_error fault;
    struct query q;
    struct totals t = {0};
    struct store_reader_call call = {.on_row = take_totals, .arg = &t, .timeout_ms = 5000};
    struct query_param none[] = {{slice_of("to"), slice_of("all")}};
    assert_true(query_parse(none, 1, 0, &q, &fault));
    assert_int_equal(store_reader_run(r, &q, &call), STORE_READ_OK);
    struct query_param by_event[] = {{slice_of("to"), slice_of("all")},
                                     {slice_of("dimensions"), slice_of(dimension)},
                                     {slice_of("metrics"), slice_of("events")}};
    assert_true(query_parse(by_event, 3, 0, &q, &fault));
    call.on_row = add_counted;
    assert_int_equal(store_reader_run(r, &q, &call), STORE_READ_OK);
    store_reader_close(r);
    return t;
}

static inline void take_position(int32_t partition, int64_t next, void *arg)
{
    int64_t *positions = arg;
    positions[partition] = next;
}

static inline int64_t read_position(struct store *s)
{
    int64_t positions[16];
    for (int i = 0; i < 16; i++) {
        positions[i] = STORE_NO_POSITION;
    }
    assert_int_equal(store_load_positions(s, "topic", take_position, positions), 0);
    return positions[0];
}

static inline void count_string(uint32_t id, struct slice text, void *arg)
{
    (void)id;
    (void)text;
    ++*(size_t *)arg;
}

static inline size_t string_count(struct store *s)
{
    size_t count = 0;
    assert_int_equal(store_load_strings(s, count_string, &count), 0);
    return count;
}

static const struct store_string strings[] = {
    {SITE, {"default", 7}}, {SOURCE, {"embed", 5}}, {LOAD, {"load", 4}}, {ONE_MORE, {"share", 5}}};

/* A flush of one row to each table, and the rows it points to. */
struct flush {
    struct store_total total[STORE_GRAIN_COUNT];
    struct store_event_count event[STORE_GRAIN_COUNT];
    struct store_mark mark;
    struct store_position position;
    struct store_batch batch;
};

static inline void make_flush(struct flush *f, int64_t expected, int64_t next, int64_t count)
{
    *f = (struct flush){.mark = {0, 0xF000000000000001, (uint64_t)next, 1000 + next},
                        .position = {0, expected, next},
                        .batch = {.topic = "topic",
                                  .strings = strings,
                                  .string_count = expected == STORE_NO_POSITION ? 3 : 0,
                                  .marks = &f->mark,
                                  .mark_count = 1,
                                  .positions = &f->position,
                                  .position_count = 1}};
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        int32_t bucket = grain == STORE_GRAIN_DAY ? DAY : QUARTER;
        f->total[grain] = (struct store_total){.site = SITE,
                                               .source = SOURCE,
                                               .photo_id = 7,
                                               .bucket = bucket,
                                               .measures = {count, count, count}};
        f->event[grain] = (struct store_event_count){.site = SITE,
                                                     .source = SOURCE,
                                                     .event = LOAD,
                                                     .photo_id = 7,
                                                     .bucket = bucket,
                                                     .count = count};
        f->batch.totals[grain] = &f->total[grain];
        f->batch.total_count[grain] = 1;
        f->batch.events[grain] = &f->event[grain];
        f->batch.event_count[grain] = 1;
    }
}

static inline enum store_result write_flush(struct store *s, int64_t expected, int64_t next,
                                            int64_t count)
{
    struct flush f;
    make_flush(&f, expected, next, count);
    return store_write(s, &f.batch);
}

static inline void assert_counted(const struct fixture *f, int64_t count)
{
    const char *dimensions[] = {"event,quarter", "event,day"};
    for (int i = 0; i < 2; i++) {
        struct totals t = read_totals(f, dimensions[i]);
        assert_int_equal(t.reports, count);
        assert_int_equal(t.events, count);
        assert_int_equal(t.loads, count);
        assert_int_equal(t.counted, count);
    }
}

static inline int64_t read_number(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(strchr(f->url, '/'), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static inline void run_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(strchr(f->url, '/'), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

#endif
