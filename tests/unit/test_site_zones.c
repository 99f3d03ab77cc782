/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/site_zones.h"

#include "consumer/timezone.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOON = 2 * 24 * 4 + 12 * 4, EVENING = NOON + 7 * 4, SWAPS = 2000 };

/* Keys and zones, in pairs, as a file of sites. */
static struct sites *sites_of(const char *const *pairs)
{
    char path[] = "/tmp/test_site_zones.XXXXXX";
    struct sites *sites = NULL;
    struct error err = {""};
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        assert_true(fprintf(file,
                            "%s{\"key\":\"%s\",\"time_zone\":\"%s\",\"site_id\":\"1\","
                            "\"site_name\":\"n\",\"product_key\":\"p\",\"domain\":\"d\"}",
                            i == 0 ? "[" : ",", pairs[i], pairs[i + 1]) > 0);
    }
    assert_true(fputs("]", file) >= 0);
    assert_int_equal(fclose(file), 0);
    int failed = sites_load(&sites, path, &err);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(err.text, "");
    assert_int_equal(failed, 0);
    return sites;
}

static struct site_zones *zones_of(const struct site_zones *before, const char *const *pairs)
{
    struct site_zones *z = NULL;
    struct error err = {""};
    struct sites *sites = sites_of(pairs);
    int failed = site_zones_new(&z, before, sites, &err);
    sites_free(sites);
    assert_string_equal(err.text, "");
    assert_int_equal(failed, 0);
    return z;
}

static int32_t day_of(struct site_zones *z, const char *key, int32_t quarter)
{
    return timezone_day(site_zones_of(z, slice_of(key)), quarter);
}

static void assert_name(const struct site_zones *z, const char *key, const char *wanted)
{
    const char *name = site_zones_name(z, slice_of(key));
    if (wanted == NULL) {
        assert_null(name);
    } else {
        assert_non_null(name);
        assert_string_equal(name, wanted);
    }
}

static const char *const INDIA[] = {"in", "Asia/Kolkata", "utc", "UTC", NULL};

static void each_site_has_its_zone_and_others_are_utc(void **state)
{
    (void)state;
    struct site_zones *z = zones_of(NULL, INDIA);
    assert_int_equal(day_of(z, "in", NOON), 2);
    assert_int_equal(day_of(z, "in", EVENING), 3);
    assert_int_equal(day_of(z, "utc", EVENING), 2);
    assert_int_equal(day_of(z, "other", EVENING), 2);
    assert_int_equal(day_of(z, "", EVENING), 2);
    assert_name(z, "in", "Asia/Kolkata");
    assert_name(z, "utc", "UTC");
    assert_name(z, "other", NULL);
    site_zones_free(z);
}

static void sites_that_were_there_keep_their_zone(void **state)
{
    (void)state;
    static const char *const CHANGED[] = {"in", "Europe/Copenhagen", "new", "Asia/Kolkata", NULL};
    struct site_zones *before = zones_of(NULL, INDIA);
    struct site_zones *z = zones_of(before, CHANGED);
    site_zones_free(before); /* nothing of it is borrowed */
    assert_name(z, "in", "Asia/Kolkata");
    assert_name(z, "new", "Asia/Kolkata");
    assert_name(z, "utc", "UTC");
    assert_int_equal(day_of(z, "in", EVENING), 3);
    assert_int_equal(day_of(z, "new", EVENING), 3);
    assert_int_equal(day_of(z, "utc", EVENING), 2);
    site_zones_free(z);
}

static void a_zone_that_does_not_exist_is_named(void **state)
{
    (void)state;
    static const char *const BAD[] = {"a", "UTC", "b", "Mars/Olympus", NULL};
    struct sites *sites = sites_of(BAD);
    struct site_zones *z = NULL;
    struct error err = {""};
    assert_true(site_zones_new(&z, NULL, sites, &err) < 0);
    assert_null(z);
    assert_string_equal(err.text, "sites: site b: time_zone: there is no zone named Mars/Olympus");
    sites_free(sites);
}

static void what_is_put_is_taken_once(void **state)
{
    (void)state;
    static const char *const OTHER[] = {"b", "UTC", NULL};
    struct site_zones_slot slot = {NULL};
    struct site_zones *current = zones_of(NULL, INDIA);
    assert_false(site_zones_take(&slot, &current));
    site_zones_put(&slot, zones_of(NULL, INDIA)); /* never taken */
    site_zones_put(&slot, zones_of(NULL, OTHER));
    assert_true(site_zones_take(&slot, &current));
    assert_name(current, "b", "UTC");
    assert_name(current, "in", NULL);
    assert_false(site_zones_take(&slot, &current));
    site_zones_put(&slot, zones_of(NULL, INDIA));
    site_zones_put(&slot, NULL);
    assert_false(site_zones_take(&slot, &current));
    assert_name(current, "b", "UTC");
    site_zones_free(current);
}

struct follower {
    struct site_zones_slot slot;
    struct site_zones *zones;
    atomic_bool stop;
    unsigned taken;
    bool is_wrong;
};

static void *follow(void *arg)
{
    struct follower *f = arg;
    bool is_last = false;
    while (!is_last) {
        is_last = atomic_load(&f->stop);
        f->taken += site_zones_take(&f->slot, &f->zones);
        f->is_wrong = f->is_wrong || day_of(f->zones, "in", EVENING) != 3;
    }
    return NULL;
}

/* One thread counts days by them while another puts new ones. */
static void zones_may_change_while_days_are_counted(void **state)
{
    (void)state;
    struct follower f = {.zones = zones_of(NULL, INDIA)};
    struct sites *sites = sites_of(INDIA);
    struct error err = {""};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
    for (int i = 0; i < SWAPS; i++) {
        struct site_zones *z = NULL;
        assert_int_equal(site_zones_new(&z, NULL, sites, &err), 0);
        site_zones_put(&f.slot, z);
    }
    atomic_store(&f.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(f.is_wrong);
    assert_in_range(f.taken, 1, SWAPS);
    site_zones_free(f.zones);
    sites_free(sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_site_has_its_zone_and_others_are_utc),
        cmocka_unit_test(sites_that_were_there_keep_their_zone),
        cmocka_unit_test(a_zone_that_does_not_exist_is_named),
        cmocka_unit_test(what_is_put_is_taken_once),
        cmocka_unit_test(zones_may_change_while_days_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
