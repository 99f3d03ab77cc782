/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/rate_limit.h"

#include <arpa/inet.h>
#include <pthread.h>

enum { START_MS = 5000, THREADS = 4, TRIES = 5000 };

static struct client_address address(const char *text)
{
    struct client_address a = {.known = false};
    assert_true(address_parse(slice_of(text), &a));
    return a;
}

static unsigned taken_of(struct rate_limit *l, const struct client_address *a, unsigned tries,
                         uint64_t now_ms)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < tries; i++) {
        taken += rate_limit_take(l, a, 1, now_ms);
    }
    return taken;
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new(10, 50);
    assert_non_null(l);
    struct client_address a = address("192.0.2.1");
    assert_int_equal(taken_of(l, &a, 100, START_MS), 50);
    assert_int_equal(taken_of(l, &a, 100, START_MS + 99), 0);
    assert_int_equal(taken_of(l, &a, 100, START_MS + 100), 1);
    assert_int_equal(taken_of(l, &a, 100, START_MS + 1100), 10);
    assert_int_equal(taken_of(l, &a, 100, START_MS + 3600000), 50); /* never more than it holds */
    rate_limit_free(l);
}

static void several_are_taken_together_or_not_at_all(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new(1, 10);
    struct client_address a = address("192.0.2.1");
    assert_false(rate_limit_take(l, &a, 11, START_MS));
    assert_true(rate_limit_take(l, &a, 7, START_MS));
    assert_false(rate_limit_take(l, &a, 4, START_MS));
    assert_true(rate_limit_take(l, &a, 3, START_MS));
    rate_limit_free(l);
}

static void whose_bucket_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool is_shared;
    } cases[] = {{"192.0.2.1", "192.0.2.2", false},
                 {"192.0.2.1", "::ffff:192.0.2.1", true},
                 {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
                 {"2001:db8:0:1::1", "2001:db8:0:2::1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rate_limit *l = rate_limit_new(1, 1);
        struct client_address first = address(cases[i].first);
        struct client_address second = address(cases[i].second);
        assert_true(rate_limit_take(l, &first, 1, START_MS));
        assert_int_equal(rate_limit_take(l, &second, 1, START_MS), !cases[i].is_shared);
        rate_limit_free(l);
    }
}

static void an_unknown_address_has_no_limit(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new(1, 1);
    struct client_address unknown = {.known = false};
    assert_int_equal(taken_of(l, &unknown, 100, START_MS), 100);
    rate_limit_free(l);
    rate_limit_free(NULL);
}

static void more_addresses_than_buckets_are_no_fault(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new(1, 1);
    struct client_address a = {.known = true, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 10}};
    for (uint32_t i = 0; i < 4 * RATE_LIMIT_BUCKETS; i++) {
        a.bytes[13] = (uint8_t)(i >> 16);
        a.bytes[14] = (uint8_t)(i >> 8);
        a.bytes[15] = (uint8_t)i;
        assert_true(rate_limit_take(l, &a, 1, START_MS)); /* each begins with a full bucket */
    }
    assert_false(rate_limit_take(l, &a, 1, START_MS)); /* and the last is remembered */
    rate_limit_free(l);
}

struct taker {
    struct rate_limit *l;
    unsigned taken;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;
    struct client_address a = {.known = true, .bytes = {[10] = 0xff, [11] = 0xff, [15] = 1}};
    for (int i = 0; i < TRIES; i++) {
        t->taken += rate_limit_take(t->l, &a, 1, START_MS);
    }
    return NULL;
}

static void threads_share_a_bucket(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new(1, TRIES);
    struct taker takers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.l = l};
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    unsigned taken = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, TRIES);
    rate_limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(several_are_taken_together_or_not_at_all),
        cmocka_unit_test(whose_bucket_it_is),
        cmocka_unit_test(an_unknown_address_has_no_limit),
        cmocka_unit_test(more_addresses_than_buckets_are_no_fault),
        cmocka_unit_test(threads_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
