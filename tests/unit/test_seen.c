/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/seen.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t NOW_MS = 1700000000000, DAY_MS = 86400000;

static struct slice number_text(char text[16], int number)
{
    int len = snprintf(text, 16, "r%d", number);
    return slice_make(text, (size_t)len);
}

/* Adds a report; a group that is not held has nothing in the store either. */
static enum seen_result add_id(struct seen *s, const struct store_seen_key *key, struct slice id,
                               int64_t ts_ms)
{
    enum seen_result result = seen_add(s, key, id, ts_ms);
    if (result == SEEN_ABSENT) {
        assert_int_equal(seen_load(s, key, slice_make(NULL, 0)), 0);
        result = seen_add(s, key, id, ts_ms);
    }
    return result;
}

static enum seen_result add(struct seen *s, const struct store_seen_key *key, int number,
                            int64_t ts_ms)
{
    char text[16];
    return add_id(s, key, number_text(text, number), ts_ms);
}

static void a_report_of_the_same_name_is_a_repeat_within_24_hours(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    struct store_seen_key key = seen_key(1, 7, slice_of("viewer"));
    assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_NEW);
    assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_REPEAT);
    assert_int_equal(add(s, &key, 1, NOW_MS + DAY_MS - 1), SEEN_REPEAT);
    assert_int_equal(add(s, &key, 1, NOW_MS - DAY_MS + 1), SEEN_REPEAT);
    assert_int_equal(add(s, &key, 1, NOW_MS + DAY_MS), SEEN_NEW); /* a repeat moves nothing */
    assert_int_equal(add(s, &key, 1, NOW_MS + DAY_MS), SEEN_REPEAT);
    seen_free(s);
    seen_free(NULL);
}

static void every_part_of_the_key_tells_reports_apart(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    const struct store_seen_key keys[] = {
        seen_key(1, 7, slice_of("viewer")), seen_key(2, 7, slice_of("viewer")),
        seen_key(1, 8, slice_of("viewer")), seen_key(1, 7, slice_of("another")),
        seen_key(1, 7, slice_make(NULL, 0))};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_int_equal(add(s, &keys[i], 1, NOW_MS), SEEN_NEW);
        assert_int_equal(add(s, &keys[i], 2, NOW_MS), SEEN_NEW);
    }
    struct store_seen_key none = seen_key(1, 7, slice_of(""));
    assert_int_equal(add(s, &none, 1, NOW_MS), SEEN_REPEAT); /* an empty uuid is none */
    seen_free(s);
}

static void the_last_64_of_a_viewer_are_known(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    struct store_seen_key key = seen_key(1, 7, slice_of("viewer"));
    for (int i = 0; i < 65; i++) {
        assert_int_equal(add(s, &key, i, NOW_MS), SEEN_NEW);
    }
    for (int i = 1; i < 65; i++) {
        assert_int_equal(add(s, &key, i, NOW_MS), SEEN_REPEAT);
    }
    assert_int_equal(add(s, &key, 0, NOW_MS), SEEN_NEW); /* it was the 65th from the end */
    assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_NEW);
    seen_free(s);
}

static void what_a_row_says_is_known_again_after_loading(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    struct seen *other = seen_new();
    struct store_seen_key key = seen_key(1, 7, slice_of("viewer"));
    const struct store_seen *rows = NULL;
    size_t count = 0;
    for (int i = 0; i < 70; i++) {
        assert_int_equal(add(s, &key, i, NOW_MS + i * DAY_MS / 70), SEEN_NEW);
    }
    assert_int_equal(seen_changed(s, 0, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].day, (NOW_MS + 69 * DAY_MS / 70) / DAY_MS);
    assert_int_equal(seen_load(other, &rows[0].key, rows[0].data), 0);
    for (int i = 69; i >= 6; i--) {
        assert_int_equal(add(other, &key, i, NOW_MS + i * DAY_MS / 70), SEEN_REPEAT);
    }
    assert_int_equal(seen_changed_count(other), 0);
    assert_int_equal(add(other, &key, 5, NOW_MS), SEEN_NEW);
    seen_free(s);
    seen_free(other);
}

static void what_comes_late_is_kept_as_long_as_what_is_new(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    struct store_seen_key key = seen_key(1, 7, slice_of("viewer"));
    const struct store_seen *rows = NULL;
    size_t count = 0;
    int32_t day = (int32_t)(NOW_MS / DAY_MS);
    assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_NEW);
    assert_int_equal(seen_changed(s, day + 30, &rows, &count), 0);
    assert_int_equal(rows[0].day, day + 30);
    assert_int_equal(seen_changed(s, day - 1, &rows, &count), 0);
    assert_int_equal(rows[0].day, day); /* its clock may run ahead of ours */
    seen_free(s);
}

static void rows_are_those_that_changed_sorted_by_key(void **state)
{
    (void)state;
    enum { VIEWERS = 3000 };
    struct seen *s = seen_new();
    const struct store_seen *rows = NULL;
    size_t count = 0;
    for (int i = 0; i < VIEWERS; i++) {
        char text[16];
        struct store_seen_key key =
            seen_key((uint32_t)(i % 3), (uint64_t)(i % 11), number_text(text, i));
        assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_NEW);
    }
    assert_int_equal(seen_changed_count(s), VIEWERS);
    assert_int_equal(seen_changed(s, 0, &rows, &count), 0);
    assert_int_equal(count, VIEWERS);
    for (size_t i = 1; i < count; i++) {
        const struct store_seen_key *a = &rows[i - 1].key, *b = &rows[i].key;
        assert_true(a->site != b->site           ? a->site < b->site
                    : a->photo_id != b->photo_id ? a->photo_id < b->photo_id
                                                 : a->viewer < b->viewer);
    }
    seen_commit(s);
    assert_int_equal(seen_changed_count(s), 0);
    struct store_seen_key key = seen_key(0, 0, slice_of("r0"));
    assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_REPEAT);
    assert_int_equal(add(s, &key, 2, NOW_MS), SEEN_NEW);
    assert_int_equal(seen_changed(s, 0, &rows, &count), 0);
    assert_int_equal(count, 1);
    seen_reset(s);
    assert_int_equal(seen_add(s, &key, slice_of("r1"), NOW_MS), SEEN_ABSENT);
    seen_free(s);
}

static void too_many_viewers_are_given_back_after_a_commit(void **state)
{
    (void)state;
    struct seen *s = seen_new();
    struct store_seen_key first = seen_key(1, 0, slice_of("viewer"));
    for (uint64_t i = 0; i < 40000; i++) {
        struct store_seen_key key = seen_key(1, i, slice_of("viewer"));
        assert_int_equal(add(s, &key, 1, NOW_MS), SEEN_NEW);
    }
    assert_int_equal(add(s, &first, 1, NOW_MS), SEEN_REPEAT); /* held until they are written */
    seen_commit(s);
    assert_int_equal(seen_add(s, &first, slice_of("r1"), NOW_MS), SEEN_ABSENT);
    seen_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_the_same_name_is_a_repeat_within_24_hours),
        cmocka_unit_test(every_part_of_the_key_tells_reports_apart),
        cmocka_unit_test(the_last_64_of_a_viewer_are_known),
        cmocka_unit_test(what_a_row_says_is_known_again_after_loading),
        cmocka_unit_test(what_comes_late_is_kept_as_long_as_what_is_new),
        cmocka_unit_test(rows_are_those_that_changed_sorted_by_key),
        cmocka_unit_test(too_many_viewers_are_given_back_after_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
