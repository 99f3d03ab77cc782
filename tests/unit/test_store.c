/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/store_write_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

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
    bool more = true;
    assert_int_equal(store_drop_old(s, STORE_OLD_REPORT_IDS, 101, &more), 0);
    assert_int_equal(store_drop_old(s, STORE_OLD_REPORT_IDS, 102, &more), 1);
    assert_false(more);
    assert_int_equal(read_seen(s, &rows[1].key, text), 0);
    assert_int_equal(read_seen(s, &rows[0].key, text), 5);
    assert_memory_equal(text, "later", 5);
    store_close(s);
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
        cmocka_unit_test_setup_teardown(report_ids_are_kept_with_a_flush_and_dropped_by_day, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_busy_database_is_to_be_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_measure_adds_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_go_past_32_bits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
