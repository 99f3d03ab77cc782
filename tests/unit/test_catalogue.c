/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load_bytes(struct catalogue **out, const char *bytes, size_t len, struct error *err)
{
    char path[] = "/tmp/playreport-catalogue-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    int failed = catalogue_load(out, path, err);
    if (failed != 0) {
        assert_non_null(strstr(err->text, path));
    }
    unlink(path);
    return failed;
}

static int load(struct catalogue **out, const char *text, struct error *err)
{
    return load_bytes(out, text, strlen(text), err);
}

static void ids_are_found_whatever_their_order(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err;
    assert_int_equal(load(&c, "# ours\n9223372036854775807\n7\r\n\n0\n007\n12 \n5", &err), 0);
    assert_int_equal(catalogue_count(c), 6);
    const uint64_t held[] = {0, 5, 7, 12, INT64_MAX};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        assert_true(catalogue_holds(c, held[i]));
    }
    assert_false(catalogue_holds(c, 1));
    assert_false(catalogue_holds(c, INT64_MAX - 1));
    catalogue_free(c);
}

static void many_ids_are_sorted(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    char *text = malloc(COUNT * 8);
    assert_non_null(text);
    char *at = text;
    for (unsigned i = 0; i < COUNT; i++) {
        at += sprintf(at, "%u\n", i * 7919 % COUNT * 2); /* the even numbers, shuffled */
    }
    struct catalogue *c = NULL;
    struct error err;
    assert_int_equal(load(&c, text, &err), 0);
    for (unsigned i = 0; i < 2 * COUNT; i++) {
        assert_int_equal(catalogue_holds(c, i), i % 2 == 0);
    }
    catalogue_free(c);
    free(text);
}

static void an_empty_file_holds_none(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err;
    assert_int_equal(load(&c, "", &err), 0);
    assert_false(catalogue_holds(c, 0));
    catalogue_free(c);
    catalogue_free(NULL);
}

static void what_is_no_id_names_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1", "x", "1 2", "9223372036854775808", "1,2", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct catalogue *c = NULL;
        struct error err;
        char text[64];
        (void)snprintf(text, sizeof text, "1\n# two\n%s\n4\n", bad[i]);
        assert_int_equal(load(&c, text, &err), -EINVAL);
        assert_non_null(strstr(err.text, "line 3: "));
        assert_null(c);
    }
}

static void a_nul_behind_an_id_is_no_white_space(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err;
    assert_int_equal(load_bytes(&c, "1\n2\0\n", 5, &err), -EINVAL);
    assert_non_null(strstr(err.text, "line 2: "));
    assert_null(c);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct error err;
    assert_int_equal(catalogue_load(&c, "/nowhere/photos", &err), -ENOENT);
    assert_string_equal(err.text, "/nowhere/photos: No such file or directory");
    assert_int_equal(catalogue_load(&c, "/", &err), -EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found_whatever_their_order),
        cmocka_unit_test(many_ids_are_sorted),
        cmocka_unit_test(an_empty_file_holds_none),
        cmocka_unit_test(what_is_no_id_names_its_line),
        cmocka_unit_test(a_nul_behind_an_id_is_no_white_space),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
