/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/config.h"

#include "common/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PRINTED_SIZE = 16384, ARGS_MAX = 16 };

struct values {
    const char *listen;
    int64_t workers, journal_max_bytes, drain_timeout, ack, offset;
    bool topic_create;
};

#define AT(member) offsetof(struct values, member)

static const struct config_option table[] = {
    {"listen", CONFIG_TEXT, AT(listen), "127.0.0.1:8080", 0, 0, "", NULL, "where to listen"},
    {"workers", CONFIG_NUMBER, AT(workers), "2", 0, 256, "", NULL,
     "a help text that is so long that it cannot stand on one line of a hundred columns, and must "
     "be wrapped between two of its words"},
    {"journal_max_bytes", CONFIG_SIZE, AT(journal_max_bytes), "10GiB", 64 << 20, INT64_C(1) << 40,
     "bytes", NULL, "limit of the journal"},
    {"drain_timeout", CONFIG_TIME, AT(drain_timeout), "10s", 0, 3600000, "ms", NULL, "how long"},
    {"ack", CONFIG_CHOICE, AT(ack), "journal", 0, 0, "", "journal|disk|broker", "when"},
    {"offset", CONFIG_NUMBER, AT(offset), "-1", -5, 5, "", NULL, "may be negative"},
    {"topic_create", CONFIG_SWITCH, AT(topic_create), "on", 0, 0, "", NULL, "make the topic"},
};

/* What one call of config_read() gave and printed. */
struct outcome {
    enum config_result result;
    struct config *config;
    struct values values;
    char out[PRINTED_SIZE], err[PRINTED_SIZE];
};

static void check_offset(const void *values, struct buffer *faults)
{
    const struct values *v = values;
    if (v->offset > v->workers) {
        buffer_append_text(faults, "  offset: must not be above workers\n");
    }
}

static FILE *divert(int fd, int *saved)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    *saved = dup(fd);
    assert_true(*saved >= 0);
    assert_true(dup2(fileno(file), fd) >= 0);
    return file;
}

static void bring_back(int fd, int saved, FILE *file, char *text)
{
    assert_true(dup2(saved, fd) >= 0);
    assert_int_equal(close(saved), 0);
    rewind(file);
    size_t len = fread(text, 1, PRINTED_SIZE - 1, file);
    text[len] = '\0';
    assert_int_equal(fclose(file), 0);
}

/* args is a list of flags parted by blanks; env has names and values. */
static void read_config(struct outcome *o, const char *args, const char *const *env)
{
    char copy[1024];
    char *argv[ARGS_MAX] = {(char[]){"program"}};
    int argc = 1;
    assert_true(strlen(args) < sizeof copy);
    memcpy(copy, args, strlen(args) + 1);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(argc < ARGS_MAX - 1);
        argv[argc++] = word;
    }
    char *envp[ARGS_MAX] = {NULL};
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        envp[i] = strdup(env[i]);
    }
    *o = (struct outcome){0};
    const struct config_spec spec = {
        .program = "program",
        .summary = "Usage: program\n",
        .versions = "library 1.2",
        .options = table,
        .option_count = sizeof table / sizeof table[0],
        .values = &o->values,
        .check = check_offset,
    };
    int saved_out = -1, saved_err = -1;
    (void)fflush(stdout); /* cmocka's own lines */
    FILE *out = divert(STDOUT_FILENO, &saved_out);
    FILE *err = divert(STDERR_FILENO, &saved_err);
    o->result = config_read(&o->config, &spec, argc, argv, envp);
    bring_back(STDERR_FILENO, saved_err, err, o->err);
    bring_back(STDOUT_FILENO, saved_out, out, o->out);
    for (size_t i = 0; envp[i] != NULL; i++) {
        free(envp[i]);
    }
}

static void assert_runs(struct outcome *o)
{
    assert_string_equal(o->err, "");
    assert_string_equal(o->out, "");
    assert_int_equal(o->result, CONFIG_RUN);
    assert_non_null(o->config);
}

static void assert_faults(struct outcome *o, const char *const *parts, size_t count)
{
    assert_int_equal(o->result, CONFIG_BAD_USAGE);
    assert_null(o->config);
    assert_string_equal(o->out, "");
    for (size_t i = 0; i < count; i++) {
        if (strstr(o->err, parts[i]) == NULL) {
            fail_msg("\"%s\" is not in:\n%s", parts[i], o->err);
        }
    }
}

#define ASSERT_FAULTS(outcome, ...)                                                                \
    assert_faults((outcome), (const char *const[]){__VA_ARGS__},                                   \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

struct temp_file {
    char folder[32];
    char path[64];
    char args[96]; /* --config with the path */
};

static void write_file(struct temp_file *t, const char *text)
{
    (void)snprintf(t->folder, sizeof t->folder, "/tmp/config-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof t->path, "%s/c.json", t->folder);
    (void)snprintf(t->args, sizeof t->args, "--config %s", t->path);
    FILE *file = fopen(t->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(struct temp_file *t)
{
    assert_int_equal(unlink(t->path), 0);
    assert_int_equal(rmdir(t->folder), 0);
}

static void defaults_fill_every_row(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "", NULL);
    assert_runs(&o);
    assert_string_equal(o.values.listen, "127.0.0.1:8080");
    assert_int_equal(o.values.workers, 2);
    assert_true(o.values.journal_max_bytes == INT64_C(10) << 30);
    assert_int_equal(o.values.drain_timeout, 10000);
    assert_int_equal(o.values.ack, 0);
    assert_int_equal(o.values.offset, -1);
    assert_true(o.values.topic_create);
    assert_int_equal(config_kafka_count(o.config), 0);
    config_free(o.config);
}

static void flags_are_taken_in_both_spellings(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o,
                "--listen=[::1]:0 --workers 7 --journal-max-bytes=1tib --drain_timeout=5min "
                "--ack broker --offset -5 --topic-create=No",
                NULL);
    assert_runs(&o);
    assert_string_equal(o.values.listen, "[::1]:0");
    assert_int_equal(o.values.workers, 7);
    assert_true(o.values.journal_max_bytes == INT64_C(1) << 40);
    assert_int_equal(o.values.drain_timeout, 300000);
    assert_int_equal(o.values.ack, 2);
    assert_int_equal(o.values.offset, -5);
    assert_false(o.values.topic_create);
    config_free(o.config);
}

static void the_later_source_wins(void **state)
{
    (void)state;
    struct temp_file t;
    write_file(&t, "{\"workers\": 3, \"offset\": 3, \"ack\": \"disk\", \"topic_create\": false}");
    struct outcome o;
    char args[160];
    (void)snprintf(args, sizeof args, "%s --workers=5", t.args);
    read_config(
        &o, args,
        (const char *const[]){"PLAYREPORT_WORKERS=4", "PLAYREPORT_OFFSET=4", "HOME=/", NULL});
    assert_runs(&o);
    assert_int_equal(o.values.workers, 5);
    assert_int_equal(o.values.offset, 4);
    assert_int_equal(o.values.ack, 1);
    assert_false(o.values.topic_create);
    config_free(o.config);
    remove_file(&t);
}

static void assert_pair(const struct config *c, size_t i, const char *name, const char *value)
{
    assert_string_equal(config_kafka_at(c, i).name, name);
    assert_string_equal(config_kafka_at(c, i).value, value);
}

static void kafka_names_pass_through_from_any_source(void **state)
{
    (void)state;
    struct temp_file t;
    write_file(&t, "{\"kafka\": {\"bootstrap.servers\": [\"a:1\", \"b:2\"], \"linger.ms\": 5},"
                   " \"kafka.client.rack\": \"r\", \"listen\": [\"x\", \"y\"]}");
    struct outcome o;
    char args[160];
    (void)snprintf(args, sizeof args, "%s --kafka.linger.ms=7", t.args);
    read_config(&o, args, (const char *const[]){"PLAYREPORT_KAFKA_SASL_USERNAME=Me_=", NULL});
    assert_runs(&o);
    assert_int_equal(config_kafka_count(o.config), 4);
    assert_pair(o.config, 0, "bootstrap.servers", "a:1,b:2");
    assert_pair(o.config, 1, "linger.ms", "7");
    assert_pair(o.config, 2, "client.rack", "r");
    assert_pair(o.config, 3, "sasl.username", "Me_=");
    assert_string_equal(o.values.listen, "x,y");
    config_free(o.config);
    remove_file(&t);
}

static void every_fault_is_told_at_once_with_its_range(void **state)
{
    (void)state;
    struct temp_file t;
    write_file(&t, "{\"wrokers\": 3, \"ack\": null, \"workers\": 257}");
    struct outcome o;
    char args[160];
    (void)snprintf(args, sizeof args, "%s --journal_max_bytes=1KiB --topic_create=perhaps stray",
                   t.args);
    read_config(&o, args,
                (const char *const[]){"PLAYREPORT_ACK=never", "PLAYREPORT_DRAIN_TIMEOUT=2h",
                                      "PLAYREPORT_NEW=1", NULL});
    ASSERT_FAULTS(&o, "wrokers: there is no such option; did you mean \"workers\"?\n",
                  "ack: must be text, a whole number",
                  "workers: \"257\" must be a whole number, 0 to 256\n",
                  "  PLAYREPORT_ACK: \"never\" must be one of journal|disk|broker\n",
                  "  PLAYREPORT_DRAIN_TIMEOUT: \"2h\" must be a time", ", 0 to 1h\n",
                  "  PLAYREPORT_NEW: there is no such option\n",
                  "  --journal_max_bytes: \"1KiB\" must be a size", ", 64MiB to 1TiB\n",
                  "  --topic_create: \"perhaps\" must be on|off\n", "  stray: only --name=value",
                  "program --help");
    remove_file(&t);
}

static void a_switch_that_is_only_named_is_on(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        bool is_on;
    } cases[] = {{"--topic_create=off --topic_create", true},
                 {"--topic_create=off --topic_create --workers=3", true},
                 {"--topic_create off", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o;
        read_config(&o, cases[i].args, NULL);
        assert_runs(&o);
        assert_int_equal(o.values.topic_create, cases[i].is_on);
        config_free(o.config);
    }
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "--workers=",
        "--workers=1x",
        "--workers=+1",
        "--workers=0x10",
        "--workers=1KiB",
        "--workers=99999999999999999999",
        "--workers=-1",
        "--workers=--1",
        "--offset=-6",
        "--offset=-",
        "--ack=",
        "--ack=journal|disk",
        "--ack=jour",
        "--topic_create=",
        "--topic_create=2",
        "--drain_timeout=5m",
        "--drain_timeout=s",
        "--drain_timeout=1.5s",
        "--drain_timeout=106751991168d",
        "--journal_max_bytes=9999999999TiB",
        "--journal_max_bytes=1 GiB",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o;
        read_config(&o, cases[i], NULL);
        ASSERT_FAULTS(&o, "must be");
    }
}

static void unknown_flags_are_refused_with_what_is_near(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"--worker=1", "did you mean \"workers\"?"},
        {"--journal-max-byte=1", "did you mean \"journal_max_bytes\"?"},
        {"--check-confg=1", "did you mean \"check_config\"?"},
        {"--bootstrap.servers=a", "did you mean \"kafka.bootstrap.servers\"?"},
        {"--something-else=1", "--something-else: there is no such option\n"},
        {"--=1", "--: there is no such option\n"},
        {"--kafka.=1", "there is no such option"},
        {"--workers", "--workers: needs a value: --workers=VALUE\n"},
        {"--workers --ack=disk", "--workers: needs a value"},
        {"--config", "--config: needs a value"},
        {"--help=1", "--help: takes no value"},
        {"--check-config=yes", "--check-config: takes no value"},
        {"-h", "-h: only --name=value is understood here"},
        {"--", "--: only --name=value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o;
        read_config(&o, cases[i][0], NULL);
        ASSERT_FAULTS(&o, cases[i][1]);
    }
}

static void a_broken_file_is_told_with_its_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\n\"workers\": 3,\n}", "c.json: line 3, column 1:"},
        {"[1]", "c.json: must hold one JSON object"},
        {"{\"workers\": 1, \"workers\": 2}", "c.json: line 1"},
        {"", "c.json: line 1"},
        {"{\"workers\": 1.5}", "workers: must be text, a whole number"},
        {"{\"listen\": [1]}", "listen: must be text"},
        {"{\"kafka\": {\"bootstrap\": {\"servers\": 1}}}", "kafka.bootstrap: must be text"},
        {"{\"kafka\": 1}", "kafka: there is no such option"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct temp_file t;
        write_file(&t, cases[i][0]);
        struct outcome o;
        read_config(&o, t.args, NULL);
        ASSERT_FAULTS(&o, cases[i][1]);
        remove_file(&t);
    }
    struct outcome o;
    read_config(&o, "--config=/nowhere/c.json", NULL);
    ASSERT_FAULTS(&o, "/nowhere/c.json");
    read_config(&o, "--config=/tmp", NULL);
    ASSERT_FAULTS(&o, "/tmp");
}

static void names_of_the_test_tools_are_let_be(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "",
                (const char *const[]){"PLAYREPORT_CACHE=/x", "PLAYREPORT_TEST_KAFKA=1",
                                      "PLAYREPORT_", NULL});
    assert_runs(&o);
    config_free(o.config);
    read_config(&o, "", (const char *const[]){"PLAYREPORT_CACHES=/x", NULL});
    ASSERT_FAULTS(&o, "PLAYREPORT_CACHES: there is no such option");
}

static void the_daemons_own_check_adds_its_faults(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "--workers=1 --offset=2 --ack=x", NULL);
    ASSERT_FAULTS(&o, "offset: must not be above workers\n", "--ack: \"x\"");
}

static void bad_values_are_shown_short_and_harmless(void **state)
{
    (void)state;
    struct outcome o;
    char args[512] = "--workers=";
    memset(args + strlen(args), 'x', 400);
    read_config(&o, args, NULL);
    ASSERT_FAULTS(&o, "xxxx\"... must be");
    assert_true(strlen(o.err) < 250);
    read_config(&o, "--workers=\x1b[2J --a\x1b[2J=1 --offset=\xFF", NULL);
    ASSERT_FAULTS(&o, "\"\\u001b[2J\" must be", "--a?[2J:", "--offset: the value must be");
    assert_null(strchr(o.err, '\x1b'));
}

static void check_config_says_ok_or_every_fault(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "--check-config --workers=1", NULL);
    assert_int_equal(o.result, CONFIG_DONE);
    assert_string_equal(o.out, "configuration ok\n");
    assert_string_equal(o.err, "");
    assert_null(o.config);
    read_config(&o, "--workers=x --check_config --ack=y", NULL);
    ASSERT_FAULTS(&o, "--workers", "--ack");
}

static void help_prints_the_summary_and_the_table(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "--workers=x --help", NULL);
    assert_int_equal(o.result, CONFIG_DONE);
    assert_string_equal(o.err, "");
    assert_ptr_equal(strstr(o.out, "Usage: program\n"), o.out);
    assert_non_null(
        strstr(o.out, "\n  --journal_max_bytes  10GiB           64MiB to 1TiB        bytes\n"));
    assert_non_null(
        strstr(o.out, "\n  --ack                journal         journal|disk|broker\n"));
    assert_non_null(strstr(o.out, "\n      when\n"));
    assert_non_null(strstr(o.out, "--check-config"));
    for (const char *line = o.out; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 100);
        assert_true(len == 0 || line[len - 1] != ' ');
    }
}

static void version_names_the_program_and_its_libraries(void **state)
{
    (void)state;
    struct outcome o;
    read_config(&o, "--version", NULL);
    assert_int_equal(o.result, CONFIG_DONE);
    assert_string_equal(o.out, "program " PLAYREPORT_VERSION "\nlibrary 1.2\n");
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_every_row),
        cmocka_unit_test(flags_are_taken_in_both_spellings),
        cmocka_unit_test(the_later_source_wins),
        cmocka_unit_test(kafka_names_pass_through_from_any_source),
        cmocka_unit_test(every_fault_is_told_at_once_with_its_range),
        cmocka_unit_test(a_switch_that_is_only_named_is_on),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(unknown_flags_are_refused_with_what_is_near),
        cmocka_unit_test(a_broken_file_is_told_with_its_place),
        cmocka_unit_test(names_of_the_test_tools_are_let_be),
        cmocka_unit_test(the_daemons_own_check_adds_its_faults),
        cmocka_unit_test(bad_values_are_shown_short_and_harmless),
        cmocka_unit_test(check_config_says_ok_or_every_fault),
        cmocka_unit_test(help_prints_the_summary_and_the_table),
        cmocka_unit_test(version_names_the_program_and_its_libraries),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
