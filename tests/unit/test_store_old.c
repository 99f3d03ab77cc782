/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "counting_fixture.h"

/* What is dropped, and what is not, out of tables that are filled by hand. */

enum { STEP = 4000, ROWS = 2 * STEP + 10 }; /* more than two steps take */

static int set_up(void **state)
{
    struct counting *c = malloc(sizeof *c);
    counting_begin(c);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    counting_end(*state);
    free(*state);
    return 0;
}

static void run(const struct counting *c, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(strchr(c->folder.url, '/'), &db), SQLITE_OK);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    assert_string_equal(sqlite3_errmsg(db), "not an error");
    sqlite3_close(db);
}

/* Drops until there is no more. Returns how many rows went; the steps go to *steps. */
static int drop_all(struct counting *c, enum store_old what, int64_t before, int *steps)
{
    int sum = 0;
    bool more = true;
    for (*steps = 0; more; ++*steps) {
        int dropped = store_drop_old(c->store, what, before, &more);
        assert_in_range(dropped, 0, 2 * STEP);
        sum += dropped;
    }
    return sum;
}

#define NUMBERS "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 8009) "

static void finer_grains_go_before_a_bucket_and_days_stay(void **state)
{
    struct counting *c = *state;
    int steps = 0;
    run(c, NUMBERS "INSERT INTO totals_quarter (bucket, site, photo_id, source, traffic, reports,"
                   " events, loads) SELECT i % 2, 1, i, 2, 0, 1, 1, 1 FROM n");
    run(c, "INSERT INTO events_quarter VALUES (0, 1, 7, 2, 3, 0, 1), (1, 1, 7, 2, 3, 0, 1);"
           "INSERT INTO totals_hour SELECT * FROM totals_quarter;"
           "INSERT INTO totals_day SELECT * FROM totals_quarter");
    assert_int_equal(drop_all(c, STORE_OLD_QUARTERS, 1, &steps), ROWS / 2 + 1);
    assert_int_equal(steps, 2);
    assert_int_equal(counting_ask(c, "SELECT min(bucket) FROM totals_quarter"), 1);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM totals_quarter"), ROWS / 2);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM events_quarter"), 1);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM totals_hour"), ROWS);
    assert_int_equal(drop_all(c, STORE_OLD_HOURS, 2, &steps), ROWS);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM totals_day"), ROWS);
}

static void names_of_old_days_go_of_every_kind_and_site(void **state)
{
    struct counting *c = *state;
    int steps = 0;
    run(c, NUMBERS "INSERT INTO names SELECT i % 5, 1 + i % 7, 100 + i % 2, i, 1 FROM n");
    assert_int_equal(drop_all(c, STORE_OLD_NAMES, 100, &steps), 0);
    assert_int_equal(drop_all(c, STORE_OLD_NAMES, 101, &steps), ROWS / 2);
    assert_int_equal(counting_ask(c, "SELECT min(day) FROM names"), 101);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM names"), ROWS / 2);
    assert_int_equal(drop_all(c, STORE_OLD_NAMES, 102, &steps), ROWS / 2);
}

static void viewings_that_are_over_go_wherever_they_stand(void **state)
{
    struct counting *c = *state;
    int steps = 0;
    run(c, NUMBERS "INSERT INTO viewings SELECT 1 + i % 3, i / 9, randomblob(16), i, x'00' FROM n");
    assert_int_equal(drop_all(c, STORE_OLD_VIEWINGS, 5000, &steps), 5000);
    assert_int_equal(steps, 3);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM viewings"), ROWS - 5000);
    assert_int_equal(counting_ask(c, "SELECT min(clock) FROM viewings"), 5000);
    assert_int_equal(drop_all(c, STORE_OLD_VIEWINGS, 5001, &steps), 1); /* it begins anew */
}

static void space_is_given_back_when_there_is_much_of_it(void **state)
{
    struct counting *c = *state;
    int steps = 0;
    run(c, NUMBERS "INSERT INTO viewings SELECT 1, i, randomblob(16), 0, zeroblob(2000) FROM n");
    assert_int_equal(drop_all(c, STORE_OLD_SPACE, 0, &steps), 0);
    int64_t before = counting_ask(c, "PRAGMA page_count");
    assert_int_equal(drop_all(c, STORE_OLD_VIEWINGS, 1, &steps), ROWS);
    int given = drop_all(c, STORE_OLD_SPACE, 0, &steps);
    assert_true(steps > 2);
    int64_t pages = counting_ask(c, "PRAGMA page_count");
    assert_true(pages <= before - given); /* and what the file kept about those pages */
    assert_true(counting_ask(c, "PRAGMA freelist_count") <= 512 || pages < before / 4);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM pragma_integrity_check()"
                                     " WHERE integrity_check <> 'ok'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finer_grains_go_before_a_bucket_and_days_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_of_old_days_go_of_every_kind_and_site, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(viewings_that_are_over_go_wherever_they_stand, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(space_is_given_back_when_there_is_much_of_it, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
