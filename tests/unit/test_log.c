/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PRINTED_SIZE = 8192 };

/* Standard error goes into a pipe between the two; a pipe holds far more than one line. */
struct capture {
    int saved, from;
};

static struct capture begin_capture(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct capture c = {.saved = dup(STDERR_FILENO), .from = ends[0]};
    assert_true(c.saved >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]), 0);
    return c;
}

static size_t end_capture(struct capture c, char *text)
{
    assert_true(dup2(c.saved, STDERR_FILENO) >= 0); /* closes the last writing end */
    assert_int_equal(close(c.saved), 0);
    size_t len = 0;
    ssize_t got = 0;
    while ((got = read(c.from, text + len, PRINTED_SIZE - 1 - len)) > 0) {
        len += (size_t)got;
    }
    assert_int_equal(close(c.from), 0);
    text[len] = '\0';
    return len;
}

/* What stands after the time of the one line that was written. */
static const char *after_time(const char *text)
{
    assert_int_equal(strncmp(text, "ts=", 3), 0);
    const char *blank = strchr(text, ' ');
    assert_non_null(blank);
    assert_int_equal(blank - text, strlen("ts=2024-01-01T00:00:00.000Z"));
    assert_int_equal(blank[-1], 'Z');
    return blank + 1;
}

static void a_line_has_its_level_event_and_fields(void **state)
{
    (void)state;
    char text[PRINTED_SIZE];
    struct capture c = begin_capture();
    LOG_WARN("publish_retry", log_text("topic", "a.b"), log_int("code", -7),
             log_uint("attempt", UINT64_MAX));
    (void)end_capture(c, text);
    assert_string_equal(after_time(text), "level=warn event=publish_retry topic=a.b code=-7 "
                                          "attempt=18446744073709551615\n");
}

static void values_are_quoted_and_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"plain/value:1", "plain/value:1"},
        {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"", "\"\""},
        {NULL, "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"a\\b", "\"a\\\\b\""},
        {"a\nlevel=error", "\"a\\nlevel=error\""},
        {"\x1b[2J\x7f\r", "\"\\x1b[2J\\x7f\\x0d\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PRINTED_SIZE];
        char expected[128];
        struct capture c = begin_capture();
        LOG_ERROR("e", log_text("k", cases[i].value));
        (void)end_capture(c, text);
        (void)snprintf(expected, sizeof expected, "level=error event=e k=%s\n", cases[i].written);
        assert_string_equal(after_time(text), expected);
    }
}

static void a_nul_does_not_end_a_slice(void **state)
{
    (void)state;
    char text[PRINTED_SIZE];
    struct capture c = begin_capture();
    LOG_ERROR("e", log_slice("k", slice_make("a\0b", 3)));
    (void)end_capture(c, text);
    assert_string_equal(after_time(text), "level=error event=e k=\"a\\x00b\"\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    char text[PRINTED_SIZE];
    struct capture c = begin_capture();
    LOG_DEBUG("below_info", log_int("n", 1));
    log_set_level(LOG_LEVEL_ERROR);
    LOG_WARN("below_error", log_int("n", 2));
    log_set_level(LOG_LEVEL_DEBUG);
    LOG_DEBUG("now_seen", log_int("n", 3));
    log_set_level(LOG_LEVEL_INFO);
    (void)end_capture(c, text);
    assert_string_equal(after_time(text), "level=debug event=now_seen n=3\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
    (void)state;
    char value[6000];
    memset(value, 'x', sizeof value);
    char text[PRINTED_SIZE];
    struct capture c = begin_capture();
    LOG_INFO("long", log_slice("k", slice_make(value, sizeof value)));
    size_t len = end_capture(c, text);
    assert_int_equal(len, 4096);
    assert_int_equal(text[len - 1], '\n');
    assert_int_equal(text[len - 2], 'x');
}

static void levels_are_found_by_their_names_only(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_LEVEL_DEBUG;
    for (size_t i = 0; i < 4; i++) {
        assert_true(log_level_named(slice_of(names[i]), &level));
        assert_int_equal(level, i);
    }
    assert_false(log_level_named(slice_of("Warn"), &level));
    assert_false(log_level_named(slice_of(""), &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_level_event_and_fields),
        cmocka_unit_test(values_are_quoted_and_escaped),
        cmocka_unit_test(a_nul_does_not_end_a_slice),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(a_long_line_is_cut_and_still_ends),
        cmocka_unit_test(levels_are_found_by_their_names_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
