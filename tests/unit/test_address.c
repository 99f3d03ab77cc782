/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static struct client_address parsed(const char *text)
{
    struct client_address a = {.known = false};
    assert_true(address_parse(slice_of(text), &a));
    assert_true(a.known);
    return a;
}

static void assert_written(const struct client_address *a, const char *wanted)
{
    char out[ADDRESS_TEXT_SIZE];
    struct slice text = address_write(a, out);
    if (!slice_is(text, wanted)) {
        fail_msg("%.*s is not %s", (int)text.len, text.data, wanted);
    }
}

static void both_spellings_of_an_address_are_one(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"192.0.2.7", "192.0.2.7"},
                                           {"::ffff:192.0.2.7", "192.0.2.7"},
                                           {"2001:DB8::0:1", "2001:db8::1"},
                                           {"::", "::"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address a = parsed(cases[i][0]);
        assert_written(&a, cases[i][1]);
    }
}

static void what_is_no_address_is_not_read(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "1.2.3",
                                        "1.2.3.4 ",
                                        "1.2.3.256",
                                        "[::1]",
                                        "::1%lo",
                                        "localhost",
                                        "1.2.3.4:80",
                                        "::1::2",
                                        "01.2.3.4.5",
                                        "1234:1234:1234:1234:1234:1234:1234:1234:1234"};
    struct client_address a = {.known = false};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(address_parse(slice_of(cases[i]), &a));
    }
    assert_false(address_parse(slice_make("1.2.3.4\0", 8), &a));
    assert_false(a.known);
}

static void peers_of_each_family_have_theirs(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000207)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct client_address a = address_of((const struct sockaddr *)&v4);
    assert_written(&a, "192.0.2.7");
    a = address_of((const struct sockaddr *)&v6);
    assert_written(&a, "::1");
    assert_false(address_of((const struct sockaddr *)&local).known);
}

static void a_mask_cuts_at_any_bit(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        unsigned bits;
        const char *wanted;
    } cases[] = {
        {"192.0.2.255", 96 + 24, "192.0.2.0"},       {"192.0.2.255", 96 + 28, "192.0.2.240"},
        {"192.0.2.255", 128, "192.0.2.255"},         {"192.0.2.255", 96, "0.0.0.0"},
        {"2001:db8:ffff::1", 36, "2001:db8:f000::"}, {"2001:db8::1", 0, "::"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address a = parsed(cases[i].address);
        address_mask(&a, cases[i].bits);
        assert_written(&a, cases[i].wanted);
    }
}

static void a_list_holds_what_lies_in_its_networks(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool held;
    } cases[] = {{"10.255.0.1", true},      {"11.0.0.0", false},         {"192.0.2.9", true},
                 {"192.0.2.8", false},      {"2001:db8:ffff:1::", true}, {"2001:db8:fffe::", false},
                 {"::ffff:10.0.0.1", true}, {"::10.0.0.1", false}};
    struct network_list *l;
    assert_int_equal(network_list_parse(&l, "10.0.0.0/8, 192.0.2.9\n2001:db8:ffff::/48", NULL), 0);
    assert_int_equal(network_list_count(l), 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address a = parsed(cases[i].address);
        assert_int_equal(network_list_holds(l, &a), cases[i].held);
    }
    struct client_address unknown = {.known = false};
    network_list_free(l);
    assert_int_equal(network_list_parse(&l, "::/0", NULL), 0);
    assert_false(network_list_holds(l, &unknown));
    network_list_free(l);
}

static void lists_of_networks_are_parsed_or_the_entry_named(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       " ",
                                       "127.0.0.1",
                                       "::1",
                                       "0.0.0.0/0",
                                       "::/0",
                                       "10.1.2.3/32 , ::ffff:0:0/96,,2001:db8::/128"};
    static const char *const bad[] = {"x",         "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/-1",
                                      "::1/129",   "10.0.0/8",    "1.2.3.4/8/8", "[::1]",
                                      "localhost", "/8"};
    struct network_list *p;
    struct error err;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(network_list_parse(&p, good[i], &err), 0);
        network_list_free(p);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char list[64];
        (void)snprintf(list, sizeof(list), "127.0.0.1, %s, ::1", bad[i]);
        assert_true(network_list_parse(&p, list, &err) < 0);
        assert_non_null(strstr(err.text, bad[i]));
    }
    network_list_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_of_an_address_are_one),
        cmocka_unit_test(what_is_no_address_is_not_read),
        cmocka_unit_test(peers_of_each_family_have_theirs),
        cmocka_unit_test(a_mask_cuts_at_any_bit),
        cmocka_unit_test(a_list_holds_what_lies_in_its_networks),
        cmocka_unit_test(lists_of_networks_are_parsed_or_the_entry_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
