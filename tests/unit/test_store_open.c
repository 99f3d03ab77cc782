/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/schema.h"
#include "tests/unit/store_write_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

static void a_reader_makes_no_store(void **state)
{
    (void)state;
    struct store_reader *r = NULL;
    struct error err = {""};
    assert_int_equal(store_reader_open(&r, "sqlite:/tmp/no-store-is-here.db", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/tmp/no-store-is-here.db"));
    assert_null(r);
    assert_int_not_equal(access("/tmp/no-store-is-here.db", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_makes_no_store),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_an_older_version_is_upgraded_with_all_it_holds,
                                        set_up, tear_down),
        cmocka_unit_test(urls_of_no_store_are_refused_with_a_sentence),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_a_newer_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_of_something_else_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_database_is_no_store_to_a_reader, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
