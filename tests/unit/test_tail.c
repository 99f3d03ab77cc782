/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/tail.h"

#include <errno.h>

#define NOW_MS INT64_C(1700000000000)

static void the_start_is_read_in_every_form(void **state)
{
    static const struct {
        const char *text;
        bool follow;
        struct tail_from from;
    } cases[] = {
        {"", false, {TAIL_OLDEST, 0}},
        {"", true, {TAIL_NEWEST, 0}},
        {"all", true, {TAIL_OLDEST, 0}},
        {"now", false, {TAIL_NEWEST, 0}},
        {"-15m", false, {TAIL_TIME, NOW_MS - 15 * 60 * 1000}},
        {"2023-11-14", false, {TAIL_TIME, INT64_C(1699920000000)}},
        {"2023-11-14T22:13:20Z", true, {TAIL_TIME, NOW_MS}},
        {"1700000000000", false, {TAIL_TIME, NOW_MS}},
        {"offset:0", false, {TAIL_OFFSET, 0}},
        {"offset:9223372036854775807", false, {TAIL_OFFSET, INT64_MAX}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tail_from from;
        assert_true(tail_from_read(slice_of(cases[i].text), cases[i].follow, NOW_MS, &from));
        assert_int_equal(from.kind, cases[i].from.kind);
        assert_int_equal(from.number, cases[i].from.number);
    }
}

static void what_is_no_start_is_refused(void **state)
{
    static const char *const cases[] = {"yesterday", "offset:",    "offset:-1",
                                        "offset:x",  "2023-02-30", "offset:9223372036854775808"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tail_from from;
        assert_false(tail_from_read(slice_of(cases[i]), false, NOW_MS, &from));
    }
}

static bool passes(struct tail_filter_lists lists, const struct player_event *e)
{
    struct error err = {""};
    struct tail_filter f;
    assert_int_equal(tail_filter_read(&f, &lists, &err), 0);
    return tail_filter_passes(&f, e);
}

static void an_event_passes_when_every_list_has_it(void **state)
{
    static const struct tail_filter_lists none = {"", "", "", "", ""};
    const struct player_event e = {.kind = EVENT_KIND_EVENT,
                                   .photo_id = 7,
                                   .site = slice_of("a"),
                                   .source = slice_of("embed"),
                                   .event = slice_of("load")};
    (void)state;
    assert_true(passes(none, &e));
    struct tail_filter_lists all = {"b,a", "6,7", "share,embed", "play,event", "load"};
    assert_true(passes(all, &e));
    struct tail_filter_lists wrong[] = {all, all, all, all, all};
    wrong[0].site = "b";
    wrong[1].photo_id = "70";
    wrong[2].source = "share,load";
    wrong[3].kind = "play,download";
    wrong[4].event = "embed";
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(passes(wrong[i], &e));
    }
}

static void what_is_absent_goes_by_a_name(void **state)
{
    const struct player_event play = {.kind = EVENT_KIND_PLAY, .site = slice_of("a")};
    (void)state;
    assert_true(passes((struct tail_filter_lists){"", "", "embed,(none)", "", ""}, &play));
    assert_false(passes((struct tail_filter_lists){"", "", "embed", "", ""}, &play));
    assert_false(passes((struct tail_filter_lists){"", "", "", "", "load"}, &play));
}

static void a_wrong_list_is_told_by_name(void **state)
{
    struct tail_filter f;
    struct error err = {""};
    (void)state;
    assert_int_equal(tail_filter_read(&f, &(struct tail_filter_lists){"", "7,x", "", "", ""}, &err),
                     -EINVAL);
    assert_string_equal(err.text, "photo_id: 'x' is no whole number of 0 to 9223372036854775807");
    assert_int_equal(
        tail_filter_read(&f, &(struct tail_filter_lists){"", "", "", "plays", ""}, &err), -EINVAL);
    assert_string_equal(err.text, "kind: 'plays' is none of event, play and download");
    char many[2 * (TAIL_FILTER_VALUES_MAX + 1) + 1] = "";
    for (size_t i = 0; i + 1 < sizeof many; i++) {
        many[i] = i % 2 == 0 ? 'a' : ',';
    }
    assert_int_equal(tail_filter_read(&f, &(struct tail_filter_lists){"", "", many, "", ""}, &err),
                     -EINVAL);
    assert_string_equal(err.text, "source: more than 256 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_start_is_read_in_every_form),
        cmocka_unit_test(what_is_no_start_is_refused),
        cmocka_unit_test(an_event_passes_when_every_list_has_it),
        cmocka_unit_test(what_is_absent_goes_by_a_name),
        cmocka_unit_test(a_wrong_list_is_told_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
