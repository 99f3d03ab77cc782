/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
    const char *listen, *sites;
    int64_t workers;
    bool topic_create;
};

#define AT(member) offsetof(struct values, member)

static const struct config_option table[] = {
    {"listen", CONFIG_TEXT, AT(listen), "127.0.0.1:8080", 0, 0, "", NULL, "where"},
    {"sites", CONFIG_TEXT, AT(sites), "", 0, 0, "", NULL, "which"},
    {"workers", CONFIG_NUMBER, AT(workers), "2", 0, 256, "", NULL, "how many"},
    {"topic_create", CONFIG_SWITCH, AT(topic_create), "on", 0, 0, "", NULL, "whether"},
};

/* A daemon's command line with a file that is written anew between two readings. */
struct fixture {
    char folder[32], path[64], flag[96];
    struct config *before, *after;
    struct values old, new;
    struct config_spec spec;
    struct error err;
};

static void write_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/config-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/c.json", f->folder);
    (void)snprintf(f->flag, sizeof f->flag, "--config=%s", f->path);
    f->spec = (struct config_spec){.program = "program",
                                   .summary = "Usage: program\n",
                                   .options = table,
                                   .option_count = sizeof table / sizeof table[0]};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    config_free(f->before);
    config_free(f->after);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static int reread(struct fixture *f, const char *flag)
{
    char copy[64];
    (void)snprintf(copy, sizeof copy, "%s", flag);
    char *argv[] = {(char[]){"program"}, f->flag, copy, NULL};
    char *envp[] = {(char[]){"PLAYREPORT_SITES=env.json"}, NULL};
    f->spec.values = &f->new;
    return config_reread(&f->after, &f->spec, flag[0] == '\0' ? 2 : 3, argv, envp, &f->err);
}

/* What differs between the two texts of the file. */
static void expect_changes(struct fixture *f, const char *before, const char *after,
                           const char *expected)
{
    static const char *const except[] = {"sites", NULL};
    write_file(f, before);
    assert_int_equal(reread(f, ""), 0);
    f->before = f->after;
    f->old = f->new;
    f->after = NULL;
    write_file(f, after);
    assert_int_equal(reread(f, ""), 0);
    struct buffer names;
    buffer_init(&names);
    config_changes(&f->spec, (struct config_side){f->before, &f->old},
                   (struct config_side){f->after, &f->new}, except, &names);
    buffer_append_char(&names, '\0');
    assert_string_equal(names.data, expected);
    buffer_fini(&names);
}

static void the_same_sources_are_read_again(void **state)
{
    struct fixture *f = *state;
    write_file(f, "{\"workers\": 7, \"sites\": \"file.json\", \"listen\": \"[::1]:1\"}");
    assert_int_equal(reread(f, "--listen=[::1]:2"), 0);
    assert_int_equal(f->new.workers, 7);
    assert_string_equal(f->new.sites, "env.json");
    assert_string_equal(f->new.listen, "[::1]:2");
    assert_true(f->new.topic_create);
}

static void faults_are_told_in_one_line_with_option_and_file(void **state)
{
    struct fixture *f = *state;
    write_file(f, "{\"workers\": 700, \"no_such\": 1}");
    assert_int_equal(reread(f, ""), -EINVAL);
    assert_null(f->after);
    char expected[256];
    (void)snprintf(expected, sizeof expected,
                   "%s: workers: \"700\" must be a whole number, 0 to 256; %s: no_such: there "
                   "is no such option",
                   f->path, f->path);
    assert_string_equal(f->err.text, expected);
}

static void a_file_that_is_no_json_is_named_with_its_line(void **state)
{
    struct fixture *f = *state;
    write_file(f, "{\n  \"workers\": \n}");
    assert_int_equal(reread(f, ""), -EINVAL);
    assert_memory_equal(f->err.text, f->path, strlen(f->path));
    assert_non_null(strstr(f->err.text, "line 3"));
}

static void nothing_differs_between_a_file_and_itself(void **state)
{
    const char *text = "{\"workers\": 7, \"kafka\": {\"acks\": \"all\"}}";
    expect_changes(*state, text, text, "");
}

static void options_of_every_type_that_differ_are_named(void **state)
{
    expect_changes(*state, "{}",
                   "{\"workers\": 7, \"listen\": \"[::1]:1\", \"topic_create\": false}",
                   "listen,workers,topic_create");
}

static void excepted_options_are_not_named(void **state)
{
    struct fixture *f = *state;
    write_file(f, "{}");
    static const char *const except[] = {"listen", "workers", "sites", "topic_create", NULL};
    assert_int_equal(reread(f, ""), 0);
    f->old = (struct values){"a", "b", 9, false};
    struct buffer names;
    buffer_init(&names);
    config_changes(&f->spec, (struct config_side){f->after, &f->old},
                   (struct config_side){f->after, &f->new}, except, &names);
    assert_int_equal(names.len, 0);
    buffer_fini(&names);
}

static void kafka_properties_that_come_go_or_change_are_named(void **state)
{
    expect_changes(*state, "{\"kafka\": {\"acks\": \"all\", \"retries\": 1, \"debug\": \"msg\"}}",
                   "{\"kafka\": {\"acks\": \"all\", \"retries\": 2, \"client.id\": \"x\"}}",
                   "kafka.retries,kafka.debug,kafka.client.id");
}

#define config_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_test(the_same_sources_are_read_again),
        config_test(faults_are_told_in_one_line_with_option_and_file),
        config_test(a_file_that_is_no_json_is_named_with_its_line),
        config_test(nothing_differs_between_a_file_and_itself),
        config_test(options_of_every_type_that_differ_are_named),
        config_test(excepted_options_are_not_named),
        config_test(kafka_properties_that_come_go_or_change_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
