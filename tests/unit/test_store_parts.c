/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/query.h"
#include "tests/unit/store_fixture.h"

#include <sqlite3.h>
#include <string.h>

enum { PHOTOS = 140000 }; /* more than the 131,072 groups of this width that are added up at once */

/* Each video has two days, whose measures make PHOTOS together. */
static const char fill_two_days[] =
    "INSERT INTO strings (id, text) VALUES (1, 'site'), (2, 'embed');"
    "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < 280000),"
    " v(n, v) AS (SELECT n, iif(n < 140000, n, 280000 - n) FROM n)"
    " INSERT INTO totals_day (bucket, site, photo_id, source, traffic, reports, events, loads,"
    " plays, plays_derived, finishes, downloads, downloaded_bytes)"
    " SELECT 19326 + n / 140000, 1, n % 140000, 2, 0, v, v, v, v, v, v, v, v FROM v";

static void fill(const struct store_folder *folder)
{
    sqlite3 *db = NULL;
    store_close(store_folder_open(folder)); /* makes the tables */
    assert_int_equal(sqlite3_open(strchr(folder->url, ':') + 1, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, fill_two_days, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void make_query(struct query *q)
{
    static const struct query_param params[] = {
        {{"dimensions", 10}, {"site,photo_id,source", 20}},
        {{"metrics", 7},
         {"reports,events,loads,plays,plays_derived,finishes,downloads,downloaded_bytes", 76}},
        {{"from", 4}, {"all", 3}},
        {{"limit", 5}, {"1000000", 7}},
    };
    struct query_error err = {.message = ""};
    bool good =
        query_parse(params, sizeof params / sizeof params[0], INT64_C(1670400000000), q, &err);
    assert_string_equal(err.message, "");
    assert_true(good);
}

static bool count_whole_row(const struct query_cell *cells, size_t count, void *arg)
{
    int *rows = arg;
    for (size_t i = 3; i < count; i++) { /* behind the dimensions */
        assert_int_equal(cells[i].number, PHOTOS);
    }
    ++*rows;
    return true;
}

static int32_t some_day(struct slice site, int32_t quarter, void *arg)
{
    (void)site;
    (void)arg;
    return quarter / 96;
}

static void groups_that_memory_does_not_hold_are_whole(void **state)
{
    (void)state;
    struct store_folder folder;
    struct store_reader *reader = NULL;
    struct error err = {""};
    struct query q;
    int rows = 0;
    struct store_reader_call call = {count_whole_row, some_day, &rows, NULL, 60000};
    store_folder_make(&folder);
    fill(&folder);
    make_query(&q);
    assert_int_equal(store_reader_open(&reader, folder.url, &err), 0);
    assert_int_equal(store_reader_run(reader, &q, &call), STORE_READ_OK);
    assert_int_equal(rows, PHOTOS);
    store_reader_close(reader);
    store_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_that_memory_does_not_hold_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
