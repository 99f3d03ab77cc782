/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"
#include "ingest/fields.h"

static char scratch[4096];

static void read_query(struct fields *f, const char *query)
{
    fields_from_query(f, slice_of(query), scratch, sizeof(scratch));
}

static void assert_value(const struct fields *f, enum field field, const char *wanted)
{
    if (wanted == NULL) {
        assert_null(f->values[field].data);
        return;
    }
    assert_non_null(f->values[field].data);
    assert_true(slice_is(f->values[field], wanted));
}

static void every_field_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < FIELD_TIME_START_CAMEL; i++) {
        enum field found = FIELD_COUNT;
        assert_true(field_named(slice_of(field_name((enum field)i)), &found));
        assert_int_equal(found, i);
    }
}

static void other_spellings_are_known_and_named_as_the_usual_ones(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"timeStart", "time_start"},
                                           {"timeEnd", "time_end"},
                                           {"timeTotal", "time_total"},
                                           {"seesion_id", "session_id"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        enum field found = FIELD_COUNT;
        assert_true(field_named(slice_of(pairs[i][0]), &found));
        assert_string_equal(field_name(found), pairs[i][1]);
    }
}

static void other_names_are_not_known(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "x",
                                        "time",
                                        "_",
                                        "Event",
                                        "photo_id[]",
                                        "photo_ie",
                                        "raw2",
                                        "reporttype",
                                        "oauth_token",
                                        "user_player_resolutionx",
                                        "a name that is longer than all"};
    enum field found;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(field_named(slice_of(names[i]), &found));
    }
}

static void values_are_decoded_and_unknown_names_ignored(void **state)
{
    (void)state;
    struct fields f;
    read_query(&f, "photo_id=7&_=123&event=a%20b&token&source=a+b%2Bc&raw&uuid=&&=x&type=20%-off");
    assert_int_equal(f.fault, FIELDS_GOOD);
    assert_value(&f, FIELD_PHOTO_ID, "7");
    assert_value(&f, FIELD_EVENT, "a b");
    assert_value(&f, FIELD_SOURCE, "a b+c");
    assert_value(&f, FIELD_RAW, "");
    assert_value(&f, FIELD_UUID, "");
    assert_value(&f, FIELD_TYPE, "20%-off");
    assert_value(&f, FIELD_FORMAT, NULL);
}

static void an_absent_query_has_no_fields(void **state)
{
    (void)state;
    struct fields f;
    read_query(&f, NULL);
    for (int i = 0; i < FIELD_COUNT; i++) {
        assert_null(f.values[i].data);
    }
    assert_int_equal(f.fault, FIELDS_GOOD);
}

static void the_first_value_of_a_name_wins(void **state)
{
    (void)state;
    struct fields f;
    read_query(&f, "source=a&source=b&uuid=&uuid=u");
    assert_value(&f, FIELD_SOURCE, "a");
    assert_value(&f, FIELD_UUID, "");
}

static void spellings_of_one_parameter_are_merged(void **state)
{
    (void)state;
    static const struct {
        const char *query, *wanted;
    } cases[] = {
        {"time_start=1&timeStart=2", "2"},
        {"timeStart=2&time_start=1", "2"},
        {"time_start=1&timeStart=", "1"},
        {"time_start=&timeStart=2", "2"},
        {"timeStart=2", "2"},
        {"time_start=1", "1"},
        {"time_start=&timeStart=", ""},
        {"timestart=1", NULL},
    };
    struct fields f;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_query(&f, cases[i].query);
        assert_value(&f, FIELD_TIME_START, cases[i].wanted);
    }
    read_query(&f, "timeEnd=3&timeTotal=4&seesion_id=s");
    assert_value(&f, FIELD_TIME_END, "3");
    assert_value(&f, FIELD_TIME_TOTAL, "4");
    assert_value(&f, FIELD_SESSION_ID, "s");
    read_query(&f, "seesion_id=s&session_id=t");
    assert_value(&f, FIELD_SESSION_ID, "t");
}

static void a_nul_in_a_known_field_is_a_fault(void **state)
{
    (void)state;
    struct fields f;
    read_query(&f, "photo_id=1&source=a%00b&uuid=%00");
    assert_int_equal(f.fault, FIELDS_HOLD_NUL);
    assert_int_equal(f.fault_field, FIELD_SOURCE);
    read_query(&f, "photo_id=1&page=a%00b");
    assert_int_equal(f.fault, FIELDS_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_found_by_its_name),
        cmocka_unit_test(other_spellings_are_known_and_named_as_the_usual_ones),
        cmocka_unit_test(other_names_are_not_known),
        cmocka_unit_test(values_are_decoded_and_unknown_names_ignored),
        cmocka_unit_test(an_absent_query_has_no_fields),
        cmocka_unit_test(the_first_value_of_a_name_wins),
        cmocka_unit_test(spellings_of_one_parameter_are_merged),
        cmocka_unit_test(a_nul_in_a_known_field_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
