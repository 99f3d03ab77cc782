/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/api_access.h"

/* The printer's photos of RFC 5849, section 1.2. */
static const char keys[] = "dpf43f3p2l4k3l03:kd94hf93k423kf44:nnch734d00sl2jdk:pfkkdhi9sl3r4s00";
static const int64_t now_s = 137131202;

#define SIGNED                                                                                     \
    "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", "                            \
    "oauth_token=\"nnch734d00sl2jdk\", oauth_signature_method=\"HMAC-SHA1\", "                     \
    "oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\", "                                      \
    "oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\""

static struct api_access *open_access(const char *tokens, const char *list)
{
    struct api_access *a = NULL;
    struct error err = {""};
    assert_int_equal(api_access_new(&a, tokens, list, &err), 0);
    return a;
}

static enum api_access_result check(struct api_access *a, const char *authorization)
{
    static struct http_request req; /* large */
    req = (struct http_request){.method = HTTP_GET,
                                .method_name = slice_of("GET"),
                                .host = slice_of("photos.example.net"),
                                .path = slice_of("/photos"),
                                .query = slice_of("file=vacation.jpg&size=original")};
    req.known[HTTP_HEADER_AUTHORIZATION] = slice_of(authorization);
    return api_access_check(a, &req, slice_of(NULL), now_s);
}

static void while_nothing_is_configured_anyone_may(void **state)
{
    (void)state;
    struct api_access *a = open_access("", "");
    assert_int_equal(check(a, NULL), API_ACCESS_ALLOWED);
    assert_int_equal(check(a, "Bearer x"), API_ACCESS_ALLOWED);
    api_access_free(a);
}

static void a_list_of_no_token_lets_nobody_in(void **state)
{
    (void)state;
    struct api_access *a = open_access(",", "");
    assert_int_equal(check(a, NULL), API_ACCESS_DENIED);
    assert_int_equal(check(a, "Bearer "), API_ACCESS_DENIED);
    assert_int_equal(check(a, "Bearer ,"), API_ACCESS_DENIED);
    api_access_free(a);
}

static void with_tokens_alone_no_signature_helps(void **state)
{
    (void)state;
    struct api_access *a = open_access("one,two", "");
    assert_int_equal(check(a, "Bearer two"), API_ACCESS_ALLOWED);
    assert_int_equal(check(a, SIGNED), API_ACCESS_DENIED);
    assert_string_equal(api_access_why(a), "A bearer token of read_tokens is needed.");
    api_access_free(a);
}

static void with_keys_alone_no_token_helps(void **state)
{
    (void)state;
    struct api_access *a = open_access("", keys);
    assert_int_equal(check(a, "Bearer "), API_ACCESS_DENIED);
    assert_int_equal(check(a, NULL), API_ACCESS_DENIED);
    assert_non_null(strstr(api_access_why(a), "a signature by one of oauth_keys is needed"));
    assert_int_equal(check(a, SIGNED), API_ACCESS_SIGNED);
    assert_int_equal(check(a, SIGNED), API_ACCESS_DENIED);
    assert_non_null(strstr(api_access_why(a), "refused: this oauth_nonce was used before"));
    api_access_free(a);
}

static void with_both_either_is_enough(void **state)
{
    (void)state;
    struct api_access *a = open_access("one", keys);
    assert_int_equal(check(a, "Bearer one"), API_ACCESS_ALLOWED);
    assert_int_equal(check(a, "Bearer two"), API_ACCESS_DENIED);
    assert_int_equal(check(a, SIGNED), API_ACCESS_SIGNED);
    api_access_free(a);
}

static void others_take_their_place_but_a_signature_stays_used(void **state)
{
    (void)state;
    struct api_access *a = open_access("one", keys);
    struct error err = {""};
    assert_int_equal(check(a, SIGNED), API_ACCESS_SIGNED);
    assert_int_equal(api_access_set(a, "two", keys, &err), 0);
    assert_int_equal(check(a, "Bearer one"), API_ACCESS_DENIED);
    assert_int_equal(check(a, "Bearer two"), API_ACCESS_ALLOWED);
    assert_int_equal(check(a, SIGNED), API_ACCESS_DENIED);
    assert_int_not_equal(api_access_set(a, "three", "half", &err), 0);
    assert_int_equal(check(a, "Bearer two"), API_ACCESS_ALLOWED);
    assert_int_equal(check(a, "Bearer three"), API_ACCESS_DENIED);
    api_access_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_nothing_is_configured_anyone_may),
        cmocka_unit_test(a_list_of_no_token_lets_nobody_in),
        cmocka_unit_test(with_tokens_alone_no_signature_helps),
        cmocka_unit_test(with_keys_alone_no_token_helps),
        cmocka_unit_test(with_both_either_is_enough),
        cmocka_unit_test(others_take_their_place_but_a_signature_stays_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
