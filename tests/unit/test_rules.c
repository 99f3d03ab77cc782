/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/rules.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREAD_COUNT = 4, ROUNDS = 20000 };

/* A folder with a file in it. */
struct fixture {
    char folder[32], path[64];
    struct rules_options options;
    struct rules *rules;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/rules-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    f->options = (struct rules_options){.sites = "",
                                        .trusted_proxies = "",
                                        .download_from = "",
                                        .internal = "",
                                        .bots = "",
                                        .catalogue = "",
                                        .cors_origins = "*"};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rules_unref(f->rules);
    (void)unlink(f->path); /* not every test has one */
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void write_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void load(struct fixture *f)
{
    if (rules_load(&f->rules, &f->options, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
}

static void expect_fault(struct fixture *f, int failed, const char *option, const char *words)
{
    assert_int_equal(rules_load(&f->rules, &f->options, &f->err), failed);
    assert_null(f->rules);
    assert_memory_equal(f->err.text, option, strlen(option));
    if (strstr(f->err.text, words) == NULL) {
        fail_msg("no \"%s\" in: %s", words, f->err.text);
    }
}

static void empty_options_are_the_defaults(void **state)
{
    struct fixture *f = *state;
    load(f);
    assert_int_equal(sites_count(f->rules->sites), 1);
    assert_int_equal(network_list_count(f->rules->proxies), 0);
    assert_int_equal(network_list_count(f->rules->download_from), 0);
    assert_int_equal(network_list_count(f->rules->internal), 0);
    assert_true(bots_count(f->rules->bots) > 0);
    assert_null(f->rules->catalogue);
    assert_int_equal(cors_count(f->rules->cors), 0);
}

static void every_option_has_its_place(void **state)
{
    struct fixture *f = *state;
    write_file(f, "1001\n1002\n");
    f->options.trusted_proxies = "192.0.2.1";
    f->options.download_from = "192.0.2.1, 192.0.2.2";
    f->options.internal = "10.0.0.0/8 ::1 192.0.2.1";
    f->options.bots = f->options.catalogue = f->path;
    f->options.cors_origins = "https://a.example, https://b.example";
    f->options.client_ip = CLIENT_IP_NONE;
    f->options.user_agent = CLIENT_AGENT_NONE;
    f->options.privacy = PRIVACY_STRIP;
    load(f);
    assert_int_equal(network_list_count(f->rules->proxies), 1);
    assert_int_equal(network_list_count(f->rules->download_from), 2);
    assert_int_equal(network_list_count(f->rules->internal), 3);
    assert_int_equal(bots_count(f->rules->bots), 2);
    assert_true(bots_match(f->rules->bots, slice_of("a1002z")));
    assert_true(catalogue_holds(f->rules->catalogue, 1001));
    assert_int_equal(cors_count(f->rules->cors), 2);
    assert_int_equal(f->rules->client_ip, CLIENT_IP_NONE);
    assert_int_equal(f->rules->user_agent, CLIENT_AGENT_NONE);
    assert_int_equal(f->rules->privacy, PRIVACY_STRIP);
}

static void sites_come_from_their_file(void **state)
{
    struct fixture *f = *state;
    write_file(f, "[{\"key\":\"a\",\"site_id\":\"7\",\"site_name\":\"A\",\"product_key\":\"p\","
                  "\"domain\":\"a.example\"}]");
    f->options.sites = f->path;
    load(f);
    assert_string_equal(sites_at(f->rules->sites, 0)->site_id, "7");
}

static void a_list_that_is_wrong_is_named_with_its_entry(void **state)
{
    struct fixture *f = *state;
    f->options.trusted_proxies = "192.0.2.1, there";
    expect_fault(f, -EINVAL, "trusted_proxies: ", "'there'");
    f->options.trusted_proxies = "";
    f->options.download_from = "300.0.0.1";
    expect_fault(f, -EINVAL, "download_from: ", "'300.0.0.1'");
    f->options.download_from = "";
    f->options.internal = "10.0.0.0/33";
    expect_fault(f, -EINVAL, "internal: ", "'10.0.0.0/33'");
    f->options.internal = "";
    f->options.cors_origins = "https://a.example,a.example";
    expect_fault(f, -EINVAL, "cors_origins: ", "'a.example'");
}

static void a_file_that_is_wrong_is_named_with_its_option(void **state)
{
    struct fixture *f = *state;
    write_file(f, "no JSON, no number; as a word too short:\nab\n");
    f->options.sites = f->path;
    expect_fault(f, -EINVAL, "sites: ", f->path);
    f->options.sites = "";
    f->options.bots = f->path;
    expect_fault(f, -EINVAL, "bots: ", f->path);
    f->options.bots = "";
    f->options.catalogue = f->path;
    expect_fault(f, -EINVAL, "catalogue: ", f->path);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;
    f->options.catalogue = f->path;
    expect_fault(f, -ENOENT, "catalogue: ", f->path);
    f->options.catalogue = "";
    f->options.bots = f->path;
    expect_fault(f, -ENOENT, "bots: ", f->path);
}

static void *read_and_give_back(void *arg)
{
    struct rules *r = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct rules *mine = rules_ref(r);
        assert_non_null(sites_at(mine->sites, 0)->json);
        rules_unref(mine);
    }
    assert_int_equal(sites_count(r->sites), 1);
    rules_unref(r); /* one of them is the last */
    return NULL;
}

static void the_last_of_many_threads_frees_them(void **state)
{
    struct fixture *f = *state;
    load(f);
    pthread_t threads[THREAD_COUNT];
    for (size_t i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_give_back, rules_ref(f->rules)),
                         0);
    }
    rules_unref(f->rules);
    f->rules = NULL;
    for (size_t i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void giving_nothing_back_is_allowed(void **state)
{
    (void)state;
    rules_unref(NULL);
}

#define rules_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        rules_test(empty_options_are_the_defaults),
        rules_test(every_option_has_its_place),
        rules_test(sites_come_from_their_file),
        rules_test(a_list_that_is_wrong_is_named_with_its_entry),
        rules_test(a_file_that_is_wrong_is_named_with_its_option),
        rules_test(a_file_that_is_not_there_is_named),
        rules_test(the_last_of_many_threads_frees_them),
        cmocka_unit_test(giving_nothing_back_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
