/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/audience.h"

static const struct audience_place place = {.day = -3, .photo_id = 7, .site = 1, .source = 2};
static const struct ranges_points none = {{0, 0}};

static void points_are_written_as_differences(void **state)
{
    (void)state;
    struct audience *a = audience_new();
    struct store_batch batch = {0};
    /* 0; 3 to 5; 63 to 64; 100 */
    const struct ranges_points points = {
        {1 | UINT64_C(7) << 3 | UINT64_C(1) << 63, 1 | UINT64_C(1) << (100 - 64)}};
    const struct {
        int point, change;
    } wanted[] = {{0, 1}, {1, -1}, {3, 1}, {6, -1}, {63, 1}, {65, -1}, {100, 1}, {101, -1}};
    assert_int_equal(audience_points(a, &place, points, none), 0);
    for (int round = 0; round < 2; round++) { /* asked twice, answered alike */
        assert_int_equal(audience_rows(a, &batch), 0);
        assert_int_equal(batch.playthrough_count, 8);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(batch.playthrough[i].day, -3);
            assert_int_equal(batch.playthrough[i].photo_id, 7);
            assert_int_equal(batch.playthrough[i].site, 1);
            assert_int_equal(batch.playthrough[i].source, 2);
            assert_int_equal(batch.playthrough[i].point, wanted[i].point);
            assert_int_equal(batch.playthrough[i].change, wanted[i].change);
        }
    }
    assert_int_equal(batch.viewers_count, 0);
    audience_free(a);
}

static void what_is_lost_takes_back_what_was_gained(void **state)
{
    (void)state;
    struct audience *a = audience_new();
    struct store_batch batch = {0};
    const struct ranges_points many = {{0xffff, 0}}, fewer = {{0xff, 0}};
    assert_int_equal(audience_points(a, &place, many, none), 0);
    assert_int_equal(audience_points(a, &place, none, many), 0);
    assert_int_equal(audience_points(a, &place, fewer, none), 0);
    assert_int_equal(audience_rows(a, &batch), 0);
    assert_int_equal(batch.playthrough_count, 2); /* no row whose change is 0 */
    assert_int_equal(batch.playthrough[0].point, 0);
    assert_int_equal(batch.playthrough[1].point, 8);
    assert_int_equal(batch.playthrough[1].change, -1);
    audience_reset(a);
    assert_int_equal(audience_rows(a, &batch), 0);
    assert_int_equal(batch.playthrough_count, 0);
    audience_free(a);
}

static void a_viewer_is_one_of_the_video_and_of_the_site_too(void **state)
{
    (void)state;
    struct audience *a = audience_new();
    struct store_batch batch = {0};
    struct audience_place other = place;
    other.source = 9;
    assert_int_equal(audience_viewer(a, &place, 111), 0);
    assert_int_equal(audience_viewer(a, &other, 222), 0);
    assert_int_equal(audience_rows(a, &batch), 0);
    assert_int_equal(batch.viewers_count, 4);
    assert_int_equal(batch.viewers[0].photo_id, 7); /* of all sources: rows rise by key */
    assert_int_equal(batch.viewers[0].source, 0);
    assert_int_equal(batch.viewers[0].count, 2);
    assert_int_equal(batch.viewers[0].hashes[0] + batch.viewers[0].hashes[1], 333);
    assert_int_equal(batch.viewers[1].source, 2);
    assert_int_equal(batch.viewers[1].count, 1);
    assert_int_equal(batch.viewers[1].hashes[0], 111);
    assert_int_equal(batch.viewers[2].source, 9);
    assert_true(batch.viewers[3].photo_id == STORE_ALL_PHOTOS);
    assert_int_equal(batch.viewers[3].source, 0);
    assert_int_equal(batch.viewers[3].count, 2);
    audience_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_written_as_differences),
        cmocka_unit_test(what_is_lost_takes_back_what_was_gained),
        cmocka_unit_test(a_viewer_is_one_of_the_video_and_of_the_site_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
