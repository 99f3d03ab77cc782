/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROW_LEN = 1000 };

/* Appends rows of one letter each, a, b, c, ... */
static void add_rows(struct spool *s, size_t count)
{
    char row[ROW_LEN];
    for (size_t i = 0; i < count; i++) {
        memset(row, 'a' + (int)(i % 26), sizeof row);
        buffer_append(&s->bytes, row, sizeof row);
        assert_int_equal(spool_settle(s), 0);
        assert_in_range(s->bytes.len, 0, SPOOL_MEMORY_MAX);
    }
}

static void assert_rows(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count * ROW_LEN; i++) {
        if (bytes[i] != (char)('a' + (int)(i / ROW_LEN % 26))) {
            fail_msg("byte %zu is %c", i, bytes[i]);
        }
    }
}

static void a_short_answer_stays_in_memory(void **state)
{
    (void)state;
    struct spool s;
    spool_init(&s);
    for (int i = 0; i < 2; i++) {
        add_rows(&s, 10);
        assert_int_equal(spool_finish(&s), 0);
        assert_int_equal(s.file, -1);
        assert_int_equal(s.bytes.len, 10 * ROW_LEN);
        assert_rows(s.bytes.data, 10);
        spool_reset(&s);
    }
    spool_fini(&s);
}

static void a_long_answer_is_in_the_file_whole(void **state)
{
    (void)state;
    enum { ROWS = 2500 };
    struct spool s;
    spool_init(&s);
    add_rows(&s, ROWS);
    assert_int_equal(spool_finish(&s), 0);
    assert_int_equal(s.bytes.len, 0);
    assert_int_equal(s.file_len, ROWS * ROW_LEN);
    int file = spool_take_file(&s);
    assert_true(file >= 0);
    char *bytes = malloc(ROWS * ROW_LEN + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(file, bytes, ROWS * ROW_LEN + 1, 0), ROWS * ROW_LEN);
    assert_rows(bytes, ROWS);
    free(bytes);
    assert_int_equal(close(file), 0);
    add_rows(&s, 1); /* the next one begins anew */
    assert_int_equal(spool_finish(&s), 0);
    assert_int_equal(s.bytes.len, ROW_LEN);
    spool_fini(&s);
}

static void a_file_that_cannot_be_made_is_told_until_the_next_answer(void **state)
{
    (void)state;
    struct spool s;
    spool_init(&s);
    assert_int_equal(setenv("TMPDIR", "/there/is/no/such/folder", 1), 0);
    add_rows(&s, SPOOL_MEMORY_MAX / ROW_LEN);
    buffer_append(&s.bytes, (char[ROW_LEN]){0}, ROW_LEN);
    assert_int_equal(spool_settle(&s), -ENOENT);
    assert_int_equal(spool_finish(&s), -ENOENT);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    spool_reset(&s);
    add_rows(&s, 1);
    assert_int_equal(spool_finish(&s), 0);
    spool_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_answer_stays_in_memory),
        cmocka_unit_test(a_long_answer_is_in_the_file_whole),
        cmocka_unit_test(a_file_that_cannot_be_made_is_told_until_the_next_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
