/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static const char trusted[] = "10.0.0.0/8, 192.0.2.9,2001:db8:ffff::/48";

/* A peer of either family. */
static void make_peer(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(out, &v6, sizeof(v6));
    }
}

static void add_header(struct http_request *req, enum http_header_name known, const char *name,
                       const char *value)
{
    req->headers[req->header_count++] =
        (struct http_header){.name = slice_of(name), .value = slice_of(value)};
    if (req->known[known].data == NULL) {
        req->known[known] = slice_of(value);
    }
}

static void assert_client(const char *peer_text, const struct http_request *req, const char *wanted)
{
    struct network_list *p;
    struct sockaddr_storage peer;
    char text[ADDRESS_TEXT_SIZE];
    struct error err;
    make_peer(peer_text, &peer);
    assert_int_equal(network_list_parse(&p, trusted, &err), 0);
    struct client_address a = client_address_find(p, (const struct sockaddr *)&peer, req);
    network_list_free(p);
    struct slice s = client_address_text(&a, CLIENT_IP_FULL, text);
    if (!slice_is(s, wanted)) {
        fail_msg("%.*s is not %s", (int)s.len, s.data, wanted);
    }
}

static void x_forwarded_for_is_walked_from_the_right(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *header, *wanted;
    } cases[] = {
        {"198.51.100.1", "203.0.113.1", "198.51.100.1"}, /* not a proxy: not believed */
        {"10.1.2.3", "203.0.113.1", "203.0.113.1"},
        {"10.1.2.3", "6.6.6.6, 203.0.113.1", "203.0.113.1"},
        {"10.1.2.3", "203.0.113.1, 10.0.0.7,192.0.2.9", "203.0.113.1"},
        {"10.1.2.3", "10.0.0.8, 10.0.0.7", "10.0.0.8"},
        {"::ffff:10.1.2.3", "::ffff:203.0.113.1", "203.0.113.1"},
        {"2001:db8:ffff::1", "2001:db8::1", "2001:db8::1"},
        {"2001:db8:fffe::1", "2001:db8::1", "2001:db8:fffe::1"},
        {"10.1.2.3", "192.0.2.1:99999", "10.1.2.3"},
        {"10.1.2.3", "unknown", "10.1.2.3"},
        {"10.1.2.3", "", "10.1.2.3"},
        {"10.1.2.3", ", ,192.0.2.1", "192.0.2.1"},
        {"10.1.2.3", "192.0.2.1, unknown, ", "192.0.2.1"},
        {"10.1.2.3", "192.0.2.1:8080", "192.0.2.1"},
        {"10.1.2.3", "[2001:db8::1]:443", "2001:db8::1"},
        {"10.1.2.3", "[2001:DB8::1]", "2001:db8::1"},
        {"10.1.2.3", "\"[2001:db8::1]:443\"", "2001:db8::1"},
        {"10.1.2.3", "\"6.6.6.6, 203.0.113.1", "203.0.113.1"},
        {"10.1.2.3", "[2001:db8::1", "10.1.2.3"},
        {"10.1.2.3", "[192.0.2.1]", "10.1.2.3"},
        {"10.1.2.3", "[2001:db8::1]x", "10.1.2.3"},
        {"10.1.2.3", "192.0.2.1:", "10.1.2.3"},
        {"10.1.2.3", "010.0.0.1", "10.1.2.3"},
        {"10.1.2.3", "192.0.2", "10.1.2.3"},
        {"10.1.2.3", "fe80::1%eth0", "10.1.2.3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request req = {0};
        add_header(&req, HTTP_HEADER_X_FORWARDED_FOR, "X-Forwarded-For", cases[i].header);
        assert_client(cases[i].peer, &req, cases[i].wanted);
    }
}

static void several_lines_are_one_list(void **state)
{
    (void)state;
    struct http_request req = {0};
    add_header(&req, HTTP_HEADER_X_FORWARDED_FOR, "x-forwarded-for", "6.6.6.6");
    add_header(&req, HTTP_HEADER_HOST, "Host", "a");
    add_header(&req, HTTP_HEADER_X_FORWARDED_FOR, "X-FORWARDED-FOR", "203.0.113.1, 10.0.0.2");
    assert_client("10.0.0.1", &req, "203.0.113.1");
}

static void forwarded_is_walked_from_the_right(void **state)
{
    (void)state;
    static const struct {
        const char *header, *wanted;
    } cases[] = {
        {"for=203.0.113.1", "203.0.113.1"},
        {"for=6.6.6.6, For=203.0.113.1;proto=http;by=203.0.113.43", "203.0.113.1"},
        {"proto=https ; FOR = \"203.0.113.1:47011\", for=10.2.2.2", "203.0.113.1"},
        {"for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
        {"for=\"[2001:db8:cafe::17]:_port\"", "2001:db8:cafe::17"},
        {"for=203.0.113.1, for=unknown, for=_hidden", "203.0.113.1"},
        {"by=203.0.113.1", "10.0.0.1"},
        {"203.0.113.1", "10.0.0.1"},
        {"for=\"203.0.113.1", "10.0.0.1"},
        {"for=", "10.0.0.1"},
        {"for=\"\"", "10.0.0.1"},
        {"", "10.0.0.1"},
        {"for=203.0.113.1;by=\"a,b;for=6.6.6.6\"", "203.0.113.1"},
        {"by=\"a, for=6.6.6.6;x=\\\"b\"", "10.0.0.1"},     /* all of it is in quotes */
        {"for=\"6.6.6.6, for=203.0.113.1", "203.0.113.1"}, /* a quote that a client left open */
        {"for=\"6.6.6.6, for=\"[2001:db8::1]\"", "2001:db8::1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request req = {0};
        add_header(&req, HTTP_HEADER_FORWARDED, "Forwarded", cases[i].header);
        assert_client("10.0.0.1", &req, cases[i].wanted);
    }
}

static void x_forwarded_for_outranks_forwarded(void **state)
{
    (void)state;
    struct http_request req = {0};
    add_header(&req, HTTP_HEADER_FORWARDED, "Forwarded", "for=6.6.6.6");
    add_header(&req, HTTP_HEADER_X_FORWARDED_FOR, "X-Forwarded-For", "203.0.113.1");
    assert_client("10.0.0.1", &req, "203.0.113.1");
}

static void a_peer_without_an_ip_address_is_unknown(void **state)
{
    (void)state;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct http_request req = {0};
    struct network_list *p;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(network_list_parse(&p, "::/0", NULL), 0);
    add_header(&req, HTTP_HEADER_X_FORWARDED_FOR, "X-Forwarded-For", "203.0.113.1");
    struct client_address a = client_address_find(p, (const struct sockaddr *)&local, &req);
    network_list_free(p);
    assert_false(a.known);
    assert_null(client_address_text(&a, CLIENT_IP_FULL, text).data);
}

static struct client_address client_of(const char *text)
{
    struct sockaddr_storage peer;
    struct http_request req = {0};
    struct network_list *p;
    make_peer(text, &peer);
    assert_int_equal(network_list_parse(&p, "", NULL), 0);
    struct client_address a = client_address_find(p, (const struct sockaddr *)&peer, &req);
    network_list_free(p);
    return a;
}

static void addresses_are_kept_as_the_setting_says(void **state)
{
    (void)state;
    static const struct {
        const char *address, *full, *truncated;
    } cases[] = {
        {"192.0.2.177", "192.0.2.177", "192.0.2.0"},
        {"::ffff:192.0.2.177", "192.0.2.177", "192.0.2.0"},
        {"2001:db8:1:8002:3:4:5:6", "2001:db8:1:8002:3:4:5:6", "2001:db8:1::"},
        {"2001:0db8:ffff:ffff::", "2001:db8:ffff:ffff::", "2001:db8:ffff::"},
    };
    char text[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address a = client_of(cases[i].address);
        assert_true(slice_is(client_address_text(&a, CLIENT_IP_FULL, text), cases[i].full));
        assert_true(
            slice_is(client_address_text(&a, CLIENT_IP_TRUNCATED, text), cases[i].truncated));
        assert_null(client_address_text(&a, CLIENT_IP_NONE, text).data);
    }
}

static void user_agents_are_cut_and_repaired(void **state)
{
    (void)state;
    char scratch[CLIENT_AGENT_SCRATCH], agent[8000];
    assert_null(client_user_agent(slice_of(NULL), CLIENT_AGENT_FULL, scratch).data);
    assert_null(client_user_agent(slice_of(""), CLIENT_AGENT_FULL, scratch).data);
    assert_null(client_user_agent(slice_of("curl"), CLIENT_AGENT_NONE, scratch).data);
    assert_true(slice_is(client_user_agent(slice_of("curl"), CLIENT_AGENT_FULL, scratch), "curl"));
    assert_true(slice_is(client_user_agent(slice_of("a\xff"), CLIENT_AGENT_FULL, scratch),
                         "a\xef\xbf\xbd"));
    memset(agent, 'a', sizeof(agent));
    struct slice whole = slice_make(agent, sizeof(agent));
    assert_int_equal(client_user_agent(whole, CLIENT_AGENT_FULL, scratch).len, 512);
    memcpy(agent + 510, "\xf0\x9f\x92\xa5", 4); /* a character across the limit */
    assert_int_equal(client_user_agent(whole, CLIENT_AGENT_FULL, scratch).len, 510);
    memset(agent, 0xff, sizeof(agent));
    struct slice repaired = client_user_agent(whole, CLIENT_AGENT_FULL, scratch);
    assert_int_equal(repaired.len, 510);
    assert_memory_equal(repaired.data + 507, "\xef\xbf\xbd", 3);
}

static struct slice viewer_of(struct client_hasher *h, const char *address, const char *agent,
                              const char *site, char out[CLIENT_VIEWER_LEN])
{
    struct client_visit visit = {client_of(address), slice_of(agent), slice_of(site),
                                 1700000000000};
    return client_viewer(h, &visit, out);
}

static void a_viewer_is_the_same_all_day_and_for_all_workers(void **state)
{
    (void)state;
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1, 2, 3};
    const uint64_t day = 86400000, start = 20000 * day;
    struct client_hasher *a, *b;
    char first[CLIENT_VIEWER_LEN], again[CLIENT_VIEWER_LEN];
    struct client_visit visit = {client_of("192.0.2.1"), slice_of("ua"), slice_of("s"), start};
    assert_int_equal(client_hasher_new(&a, secret), 0);
    assert_int_equal(client_hasher_new(&b, secret), 0);
    struct slice viewer = client_viewer(a, &visit, first);
    assert_int_equal(viewer.len, 32);
    for (size_t i = 0; i < viewer.len; i++) {
        assert_non_null(memchr("0123456789abcdef", viewer.data[i], 16));
    }
    visit.ts_ms = start + day - 1;
    assert_memory_equal(client_viewer(a, &visit, again).data, first, 32);
    assert_memory_equal(client_viewer(b, &visit, again).data, first, 32);
    visit.ts_ms = start + day;
    assert_memory_not_equal(client_viewer(a, &visit, again).data, first, 32);
    visit.ts_ms = start;
    assert_memory_equal(client_viewer(a, &visit, again).data, first, 32);
    client_hasher_free(a);
    client_hasher_free(b);
}

static void a_viewer_depends_on_address_agent_site_and_secret(void **state)
{
    (void)state;
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1}, other[CLIENT_SECRET_SIZE] = {2};
    struct client_hasher *h, *g;
    char base[CLIENT_VIEWER_LEN], out[CLIENT_VIEWER_LEN];
    assert_int_equal(client_hasher_new(&h, secret), 0);
    assert_int_equal(client_hasher_new(&g, other), 0);
    (void)viewer_of(h, "192.0.2.1", "ua", "site", base);
    assert_memory_equal(viewer_of(h, "::ffff:192.0.2.1", "ua", "site", out).data, base, 32);
    assert_memory_not_equal(viewer_of(h, "192.0.2.2", "ua", "site", out).data, base, 32);
    assert_memory_not_equal(viewer_of(h, "192.0.2.1", "ub", "site", out).data, base, 32);
    assert_memory_not_equal(viewer_of(h, "192.0.2.1", NULL, "site", out).data, base, 32);
    assert_memory_not_equal(viewer_of(h, "192.0.2.1", "eua", "sit", out).data, base, 32);
    assert_memory_not_equal(viewer_of(g, "192.0.2.1", "ua", "site", out).data, base, 32);
    client_hasher_free(h);
    client_hasher_free(g);
}

static void an_unknown_address_has_no_viewer(void **state)
{
    (void)state;
    static const uint8_t secret[CLIENT_SECRET_SIZE] = {1};
    struct client_hasher *h;
    struct client_visit visit = {.site = slice_of("s")};
    char out[CLIENT_VIEWER_LEN];
    assert_int_equal(client_hasher_new(&h, secret), 0);
    assert_null(client_viewer(h, &visit, out).data);
    client_hasher_free(h);
    client_hasher_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x_forwarded_for_is_walked_from_the_right),
        cmocka_unit_test(several_lines_are_one_list),
        cmocka_unit_test(forwarded_is_walked_from_the_right),
        cmocka_unit_test(x_forwarded_for_outranks_forwarded),
        cmocka_unit_test(a_peer_without_an_ip_address_is_unknown),
        cmocka_unit_test(addresses_are_kept_as_the_setting_says),
        cmocka_unit_test(user_agents_are_cut_and_repaired),
        cmocka_unit_test(a_viewer_is_the_same_all_day_and_for_all_workers),
        cmocka_unit_test(a_viewer_depends_on_address_agent_site_and_secret),
        cmocka_unit_test(an_unknown_address_has_no_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
