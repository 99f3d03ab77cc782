/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/hash.h"
#include "consumer/nonces.h"
#include "consumer/oauth.h"
#include "consumer/oauth_params.h"

#include <errno.h>
#include <stdio.h>

/* The printer's photos of RFC 5849, section 1.2. */
static const char keys[] =
    "other:secret,dpf43f3p2l4k3l03:kd94hf93k423kf44:nnch734d00sl2jdk:pfkkdhi9sl3r4s00,"
    "dpf43f3p2l4k3l03:kd94hf93k423kf44";
static const int64_t now_s = 137131202;

static struct oauth *open_oauth(void)
{
    struct oauth *o = NULL;
    struct error err = {""};
    assert_int_equal(oauth_new(&o, keys, &err), 0);
    return o;
}

static struct oauth_request photos(const char *header)
{
    return (struct oauth_request){.method = slice_of("GET"),
                                  .host = slice_of("photos.example.net"),
                                  .path = slice_of("/photos"),
                                  .query = slice_of("file=vacation.jpg&size=original"),
                                  .authorization = slice_of(header)};
}

#define SIGNED                                                                                     \
    "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", "                            \
    "oauth_token=\"nnch734d00sl2jdk\", oauth_signature_method=\"HMAC-SHA1\", "                     \
    "oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\", "                                      \
    "oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\""

/* Section 1.2, the last request. */
static void the_request_of_the_rfc_is_let_in_once(void **state)
{
    (void)state;
    struct oauth *o = open_oauth();
    struct oauth_request r = photos(SIGNED);
    assert_int_equal(oauth_check(o, &r, now_s), OAUTH_ALLOWED);
    assert_string_equal(oauth_why(o), "");
    assert_int_equal(oauth_check(o, &r, now_s + 1), OAUTH_REFUSED);
    assert_string_equal(oauth_why(o), "this oauth_nonce was used before");
    oauth_free(o);
}

static void the_way_it_is_written_makes_no_difference(void **state)
{
    (void)state;
    static const struct oauth_request same[] = {
        {.host = {"PHOTOS.example.NET:80", 21}},
        {.query = {"size=original&file=vacation.jpg", 31}},
        {.query = {"file=vacation%2ejpg&&size=%6Friginal", 36}},
        {.query = {"size=original", 13}, .form = {"file=vacation.jpg", 17}},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct oauth *o = open_oauth();
        struct oauth_request r = photos(SIGNED);
        r.host = same[i].host.data == NULL ? r.host : same[i].host;
        r.query = same[i].query.data == NULL ? r.query : same[i].query;
        r.form = same[i].form;
        assert_int_equal(oauth_check(o, &r, now_s), OAUTH_ALLOWED);
        oauth_free(o);
    }
}

static void the_signature_may_stand_in_the_query(void **state)
{
    (void)state;
    struct oauth *o = open_oauth();
    struct oauth_request r = photos("Bearer something else");
    r.query = slice_of("oauth_consumer_key=dpf43f3p2l4k3l03&oauth_token=nnch734d00sl2jdk&size="
                       "original&oauth_signature_method=HMAC-SHA1&oauth_timestamp=137131202&"
                       "oauth_nonce=chapoH&file=vacation.jpg&oauth_signature="
                       "MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D");
    assert_int_equal(oauth_check(o, &r, now_s), OAUTH_ALLOWED);
    oauth_free(o);
}

static void whoever_does_not_sign_is_told_apart_from_who_signs_wrongly(void **state)
{
    (void)state;
    struct oauth *o = open_oauth();
    static const char *const unsigned_ones[] = {NULL,     "",           "Bearer token",
                                                "OAuth ", "Basic eDp5", "OAuth =\"\", realm=\"\""};
    for (size_t i = 0; i < sizeof unsigned_ones / sizeof unsigned_ones[0]; i++) {
        struct oauth_request r = photos(unsigned_ones[i]);
        assert_int_equal(oauth_check(o, &r, now_s), OAUTH_UNSIGNED);
    }
    oauth_free(o);
}

static void assert_refused(const struct oauth_request *r, int64_t at_s, const char *why)
{
    struct oauth *o = open_oauth();
    assert_int_equal(oauth_check(o, r, at_s), OAUTH_REFUSED);
    assert_string_equal(oauth_why(o), why);
    oauth_free(o);
}

static void whatever_was_changed_is_refused(void **state)
{
    (void)state;
    static const char wrong[] = "the key or the signature is wrong";
    struct oauth_request r = photos(SIGNED);
    r.method = slice_of("POST");
    assert_refused(&r, now_s, wrong);
    r = photos(SIGNED);
    r.path = slice_of("/photos/");
    assert_refused(&r, now_s, wrong);
    r = photos(SIGNED);
    r.host = slice_of("photos.example.org");
    assert_refused(&r, now_s, wrong);
    r = photos(SIGNED);
    r.host = slice_of("photos.example.net:8080");
    assert_refused(&r, now_s, wrong);
    r = photos(SIGNED);
    r.query = slice_of("file=vacation.jpg&size=original&size=");
    assert_refused(&r, now_s, wrong);
    r = photos(SIGNED);
    r.form = slice_of("more=1");
    assert_refused(&r, now_s, wrong);
}

/* The header with one stretch of it replaced. */
static void assert_header_refused(const char *from, const char *to, const char *why)
{
    char header[1024];
    const char *at = strstr(SIGNED, from);
    assert_non_null(at);
    (void)snprintf(header, sizeof header, "%.*s%s%s", (int)(strlen(SIGNED) - strlen(at)), SIGNED,
                   to, at + strlen(from));
    struct oauth_request r = photos(header);
    assert_refused(&r, now_s, why);
}

static void each_part_of_the_header_counts(void **state)
{
    (void)state;
    static const char wrong[] = "the key or the signature is wrong";
    static const char method[] = "oauth_signature_method must be HMAC-SHA1";
    static const char malformed[] = "the Authorization header is malformed";
    assert_header_refused("MdpQ", "NdpQ", wrong);
    assert_header_refused("9I%3D\"", "9I\"", wrong);
    assert_header_refused("MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D", "", wrong);
    assert_header_refused("chapoH", "chapoG", wrong);
    assert_header_refused("\"dpf43f3p2l4k3l03", "\"other", wrong);
    assert_header_refused("\"dpf43f3p2l4k3l03", "\"nobody", wrong);
    assert_header_refused("oauth_token=\"nnch734d00sl2jdk\", ", "", wrong);
    assert_header_refused("HMAC-SHA1", "PLAINTEXT", method);
    assert_header_refused("oauth_signature_method=\"HMAC-SHA1\", ", "", method);
    assert_header_refused("oauth_nonce=\"chapoH\", ", "",
                          "oauth_nonce must be given, up to 256 bytes");
    assert_header_refused("oauth_timestamp=\"137131202\"", "oauth_timestamp=\"yesterday\"",
                          "oauth_timestamp must be seconds since 1970");
    assert_header_refused("realm=\"Photos\"", "oauth_version=\"2.0\"", "oauth_version must be 1.0");
    assert_header_refused("realm=\"Photos\"", "oauth_nonce=\"chapoH\"",
                          "a parameter of OAuth is given twice");
    assert_header_refused("realm=\"Photos\"", "realm=Photos", malformed);
    assert_header_refused("realm=\"Photos\"", "realm", wrong);
    assert_header_refused("%3D\"", "%3D", malformed);
    assert_header_refused("%3D", "%3", malformed);
}

static void a_clock_that_is_too_far_off_is_refused(void **state)
{
    (void)state;
    static const char why[] = "oauth_timestamp is more than 300 s off: set the clock";
    struct oauth_request r = photos(SIGNED);
    assert_refused(&r, now_s + OAUTH_WINDOW_S + 1, why);
    assert_refused(&r, now_s - OAUTH_WINDOW_S - 1, why);
    struct oauth *o = open_oauth();
    assert_int_equal(oauth_check(o, &r, now_s - OAUTH_WINDOW_S), OAUTH_ALLOWED);
    /* it stays used for as long as its timestamp is good */
    assert_int_equal(oauth_check(o, &r, now_s + OAUTH_WINDOW_S), OAUTH_REFUSED);
    assert_string_equal(oauth_why(o), "this oauth_nonce was used before");
    oauth_free(o);
}

/* Section 3.4.1.3.1: this request, and 3.4.1.3.2: how it comes out. */
static void parameters_are_sorted_as_the_rfc_shows(void **state)
{
    (void)state;
    struct oauth_request r = {
        .query = slice_of("b5=%3D%253D&a3=a&c%40=&a2=r%20b"),
        .form = slice_of("c2&a3=2+q"),
        .authorization =
            slice_of("OAuth realm=\"Example\", oauth_consumer_key=\"9djdj82h48djs9d2\","
                     " oauth_token=\"kkk9d7dh3k39sjv7\","
                     " oauth_signature_method=\"HMAC-SHA1\","
                     " oauth_timestamp=\"137131201\", oauth_nonce=\"7d8f3e4a\","
                     " oauth_signature=\"djosJKDKJSD8743243%2Fjdk33klY%3D\""),
    };
    static struct oauth_params p;
    struct buffer out;
    oauth_params_init(&p);
    buffer_init(&out);
    assert_null(oauth_params_read(&p, &r) == NULL ? NULL : "read");
    oauth_params_write(&p, &out);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, "a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%254"
                                  "0%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_"
                                  "nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_"
                                  "timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7");
    buffer_fini(&out);
    oauth_params_fini(&p);
}

static void more_parameters_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    char query[2 * OAUTH_PARAMS_MAX + 3];
    for (size_t i = 0; i <= OAUTH_PARAMS_MAX; i++) {
        (void)snprintf(query + 2 * i, 3, "a&");
    }
    struct oauth_request r = photos(NULL);
    r.query = slice_of(query);
    assert_refused(&r, now_s, "there are too many parameters");
}

static void keys_that_are_none_are_named_without_being_shown(void **state)
{
    (void)state;
    static const char *const bad[] = {"key",    "key:",      ":secret", "a:b,k",   "a:b:c",
                                      "a:b:c:", "a:b:c:d:e", ",",       "a:b,,c:d"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct oauth *o = open_oauth();
        struct error err = {""};
        assert_int_equal(oauth_set_keys(o, bad[i], &err), -EINVAL);
        assert_non_null(strstr(err.text, "is not KEY:SECRET"));
        struct oauth_request r = photos(SIGNED); /* the old keys stay */
        assert_int_equal(oauth_check(o, &r, now_s), OAUTH_ALLOWED);
        oauth_free(o);
    }
    struct oauth *o = open_oauth();
    struct error err = {""};
    assert_true(oauth_has_keys(o));
    assert_int_equal(oauth_set_keys(o, "", &err), 0);
    assert_false(oauth_has_keys(o));
    struct oauth_request r = photos(SIGNED);
    assert_int_equal(oauth_check(o, &r, now_s), OAUTH_REFUSED);
    oauth_free(o);
}

static void nonces_are_forgotten_when_they_are_of_no_use(void **state)
{
    (void)state;
    struct nonces *n = nonces_new();
    assert_int_equal(nonces_use(n, 7, 1000), NONCES_NEW);
    assert_int_equal(nonces_use(n, 0, 1000), NONCES_NEW);
    assert_int_equal(nonces_use(n, 0, 1000), NONCES_USED);
    assert_int_equal(nonces_use(n, 8, 1000 + NONCES_KEPT_S - 1), NONCES_NEW);
    assert_int_equal(nonces_use(n, 7, 1000 + NONCES_KEPT_S), NONCES_USED);
    assert_int_equal(nonces_use(n, 8, 1000 + 2 * NONCES_KEPT_S - 1), NONCES_USED);
    assert_int_equal(nonces_use(n, 7, 1000 + 2 * NONCES_KEPT_S), NONCES_NEW);
    assert_int_equal(nonces_use(n, 7, 1000 + 9 * NONCES_KEPT_S), NONCES_NEW);
    for (uint64_t i = 1; i < NONCES_MAX; i++) {
        assert_int_equal(nonces_use(n, hash_mix(1, i), 1000 + 9 * NONCES_KEPT_S), NONCES_NEW);
    }
    assert_int_equal(nonces_use(n, 2, 1000 + 9 * NONCES_KEPT_S), NONCES_FULL);
    assert_int_equal(nonces_use(n, 7, 1000 + 9 * NONCES_KEPT_S), NONCES_USED);
    assert_int_equal(nonces_use(n, 2, 1000 + 10 * NONCES_KEPT_S), NONCES_NEW);
    nonces_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_of_the_rfc_is_let_in_once),
        cmocka_unit_test(the_way_it_is_written_makes_no_difference),
        cmocka_unit_test(the_signature_may_stand_in_the_query),
        cmocka_unit_test(whoever_does_not_sign_is_told_apart_from_who_signs_wrongly),
        cmocka_unit_test(whatever_was_changed_is_refused),
        cmocka_unit_test(each_part_of_the_header_counts),
        cmocka_unit_test(a_clock_that_is_too_far_off_is_refused),
        cmocka_unit_test(parameters_are_sorted_as_the_rfc_shows),
        cmocka_unit_test(more_parameters_than_there_is_room_for_are_refused),
        cmocka_unit_test(keys_that_are_none_are_named_without_being_shown),
        cmocka_unit_test(nonces_are_forgotten_when_they_are_of_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
