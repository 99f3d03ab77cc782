/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What loading a file with this text gives. */
static int load_text(struct sites **out, const char *text, struct error *err)
{
    char folder[] = "/tmp/sites-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/sites.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    int failed = sites_load(out, path, err);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    return failed;
}

static const char some_sites[] =
    "[{\"key\": \"one\", \"site_id\": \"1\", \"site_name\": \"The </first>\", \"domain\": "
    "\"One.example\","
    "  \"product_key\": \"other\", \"time_zone\": \"Europe/Copenhagen\", \"allow_signup\": true,"
    "  \"hosts\": [\"WWW.one.example\", \"one.example\", \"[2001:DB8::1]\"]},"
    " {\"key\": \"two\", \"site_id\": \"22\", \"site_name\": \"Two\", \"domain\": "
    "\"two.example\", \"product_key\": \"p\", \"hosts\": [\"two.example\"]},"
    " {\"key\": \"three\", \"site_id\": \"3\", \"site_name\": \"Three\", \"domain\": "
    "\"3.example\", \"product_key\": \"p\"}]";

static struct sites *load_some(void)
{
    struct sites *s = NULL;
    struct error err = {0};
    assert_int_equal(load_text(&s, some_sites, &err), 0);
    assert_string_equal(err.text, "");
    return s;
}

static void no_file_gives_one_default_site(void **state)
{
    (void)state;
    static const char *const paths[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        struct sites *s = NULL;
        assert_int_equal(sites_load(&s, paths[i], NULL), 0);
        assert_int_equal(sites_count(s), 1);
        const struct site *site = sites_by_host(s, slice_of("any.example"));
        assert_string_equal(site->key, "default");
        assert_string_equal(site->time_zone, "UTC");
        assert_string_equal(site->json,
                            "{\"site_id\":\"1\",\"site_name\":\"PlayReport\",\"product_key\":"
                            "\"playreport\",\"domain\":\"localhost\",\"allow_signup_p\":0}");
        assert_ptr_equal(sites_by_host(s, (struct slice){0}), site);
        assert_ptr_equal(sites_by_key(s, slice_of("default")), site);
        sites_free(s);
    }
}

static void every_member_is_read(void **state)
{
    (void)state;
    struct sites *s = load_some();
    assert_int_equal(sites_count(s), 3);
    const struct site *one = sites_at(s, 0);
    assert_string_equal(one->key, "one");
    assert_string_equal(one->site_id, "1");
    assert_string_equal(one->site_name, "The </first>");
    assert_string_equal(one->product_key, "other");
    assert_string_equal(one->domain, "One.example");
    assert_string_equal(one->time_zone, "Europe/Copenhagen");
    assert_true(one->allow_signup);
    assert_int_equal(one->hosts_count, 3);
    assert_string_equal(one->hosts[0], "www.one.example");
    assert_string_equal(one->json,
                        "{\"site_id\":\"1\",\"site_name\":\"The <\\/first>\",\"product_key\":"
                        "\"other\",\"domain\":\"One.example\",\"allow_signup_p\":1}");
    const struct site *two = sites_at(s, 1);
    assert_string_equal(two->time_zone, "UTC");
    assert_false(two->allow_signup);
    assert_int_equal(two->hosts_count, 1);
    assert_string_equal(two->hosts[0], "two.example");
    assert_int_equal(sites_at(s, 2)->hosts_count, 0);
    sites_free(s);
}

static void hosts_are_found_whatever_their_case_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *host, *key;
    } cases[] = {
        {"two.example", "two"},
        {"TWO.Example:8080", "two"},
        {"two.example.", "two"},
        {"two.example.:80", "two"},
        {"www.one.example", "one"},
        {"[2001:db8::1]:443", "one"},
        {"one.example", "one"},
        {"two.exampl", "one"},
        {"two.examplee", "one"},
        {"www.two.example", "one"},
        {"", "one"},
        {":80", "one"},
        {"[", "one"},
    };
    struct sites *s = load_some();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct site *site = sites_by_host(s, slice_of(cases[i].host));
        assert_string_equal(site->key, cases[i].key);
    }
    assert_string_equal(sites_by_host(s, slice_make("two.example\0x", 13))->key, "one");
    sites_free(s);
}

static void sites_are_found_by_their_whole_key(void **state)
{
    (void)state;
    struct sites *s = load_some();
    assert_ptr_equal(sites_by_key(s, slice_of("two")), sites_at(s, 1));
    assert_null(sites_by_key(s, slice_of("tw")));
    assert_null(sites_by_key(s, slice_of("Two")));
    assert_null(sites_by_key(s, slice_of("")));
    sites_free(s);
}

static void a_file_that_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct sites *s = NULL;
    struct error err = {0};
    assert_int_equal(sites_load(&s, "/nowhere/sites.json", &err), -ENOENT);
    assert_string_equal(err.text,
                        "/nowhere/sites.json: cannot be opened: No such file or directory");
    assert_true(sites_load(&s, "/tmp", &err) < 0);
    assert_non_null(strstr(err.text, "/tmp: "));
    assert_null(s);
}

#define SITE(key, id, more)                                                                        \
    "{\"key\": \"" key "\", \"site_id\": \"" id "\", \"site_name\": \"N\", "                       \
    "\"product_key\": \"p\", \"domain\": \"d.example\"" more "}"
#define ONE(more) "[" SITE("a", "1", more) "]"

static void every_fault_names_the_site_and_the_member(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "sites.json: line 1"},
        {"[{]", "sites.json: line 1, column 3"},
        {ONE(", \"key\": \"b\""), "duplicate"},
        {"{}", "must hold an array of at least one site"},
        {"[]", "must hold an array of at least one site"},
        {"[1]", "sites.json: site #1: must be an object"},
        {"[{\"site_id\": \"1\"}]", "site #1: key: is missing"},
        {"[{\"key\": \"a\"}]", "site a: site_id: is missing"},
        {"[{\"key\": 1}]", "site #1: key: must be"},
        {"[" SITE("a b", "1", "") "]", "site #1: key: must be a text of 1 to 64"},
        {"[" SITE("", "1", "") "]", "key: must be"},
        {"[" SITE("a", "x", "") "]", "site a: site_id: must be a text of decimal digits"},
        {ONE(", \"sign_up\": true"), "site a: sign_up: is no member of a site"},
        {ONE(", \"allow_signup\": 1"), "allow_signup: must be true or false"},
        {ONE(", \"time_zone\": \"\""), "time_zone: must be the name"},
        {ONE(", \"time_zone\": null"), "time_zone: must be the name"},
        {ONE(", \"hosts\": \"a\""), "hosts: must be an array"},
        {ONE(", \"hosts\": [1]"), "hosts: must be an array"},
        {ONE(", \"hosts\": [\"b\", \"a:80\"]"), "without a port"},
        {ONE(", \"hosts\": [\"http://a\"]"), "without a port"},
        {ONE(", \"hosts\": [\"[::1\"]"), "without a port"},
        {ONE(", \"hosts\": [\".a\"]"), "without a port"},
        {ONE(", \"hosts\": [\"a..b\"]"), "without a port"},
        {ONE(", \"hosts\": [\"a..\"]"), "without a port"},
        {ONE(", \"hosts\": [\"a\", \"A\"]"), "site a: hosts: a already stands"},
        {"[" SITE("a", "1", "") "," SITE("a", "2", "") "]", "site #2: key: is the key of an"},
        {"[" SITE("a", "1", ", \"hosts\": [\"x\"]") "," SITE("b", "2", ", \"hosts\": [\"X.\"]") "]",
         "site b: hosts: x already stands in the hosts of site a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sites *s = NULL;
        struct error err = {0};
        assert_int_equal(load_text(&s, cases[i][0], &err), -EINVAL);
        assert_null(s);
        if (strstr(err.text, cases[i][1]) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", cases[i][1], err.text);
        }
    }
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    sites_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_gives_one_default_site),
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(hosts_are_found_whatever_their_case_and_port),
        cmocka_unit_test(sites_are_found_by_their_whole_key),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
        cmocka_unit_test(every_fault_names_the_site_and_the_member),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
