/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/checkpoint.h"
#include "ingest/publisher_lanes.h"

#include "journal_fixture.h"

/* Gives the next record's sequence and takes it; 0 when the lane gives none, *result says why. */
static uint64_t take(struct lanes *ls, struct lane *l, int partitions, enum lane_result *result)
{
    const struct journal_record *record = NULL;
    int failed = 0;
    *result = lane_next(ls, l, partitions, &record, &failed);
    if (*result != LANE_RECORD) {
        return 0;
    }
    uint64_t sequence = record->sequence;
    (void)lane_take(l);
    return sequence;
}

static void take_all(struct lanes *ls, struct lane *l, int partitions, uint64_t from, uint64_t to)
{
    enum lane_result result;
    for (uint64_t sequence = from; sequence <= to; sequence++) {
        assert_int_equal(take(ls, l, partitions, &result), sequence);
    }
    assert_int_equal(take(ls, l, partitions, &result), 0);
    assert_int_equal(result, LANE_EMPTY);
}

static int count_of(struct fixture *f, uint64_t lane)
{
    struct journal_lane lanes[32];
    size_t count = journal_lanes(f->j, lanes, 32);
    for (size_t i = 0; i < count && i < 32; i++) {
        if (lanes[i].lane == lane) {
            return lanes[i].partition_count;
        }
    }
    return -1;
}

static void a_new_lane_gets_the_topics_count_before_its_first_record(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 3);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    assert_int_equal(ls.count, 1);
    assert_false(ls.has_old);
    struct lane *l = lanes_find(&ls, fixture_lane(f));
    assert_non_null(l);
    assert_null(lanes_find(&ls, fixture_lane(f) + 1));
    const struct journal_record *record = NULL;
    int failed = 0;
    assert_int_equal(count_of(f, l->id), 0);
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_RECORD);
    assert_int_equal(count_of(f, l->id), 12);
    assert_false(lane_take(l));
    take_all(&ls, l, 12, 2, 3);
    lanes_fini(&ls);
}

static void a_current_lane_changes_its_count_only_with_nothing_unsettled(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 3);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    enum lane_result result;
    assert_int_equal(take(&ls, l, 12, &result), 1);
    assert_int_equal(take(&ls, l, 12, &result), 2);
    assert_int_equal(take(&ls, l, 24, &result), 0);
    assert_int_equal(result, LANE_PAUSED);
    /* Sent again after a failure, the two still go where they went. */
    lanes_rewind(&ls);
    assert_int_equal(take(&ls, l, 24, &result), 1);
    assert_int_equal(take(&ls, l, 24, &result), 2);
    assert_int_equal(take(&ls, l, 24, &result), 0);
    assert_int_equal(result, LANE_PAUSED);
    assert_int_equal(l->partition_count, 12);
    l->window.settled = 2;
    assert_true(lanes_settle(&ls));
    assert_int_equal(take(&ls, l, 24, &result), 3);
    assert_int_equal(count_of(f, l->id), 24);
    lanes_fini(&ls);
}

/* Reports may come while another lane is fed. Issue 3. */
static void a_new_count_is_never_on_disk_before_what_was_settled_under_the_old(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 3);
    uint64_t lane = fixture_lane(f);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    enum lane_result result;
    assert_int_equal(take(&ls, l, 12, &result), 1);
    assert_int_equal(take(&ls, l, 12, &result), 2);
    l->window.settled = 2;
    (void)take(&ls, l, 24, &result);
    struct checkpoint_entry *entries = NULL;
    size_t count = 0;
    assert_int_equal(checkpoint_read(f->folder_fd, &entries, &count), 0);
    assert_int_equal(count, 1);
    assert_true(entries[0].partition_count == 12 || entries[0].settled == 2);
    free(entries);
    assert_int_equal(result, LANE_PAUSED);
    assert_int_equal(count_of(f, lane), 12);
    lanes_fini(&ls);
}

static void an_old_lane_keeps_its_count_and_is_sent_again(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 4);
    uint64_t old = fixture_lane(f);
    assert_int_equal(journal_lane_set_partitions(f->j, old, 12), 0);
    journal_settle(f->j, old, 1);
    fixture_close(f);
    fixture_open(f);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    assert_int_equal(ls.count, 2);
    assert_true(ls.has_old);
    struct lane *l = lanes_find(&ls, old);
    assert_non_null(l);
    assert_false(l->is_current);
    const struct journal_record *record = NULL;
    int failed = 0;
    assert_int_equal(lane_next(&ls, l, 24, &record, &failed), LANE_RECORD);
    assert_true(lane_take(l));
    take_all(&ls, l, 24, 3, 4);
    assert_int_equal(count_of(f, old), 12);
    lanes_fini(&ls);
}

static void a_drained_old_lane_is_closed_and_forgotten(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 2);
    uint64_t old = fixture_lane(f);
    fixture_close(f);
    fixture_open(f);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = lanes_find(&ls, old);
    assert_non_null(l);
    take_all(&ls, l, 12, 1, 2);
    assert_false(lanes_settle(&ls));
    l->window.settled = 2;
    assert_true(lanes_settle(&ls));
    assert_false(lanes_settle(&ls));
    assert_int_equal(lanes_refresh(&ls), 0);
    assert_null(lanes_find(&ls, old));
    assert_false(ls.has_old);
    assert_int_equal(ls.count, 1);
    lanes_fini(&ls);
}

static void only_so_many_old_lanes_are_open_at_once(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < LANES_OLD_MAX + 3; i++) {
        fixture_open(f);
        fixture_write(f, 1);
        fixture_close(f);
    }
    fixture_open(f);
    fixture_write(f, 1);
    struct lanes ls;
    lanes_init(&ls, f->j);
    size_t drained = 0;
    for (int round = 0; round < LANES_OLD_MAX + 4 && (round == 0 || ls.has_old); round++) {
        assert_int_equal(lanes_refresh(&ls), 0);
        assert_true(ls.count <= LANES_OLD_MAX + 1);
        for (size_t i = 0; i < ls.count; i++) {
            if (!ls.items[i]->is_current) {
                take_all(&ls, ls.items[i], 12, 1, 1);
                ls.items[i]->window.settled = 1;
                drained++;
            }
        }
        assert_int_equal(lanes_settle(&ls), ls.has_old);
    }
    assert_int_equal(drained, LANES_OLD_MAX + 3);
    assert_int_equal(ls.count, 1);
    lanes_fini(&ls);
}

static void a_rewound_lane_begins_behind_what_is_settled(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 300);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    take_all(&ls, l, 12, 1, 300);
    l->window.settled = 150;
    assert_true(lanes_settle(&ls));
    lanes_rewind(&ls);
    const struct journal_record *record = NULL;
    int failed = 0;
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_RECORD);
    assert_int_equal(record->sequence, 151);
    assert_true(lane_take(l)); /* it was sent before */
    take_all(&ls, l, 12, 152, 300);
    fixture_write(f, 1);
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_RECORD);
    assert_false(lane_take(l));
    lanes_fini(&ls);
}

static void a_refused_batch_asks_for_care_up_to_its_last_record(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 10);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    assert_false(lanes_take_refused(&ls, false, "too large"));
    assert_false(lanes_need_care(&ls));
    l->window.refused_first = 3;
    l->window.refused_last = 7;
    assert_true(lanes_take_refused(&ls, false, "too large"));
    assert_false(lanes_take_refused(&ls, false, "too large"));
    assert_true(lanes_need_care(&ls));
    assert_false(lanes_have_dead(&ls));
    take_all(&ls, l, 12, 1, 10);
    l->window.settled = 6;
    assert_true(lanes_need_care(&ls));
    l->window.settled = 7;
    assert_false(lanes_need_care(&ls));
    lanes_fini(&ls);
}

static void a_record_refused_alone_is_dead_until_it_is_buried(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 10);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    l->window.refused_first = 5;
    l->window.refused_last = 8;
    assert_true(lanes_take_refused(&ls, true, "too large"));
    l->window.refused_first = 3; /* one before it: the other is found again later */
    l->window.refused_last = 3;
    assert_true(lanes_take_refused(&ls, true, "too old"));
    enum lane_result result;
    assert_int_equal(take(&ls, l, 12, &result), 1);
    assert_int_equal(take(&ls, l, 12, &result), 2);
    assert_int_equal(take(&ls, l, 12, &result), 0);
    assert_int_equal(result, LANE_DEAD);
    assert_string_equal(l->dead_reason, "too old");
    assert_true(lanes_have_dead(&ls));
    l->window.settled = 2;
    lane_bury(l);
    assert_int_equal(l->window.settled, 3);
    assert_false(lanes_have_dead(&ls));
    take_all(&ls, l, 12, 4, 10);
    lanes_fini(&ls);
}

static void a_record_that_cannot_be_sent_at_all_is_killed(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 2);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = ls.items[0];
    const struct journal_record *record = NULL;
    int failed = 0;
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_RECORD);
    lane_kill(l, "too large");
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_DEAD);
    assert_int_equal(record->sequence, 1);
    assert_false(lanes_need_care(&ls));
    lane_bury(l);
    take_all(&ls, l, 12, 2, 2);
    lanes_fini(&ls);
}

/* An earlier start that sent nothing of a lane has made none of it a repeat. */
static void an_old_lane_that_was_never_sent_is_no_repeat(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    fixture_write(f, 1);
    fixture_close(f);
    fixture_open(f);
    struct lanes ls;
    lanes_init(&ls, f->j);
    assert_int_equal(lanes_refresh(&ls), 0);
    struct lane *l = lanes_find(&ls, fixture_old_lane(f));
    const struct journal_record *record = NULL;
    int failed = 0;
    assert_int_equal(lane_next(&ls, l, 12, &record, &failed), LANE_RECORD);
    assert_false(lane_take(l));
    lanes_fini(&ls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_lane_gets_the_topics_count_before_its_first_record),
        TEST(a_current_lane_changes_its_count_only_with_nothing_unsettled),
        TEST(a_new_count_is_never_on_disk_before_what_was_settled_under_the_old),
        TEST(an_old_lane_keeps_its_count_and_is_sent_again),
        TEST(a_drained_old_lane_is_closed_and_forgotten),
        TEST(only_so_many_old_lanes_are_open_at_once),
        TEST(a_rewound_lane_begins_behind_what_is_settled),
        TEST(a_refused_batch_asks_for_care_up_to_its_last_record),
        TEST(a_record_refused_alone_is_dead_until_it_is_buried),
        TEST(a_record_that_cannot_be_sent_at_all_is_killed),
        TEST(an_old_lane_that_was_never_sent_is_no_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
