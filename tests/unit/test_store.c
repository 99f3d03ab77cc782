/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/schema.h"
#include "consumer/store.h"
#include "consumer/store_reader.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUARTER = 1855000, DAY = 19322, SITE = 1, SOURCE = 2, LOAD = 3, ONE_MORE = 4 };

/* A folder for one test, and the store in it. */
struct fixture {
    char folder[32];
    char url[64];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/store.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->url, sizeof(f->url), "sqlite:%s/store.db", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
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

static struct store *open_store(const struct fixture *f)
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

static bool take_totals(const struct query_cell *cells, size_t count, void *arg)
{
    struct totals *t = arg;
    assert_int_equal(count, 3);
    t->reports = cells[0].number;
    t->events = cells[1].number;
    t->loads = cells[2].number;
    return true;
}

static bool add_counted(const struct query_cell *cells, size_t count, void *arg)
{
    struct totals *t = arg;
    t->counted += cells[count - 1].number;
    return true;
}

static struct totals read_totals(const struct fixture *f, const char *dimension)
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

static void take_position(int32_t partition, int64_t next, void *arg)
{
    int64_t *positions = arg;
    positions[partition] = next;
}

static int64_t read_position(struct store *s)
{
    int64_t positions[16];
    for (int i = 0; i < 16; i++) {
        positions[i] = STORE_NO_POSITION;
    }
    assert_int_equal(store_load_positions(s, "topic", take_position, positions), 0);
    return positions[0];
}

static void count_string(uint32_t id, struct slice text, void *arg)
{
    (void)id;
    (void)text;
    ++*(size_t *)arg;
}

static size_t string_count(struct store *s)
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

static void make_flush(struct flush *f, int64_t expected, int64_t next, int64_t count)
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

static enum store_result write_flush(struct store *s, int64_t expected, int64_t next, int64_t count)
{
    struct flush f;
    make_flush(&f, expected, next, count);
    return store_write(s, &f.batch);
}

static void assert_counted(const struct fixture *f, int64_t count)
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

static void a_flush_stands_whole_and_outlives_the_process(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(read_position(s), STORE_NO_POSITION);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    assert_int_equal(write_flush(s, 10, 20, 6), STORE_OK);
    store_close(s);
    s = open_store(*state);
    assert_int_equal(read_position(s), 20);
    assert_int_equal(string_count(s), 3);
    assert_true(store_size(s) > 0);
    assert_int_equal(write_flush(s, 20, 21, 1), STORE_OK);
    assert_counted(*state, 12);
    store_close(s);
}

static int64_t read_number(const struct fixture *f, const char *sql)
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

enum { MANY = 100 };

/* Writes rows of the photo_ids 1 to count, in every grain; each column has a value of its own. */
static void write_many(struct store *s, size_t count)
{
    static struct store_total totals[MANY];
    static struct store_event_count events[MANY];
    struct store_batch batch = {.topic = "topic"};
    for (size_t i = 0; i < count; i++) {
        int64_t id = (int64_t)i + 1;
        totals[i] = (struct store_total){.bucket = 2,
                                         .photo_id = i + 1,
                                         .source = 3,
                                         .site = 4,
                                         .traffic = 1,
                                         .measures = {5 * id, 6 * id, 7 * id}};
        totals[i].measures[STORE_PLAYS] = id % 3 == 0 ? id : 0; /* else it is a row of events */
        events[i] = (struct store_event_count){.bucket = 2,
                                               .photo_id = i + 1,
                                               .source = 3,
                                               .event = 8,
                                               .site = 4,
                                               .traffic = 1,
                                               .count = 9 * id};
    }
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        batch.totals[grain] = totals;
        batch.events[grain] = events;
        batch.total_count[grain] = batch.event_count[grain] = count;
    }
    assert_int_equal(store_write(s, &batch), STORE_OK);
}

static void rows_of_any_number_are_added_to_those_there_are(void **state)
{
    static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};
    struct store *s = open_store(*state);
    static const size_t counts[] = {1, 31, 32, 33, 64, MANY}; /* each adds to the rows before */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        write_many(s, counts[i]);
    }
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            char sql[400];
            int times = (int)(sizeof counts / sizeof counts[0] - i);
            size_t first = i == 0 ? 1 : counts[i - 1] + 1;
            (void)snprintf(
                sql, sizeof sql,
                "SELECT count(*) FROM totals_%s AS t JOIN events_%s AS e"
                " USING (bucket, photo_id, source, site, traffic) WHERE bucket = 2"
                " AND source = 3 AND site = 4 AND traffic = 1 AND event = 8"
                " AND reports = 5 * %d * photo_id AND events = 6 * %d * photo_id"
                " AND loads = 7 * %d * photo_id"
                " AND plays = %d * photo_id * (photo_id %% 3 = 0) AND count = 9 * %d * photo_id"
                " AND photo_id BETWEEN %zu AND %zu",
                grains[grain], grains[grain], times, times, times, times, times, first, counts[i]);
            assert_int_equal(read_number(*state, sql), counts[i] - first + 1);
        }
    }
    store_close(s);
}

static void a_position_that_is_not_as_expected_leaves_nothing(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(write_flush(s, 3, 10, 5), STORE_CONFLICT); /* there is none yet */
    assert_string_equal(store_fault(s), "");                    /* nothing failed */
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    assert_int_equal(write_flush(s, 9, 20, 5), STORE_CONFLICT);
    struct flush f;
    make_flush(&f, STORE_NO_POSITION, 20, 5);
    f.batch.string_count = 0;
    assert_int_equal(store_write(s, &f.batch), STORE_CONFLICT); /* there is one already */
    assert_int_equal(read_position(s), 10);
    assert_int_equal(string_count(s), 3);
    assert_counted(*state, 5);
    store_close(s);
}

static void the_second_of_two_positions_fails_the_whole_flush(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    struct flush f;
    make_flush(&f, 10, 20, 5);
    struct store_position positions[] = {{0, 10, 20}, {1, 77, 78}};
    f.batch.positions = positions;
    f.batch.position_count = 2;
    assert_int_equal(store_write(s, &f.batch), STORE_CONFLICT);
    assert_int_equal(read_position(s), 10);
    assert_counted(*state, 5);
    store_close(s);
}

static void a_string_that_collides_is_a_conflict(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    const struct store_string same_id[] = {strings[3], {SITE, {"other", 5}}};
    const struct store_string same_text[] = {strings[3], {9, {"embed", 5}}};
    const struct store_string *collisions[] = {same_id, same_text};
    for (int i = 0; i < 2; i++) {
        struct flush f;
        make_flush(&f, 10, 20, 5);
        f.batch.strings = collisions[i];
        f.batch.string_count = 2;
        assert_int_equal(store_write(s, &f.batch), STORE_CONFLICT);
    }
    assert_int_equal(string_count(s), 3);
    assert_int_equal(read_position(s), 10);
    assert_counted(*state, 5);
    store_close(s);
}

static void take_mark(const struct store_mark *mark, void *arg)
{
    *(struct store_mark *)arg = *mark;
}

static void marks_keep_the_highest(void **state)
{
    struct store *s = open_store(*state);
    struct flush f;
    make_flush(&f, STORE_NO_POSITION, 10, 1);
    assert_int_equal(store_write(s, &f.batch), STORE_OK);
    make_flush(&f, 10, 20, 1);
    f.mark.sequence = 4;
    f.mark.seen_ms = 5;
    assert_int_equal(store_write(s, &f.batch), STORE_OK);
    struct store_mark mark = {0};
    assert_int_equal(store_load_marks(s, "topic", 0, take_mark, &mark), 0);
    assert_true(mark.lane == 0xF000000000000001);
    assert_int_equal(mark.sequence, 10);
    assert_int_equal(mark.seen_ms, 1010);
    mark = (struct store_mark){0};
    assert_int_equal(store_load_marks(s, "topic", 1, take_mark, &mark), 0);
    assert_int_equal(store_load_marks(s, "other", 0, take_mark, &mark), 0);
    assert_int_equal(mark.sequence, 0);
    store_close(s);
}

static void only_old_marks_are_dropped(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 1), STORE_OK); /* seen at 1010 */
    assert_int_equal(store_drop_marks(s, "topic", 1010), 0);
    assert_int_equal(store_drop_marks(s, "other", 1011), 0);
    assert_int_equal(store_drop_marks(s, "topic", 1011), 1);
    assert_int_equal(store_drop_marks(s, "topic", 1011), 0);
    store_close(s);
}

static void take_text(struct slice data, void *arg)
{
    struct slice *text = arg;
    text->len = data.len;
    memcpy((char *)(uintptr_t)text->data, data.data, data.len);
}

static size_t read_seen(struct store *s, const struct store_seen_key *key, char text[32])
{
    struct slice read = slice_make(text, 0);
    assert_int_equal(store_load_seen(s, key, take_text, &read), 0);
    return read.len;
}

static void report_ids_are_kept_with_a_flush_and_dropped_by_day(void **state)
{
    struct store *s = open_store(*state);
    const struct store_seen rows[] = {{{1, 7, UINT64_MAX}, 100, {"first", 5}},
                                      {{1, INT64_MAX, 0}, 101, {"sec\0nd", 6}}};
    char text[32];
    struct flush f;
    make_flush(&f, STORE_NO_POSITION, 10, 1);
    f.batch.seen = rows;
    f.batch.seen_count = 2;
    assert_int_equal(read_seen(s, &rows[0].key, text), 0);
    assert_int_equal(store_write(s, &f.batch), STORE_OK);
    assert_int_equal(read_seen(s, &rows[0].key, text), 5);
    assert_int_equal(read_seen(s, &rows[1].key, text), 6);
    assert_memory_equal(text, "sec\0nd", 6);
    const struct store_seen later = {rows[0].key, 102, {"later", 5}};
    f.batch.seen = &later;
    f.batch.seen_count = 1;
    assert_int_equal(store_write(s, &f.batch), STORE_CONFLICT); /* the position moved already */
    assert_int_equal(read_seen(s, &rows[0].key, text), 5);
    assert_memory_equal(text, "first", 5);
    make_flush(&f, 10, 20, 1);
    f.batch.seen = &later;
    f.batch.seen_count = 1;
    assert_int_equal(store_write(s, &f.batch), STORE_OK);
    assert_int_equal(store_drop_seen(s, 101), 0);
    assert_int_equal(store_drop_seen(s, 102), 1);
    assert_int_equal(read_seen(s, &rows[1].key, text), 0);
    assert_int_equal(read_seen(s, &rows[0].key, text), 5);
    assert_memory_equal(text, "later", 5);
    store_close(s);
}

static void a_second_writer_is_refused(void **state)
{
    const struct fixture *f = *state;
    struct store *s = open_store(f);
    struct store *second = NULL;
    struct error err = {""};
    assert_int_equal(store_open(&second, f->url, &err), -EBUSY);
    assert_non_null(strstr(err.text, "another playreport-consumer"));
    assert_non_null(strstr(err.text, strchr(f->url, '/')));
    assert_null(second);
    pid_t child = fork();
    if (child == 0) {
        _exit(store_open(&second, f->url, &err) == -EBUSY ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_close(s);
    s = open_store(f);
    store_close(s);
}

static void urls_of_no_store_are_refused_with_a_sentence(void **state)
{
    (void)state;
    const char *urls[] = {"postgresql://db/x", "sqlite:", "/var/lib/x.db", "mysql://x", ""};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct store *s = NULL;
        struct store_reader *r = NULL;
        struct error err = {""};
        assert_int_equal(store_open(&s, urls[i], &err), -EPROTONOSUPPORT);
        assert_non_null(strstr(err.text, "store:"));
        assert_int_equal(store_reader_open(&r, urls[i], &err), -EPROTONOSUPPORT);
        assert_int_equal(i == 0, strstr(err.text, "PostgreSQL") != NULL);
    }
    struct store *s = NULL;
    struct error err = {""};
    assert_int_equal(store_open(&s, "sqlite:/nowhere/at/all/x.db", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/at/all/x.db"));
}

static void a_file_that_is_no_database_is_left_alone(void **state)
{
    const struct fixture *f = *state;
    const char text[] = "these are my holiday notes, and they are longer than a header\n";
    int fd = open(strchr(f->url, '/'), O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
    }
    close(fd);
    struct store *s = NULL;
    struct error err = {""};
    assert_true(store_open(&s, f->url, &err) < 0);
    assert_non_null(strstr(err.text, "not a database"));
    struct stat facts;
    assert_int_equal(stat(strchr(f->url, '/'), &facts), 0);
    assert_int_equal(facts.st_size, 100 * sizeof(text));
}

static void run_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(strchr(f->url, '/'), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Of events alone, of all that there is, and of events alone once more: three statements meet. */
static void every_measure_adds_up(void **state)
{
    const struct fixture *f = *state;
    static const char *const columns[STORE_MEASURE_COUNT] = {
        "reports",  "events", "loads",     "plays",     "plays_derived",    "engagement_ms",
        "finishes", "known",  "share_ppm", "downloads", "downloaded_bytes", "uncounted_reports"};
    static const char *const grains[STORE_GRAIN_COUNT] = {"quarter", "hour", "day"};
    struct store *s = open_store(f);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 1, 5), STORE_OK);
    for (int64_t next = 1; next < 3; next++) {
        struct flush flush;
        make_flush(&flush, next, next + 1, 5);
        for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
            for (int i = 0; i < STORE_MEASURE_COUNT; i++) {
                flush.total[grain].measures[i] = i - 6 + grain;
            }
        }
        assert_int_equal(store_write(s, &flush.batch), STORE_OK);
    }
    assert_int_equal(write_flush(s, 3, 4, 5), STORE_OK);
    for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
        for (int i = 0; i < STORE_MEASURE_COUNT; i++) {
            char sql[100];
            (void)snprintf(sql, sizeof sql, "SELECT %s FROM totals_%s", columns[i], grains[grain]);
            assert_int_equal(read_number(f, sql),
                             2 * (i - 6 + grain) + (i <= STORE_LOADS ? 10 : 0));
        }
    }
    store_close(s);
}

static void a_store_of_a_newer_version_is_refused(void **state)
{
    const struct fixture *f = *state;
    store_close(open_store(f));
    run_sql(f, "UPDATE meta SET value = value + 1 WHERE name = 'schema_version'");
    struct store *s = NULL;
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_open(&s, f->url, &err), -EPROTONOSUPPORT);
    assert_non_null(strstr(err.text, "a newer PlayReport"));
    assert_int_equal(store_reader_open(&r, f->url, &err), -EPROTONOSUPPORT);
    run_sql(f, "UPDATE meta SET value = value - 1 WHERE name = 'schema_version'");
    store_close(open_store(f));
}

/* As the first version wrote it. */
static void a_store_of_an_older_version_is_upgraded_with_all_it_holds(void **state)
{
    const struct fixture *f = *state;
    run_sql(f, schema_sqlite_step(0));
    run_sql(f, "INSERT INTO meta VALUES ('schema_version', 1);"
               "INSERT INTO strings VALUES (1, 'default'), (2, 'embed'), (3, 'load');"
               "INSERT INTO positions VALUES ('topic', 0, 10);"
               "INSERT INTO totals_quarter VALUES (1855000, 1, 7, 2, 0, 5, 5, 5);"
               "INSERT INTO totals_day VALUES (19322, 1, 7, 2, 0, 5, 5, 5);"
               "INSERT INTO events_quarter VALUES (1855000, 1, 7, 2, 3, 0, 5);"
               "INSERT INTO events_day VALUES (19322, 1, 7, 2, 3, 0, 5);");
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_reader_open(&r, f->url, &err), -EPROTONOSUPPORT);
    assert_non_null(strstr(err.text, "start the consumer"));
    struct store *s = open_store(f);
    const struct store_seen row = {{1, 7, 9}, 19322, {"x", 1}};
    struct flush flush;
    make_flush(&flush, 10, 20, 5);
    flush.batch.seen = &row;
    flush.batch.seen_count = 1;
    assert_int_equal(store_write(s, &flush.batch), STORE_OK);
    assert_counted(f, 10);
    assert_int_equal(read_number(f, "SELECT plays + uncounted_reports FROM totals_day"), 0);
    assert_int_equal(read_number(f, "SELECT (SELECT count(*) FROM playthrough)"
                                    " + (SELECT count(*) FROM viewers)"
                                    " + (SELECT count(*) FROM embeds)"
                                    " + (SELECT count(*) FROM embed_events)"
                                    " + (SELECT count(*) FROM viewings)"
                                    " + (SELECT count(*) FROM names)"),
                     0);
    store_close(s);
    store_close(open_store(f));
}

static void a_database_of_something_else_is_refused(void **state)
{
    const struct fixture *f = *state;
    run_sql(f, "CREATE TABLE recipes (name TEXT)");
    struct store *s = NULL;
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_open(&s, f->url, &err), -EINVAL);
    assert_non_null(strstr(err.text, "not a store of PlayReport"));
    assert_int_equal(store_reader_open(&r, f->url, &err), -EINVAL);
}

static void an_empty_database_is_no_store_to_a_reader(void **state)
{
    const struct fixture *f = *state;
    run_sql(f, "VACUUM");
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_reader_open(&r, f->url, &err), -EPROTONOSUPPORT);
    assert_non_null(strstr(err.text, "start the consumer"));
}

/* Another process that holds the database. */
static void a_busy_database_is_to_be_tried_again(void **state)
{
    const struct fixture *f = *state;
    struct store *s = open_store(f);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(strchr(f->url, '/'), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_RETRY);
    assert_non_null(strstr(store_fault(s), "locked"));
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    assert_counted(f, 5);
    store_close(s);
}

/* The disk takes no more bytes in the middle of a commit. */
static void a_disk_that_fails_leaves_nothing(void **state)
{
    const struct fixture *f = *state;
    struct store *s = open_store(f);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 10, 5), STORE_OK);
    struct rlimit before, low = {.rlim_cur = 4096};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    enum store_result result = write_flush(s, 10, 20, 5);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(result, STORE_CONFLICT);
    assert_non_null(strstr(store_fault(s), "disk I/O error"));
    assert_int_equal(read_position(s), 10);
    assert_counted(f, 5);
    assert_int_equal(write_flush(s, 10, 20, 5), STORE_OK);
    assert_counted(f, 10);
    store_close(s);
}

static void sums_go_past_32_bits(void **state)
{
    struct store *s = open_store(*state);
    assert_int_equal(write_flush(s, STORE_NO_POSITION, 1, INT64_C(2147483647)), STORE_OK);
    assert_int_equal(write_flush(s, 1, INT64_C(1) << 40, INT64_C(8589934592)), STORE_OK);
    assert_counted(*state, INT64_C(10737418239));
    assert_true(read_position(s) == INT64_C(1) << 40);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flush_stands_whole_and_outlives_the_process, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_of_any_number_are_added_to_those_there_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_position_that_is_not_as_expected_leaves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_second_of_two_positions_fails_the_whole_flush, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_string_that_collides_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(marks_keep_the_highest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_old_marks_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(report_ids_are_kept_with_a_flush_and_dropped_by_day, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_an_older_version_is_upgraded_with_all_it_holds,
                                        set_up, tear_down),
        cmocka_unit_test(urls_of_no_store_are_refused_with_a_sentence),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_a_newer_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_of_something_else_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_database_is_no_store_to_a_reader, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_busy_database_is_to_be_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_measure_adds_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_go_past_32_bits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
