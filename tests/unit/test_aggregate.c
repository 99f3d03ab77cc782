/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/aggregate.h"

/* Days of 96 quarters, but in site 2 the day is one later. */
static int32_t plain_day(uint32_t site, int32_t quarter, void *arg)
{
    (void)arg;
    return quarter / 96 + (site == 2 ? 1 : 0);
}

enum { LOAD = 8, SHARE = 9 };

static void add(struct aggregate *a, struct aggregate_place place, uint32_t event, int times)
{
    for (int i = 0; i < times; i++) {
        assert_int_equal(aggregate_event(a, &place, event), 0);
    }
}

static void add_reports(struct aggregate *a, struct aggregate_place place, int64_t count)
{
    int64_t *measures = aggregate_measures(a, &place);
    assert_non_null(measures);
    measures[STORE_REPORTS] += count;
}

static void the_rows_of_every_grain_are_made_of_events_and_measures(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new();
    struct aggregate_place place = {.photo_id = 7, .site = 1, .source = 5, .quarter = 96};
    add(a, place, LOAD, 3);
    add(a, place, SHARE, 2);
    add_reports(a, place, 4);
    place.quarter = 97;
    add(a, place, LOAD, 1);
    assert_int_equal(aggregate_size(a), 4);
    struct store_batch batch = {.topic = "t"};
    assert_int_equal(aggregate_rows(a, LOAD, plain_day, NULL, &batch), 0);
    assert_string_equal(batch.topic, "t");
    assert_int_equal(batch.total_count[STORE_GRAIN_QUARTER], 2);
    assert_int_equal(batch.totals[STORE_GRAIN_QUARTER][0].bucket, 96);
    assert_int_equal(batch.totals[STORE_GRAIN_QUARTER][0].measures[STORE_REPORTS], 9);
    assert_int_equal(batch.totals[STORE_GRAIN_QUARTER][0].measures[STORE_EVENTS], 5);
    assert_int_equal(batch.totals[STORE_GRAIN_QUARTER][0].measures[STORE_LOADS], 3);
    assert_int_equal(batch.total_count[STORE_GRAIN_HOUR], 1);
    assert_int_equal(batch.totals[STORE_GRAIN_HOUR][0].bucket, 24);
    assert_int_equal(batch.totals[STORE_GRAIN_HOUR][0].measures[STORE_REPORTS], 10);
    assert_int_equal(batch.total_count[STORE_GRAIN_DAY], 1);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].bucket, 1);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_REPORTS], 10);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_EVENTS], 6);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_LOADS], 4);
    assert_int_equal(batch.event_count[STORE_GRAIN_QUARTER], 3);
    assert_int_equal(batch.event_count[STORE_GRAIN_DAY], 2);
    assert_int_equal(batch.events[STORE_GRAIN_DAY][0].event, LOAD);
    assert_int_equal(batch.events[STORE_GRAIN_DAY][0].count, 4);
    assert_int_equal(batch.events[STORE_GRAIN_DAY][1].event, SHARE);
    assert_int_equal(batch.events[STORE_GRAIN_DAY][1].count, 2);
    aggregate_free(a);
}

static void no_load_event_means_no_loads(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new();
    add(a, (struct aggregate_place){.photo_id = 7, .site = 1, .source = 5}, LOAD, 2);
    struct store_batch batch = {0};
    assert_int_equal(aggregate_rows(a, 0, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_REPORTS], 2);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_LOADS], 0);
    assert_int_equal(batch.event_count[STORE_GRAIN_DAY], 1);
    aggregate_free(a);
}

static void measures_add_up_in_every_grain(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new();
    struct aggregate_place place = {.photo_id = 7, .site = 1, .source = 5, .quarter = 96};
    for (int32_t quarter = 96; quarter < 200; quarter++) {
        place.quarter = quarter;
        for (int i = 0; i < STORE_MEASURE_COUNT; i++) {
            aggregate_measures(a, &place)[i] += i * INT64_C(10000000000);
        }
    }
    struct store_batch batch = {0};
    assert_int_equal(aggregate_rows(a, LOAD, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.total_count[STORE_GRAIN_QUARTER], 104);
    assert_int_equal(batch.total_count[STORE_GRAIN_HOUR], 26);
    assert_int_equal(batch.total_count[STORE_GRAIN_DAY], 2);
    assert_int_equal(batch.event_count[STORE_GRAIN_DAY], 0);
    for (int i = 0; i < STORE_MEASURE_COUNT; i++) {
        const struct store_total *days = batch.totals[STORE_GRAIN_DAY];
        assert_int_equal(batch.totals[STORE_GRAIN_HOUR][0].measures[i], 4 * i * 10000000000);
        assert_int_equal(days[0].measures[i], 96 * i * 10000000000);
        assert_int_equal(days[1].measures[i], 8 * i * 10000000000);
    }
    aggregate_free(a);
}

static void every_part_of_the_key_tells_rows_apart(void **state)
{
    (void)state;
    const struct aggregate_place places[] = {
        {.photo_id = 1, .site = 1, .source = 1, .quarter = 1, .traffic = 0},
        {.photo_id = UINT64_MAX, .site = 1, .source = 1, .quarter = 1, .traffic = 0},
        {.photo_id = 1, .site = 3, .source = 1, .quarter = 1, .traffic = 0},
        {.photo_id = 1, .site = 1, .source = 2, .quarter = 1, .traffic = 0},
        {.photo_id = 1, .site = 1, .source = 1, .quarter = 200, .traffic = 0},
        {.photo_id = 1, .site = 1, .source = 1, .quarter = -1, .traffic = 0},
        {.photo_id = 1, .site = 1, .source = 1, .quarter = 1, .traffic = 3},
    };
    size_t count = sizeof(places) / sizeof(places[0]);
    struct aggregate *a = aggregate_new();
    for (size_t i = 0; i < count; i++) {
        add(a, places[i], LOAD, (int)i + 1);
        add(a, places[i], SHARE, 1);
        add_reports(a, places[i], 100);
    }
    struct store_batch batch = {0};
    assert_int_equal(aggregate_rows(a, LOAD, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.event_count[STORE_GRAIN_QUARTER], 2 * count);
    assert_int_equal(batch.total_count[STORE_GRAIN_QUARTER], count); /* event is no part of it */
    int64_t loads = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t *measures = batch.totals[STORE_GRAIN_QUARTER][i].measures;
        assert_int_equal(measures[STORE_REPORTS], measures[STORE_LOADS] + 101);
        loads += measures[STORE_LOADS];
    }
    assert_int_equal(loads, count * (count + 1) / 2);
    aggregate_free(a);
}

static bool is_sorted(const struct store_batch *batch, enum store_grain grain)
{
    for (size_t i = 1; i < batch->total_count[grain]; i++) {
        const struct store_total *x = &batch->totals[grain][i - 1], *y = x + 1;
        bool rises = x->bucket != y->bucket       ? x->bucket < y->bucket
                     : x->photo_id != y->photo_id ? x->photo_id < y->photo_id
                     : x->source != y->source     ? x->source < y->source
                     : x->site != y->site         ? x->site < y->site
                                                  : x->traffic < y->traffic;
        if (!rises) {
            return false;
        }
    }
    return true;
}

static void rows_rise_by_key_and_add_up_whatever_the_order_of_events(void **state)
{
    (void)state;
    enum { ADDED = 100000 };
    struct aggregate *a = aggregate_new();
    uint32_t random = 1;
    for (int i = 0; i < ADDED; i++) {
        random = random * 1664525U + 1013904223U;
        struct aggregate_place place = {.photo_id = random >> 20,
                                        .site = 1 + (random >> 8) % 2,
                                        .source = (random >> 12) % 5,
                                        .quarter = (int32_t)((random >> 10) % 200)};
        uint32_t event = (random >> 16) % 3;
        if (event == 0) {
            add_reports(a, place, 1);
        } else {
            add(a, place, event, 1);
        }
    }
    struct store_batch batch = {0};
    for (int round = 0; round < 2; round++) { /* asked twice, answered alike */
        assert_int_equal(aggregate_rows(a, 1, plain_day, NULL, &batch), 0);
        for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
            assert_true(is_sorted(&batch, (enum store_grain)grain));
            int64_t reports = 0, events = 0, counted = 0;
            for (size_t i = 0; i < batch.total_count[grain]; i++) {
                reports += batch.totals[grain][i].measures[STORE_REPORTS];
                events += batch.totals[grain][i].measures[STORE_EVENTS];
            }
            for (size_t i = 0; i < batch.event_count[grain]; i++) {
                counted += batch.events[grain][i].count;
            }
            assert_int_equal(reports, ADDED);
            assert_int_equal(counted, events);
        }
    }
    aggregate_free(a);
}

static void days_are_those_of_the_site(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new();
    add(a, (struct aggregate_place){.site = 2, .quarter = 95}, LOAD, 1);
    add(a, (struct aggregate_place){.site = 1, .quarter = 96}, LOAD, 1);
    struct store_batch batch = {0};
    assert_int_equal(aggregate_rows(a, 0, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.totals[STORE_GRAIN_QUARTER][0].site, 2);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].site, 1);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][1].site, 2);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][1].bucket, 1);
    aggregate_free(a);
}

static void reset_leaves_no_rows(void **state)
{
    (void)state;
    struct aggregate *a = aggregate_new();
    add(a, (struct aggregate_place){.photo_id = 1, .site = 1}, LOAD, 5);
    aggregate_reset(a);
    assert_int_equal(aggregate_size(a), 0);
    struct store_batch batch = {0};
    assert_int_equal(aggregate_rows(a, 0, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.total_count[STORE_GRAIN_DAY], 0);
    add(a, (struct aggregate_place){.photo_id = 1, .site = 1}, LOAD, 1);
    assert_int_equal(aggregate_rows(a, 0, plain_day, NULL, &batch), 0);
    assert_int_equal(batch.totals[STORE_GRAIN_DAY][0].measures[STORE_REPORTS], 1);
    aggregate_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_of_every_grain_are_made_of_events_and_measures),
        cmocka_unit_test(no_load_event_means_no_loads),
        cmocka_unit_test(measures_add_up_in_every_grain),
        cmocka_unit_test(every_part_of_the_key_tells_rows_apart),
        cmocka_unit_test(rows_rise_by_key_and_add_up_whatever_the_order_of_events),
        cmocka_unit_test(days_are_those_of_the_site),
        cmocka_unit_test(reset_leaves_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
