/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/query_cursor.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t now_ms = 1700000123456; /* 2023-11-14T22:15:23.456Z */

/* Makes params out of "name=value&name=value"; nothing is decoded. */
static bool parse(const char *text, struct query *q, struct query_error *err)
{
    struct query_param params[16];
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=");
        params[count++] = (struct query_param){slice_make(at, name_len),
                                               slice_make(at + name_len + 1, len - name_len - 1)};
        at += len + (at[len] == '&');
    }
    return query_parse(params, count, now_ms, q, err);
}

static void parse_good(const char *text, struct query *q)
{
    struct query_error err = {.code = ""};
    bool good = parse(text, q, &err);
    assert_string_equal(err.message, "");
    assert_true(good);
}

static void nothing_asked_is_everything_counted(void **state)
{
    (void)state;
    struct query q;
    parse_good("", &q);
    assert_int_equal(q.dimension_count, 0);
    assert_int_equal(q.column_count, 3);
    assert_int_equal(q.columns[0], QUERY_REPORTS);
    assert_int_equal(q.columns[2], QUERY_LOADS);
    assert_int_equal(q.from.kind, QUERY_EDGE_OPEN);
    assert_int_equal(q.to.ms, now_ms);
    assert_int_equal(q.limit, QUERY_LIMIT_DEFAULT);
    assert_int_equal(q.grain, STORE_GRAIN_DAY);
    assert_int_equal(q.span, QUERY_SITE);
    assert_false(q.is_filled || q.has_after);
    assert_int_equal(q.format, QUERY_JSON);
    assert_false(q.bots || q.internal || q.by_event);
}

static void all_that_can_be_asked_is_understood(void **state)
{
    (void)state;
    struct query q;
    parse_good("dimensions=photo_id,source,day&metrics=loads,events&where=source==embed,share;"
               "photo_id!=9223372036854775807&from=2023-01-02&to=now&sort=-events,source&limit=20&"
               "bots=include&internal=include&format=csv",
               &q);
    assert_int_equal(q.dimension_count, 3);
    assert_int_equal(q.column_count, 5);
    assert_int_equal(q.columns[3], QUERY_LOADS);
    assert_int_equal(q.grain, STORE_GRAIN_DAY);
    assert_int_equal(q.filter_count, 2);
    assert_int_equal(q.filters[0].field, QUERY_SOURCE);
    assert_false(q.filters[0].negated);
    assert_int_equal(q.filters[0].value_count, 2);
    assert_true(slice_is(query_value_text(&q, &q.values[0]), "embed"));
    assert_true(slice_is(query_value_text(&q, &q.values[1]), "share"));
    assert_true(q.filters[1].negated);
    assert_true(q.values[q.filters[1].value_start].number == INT64_MAX);
    assert_int_equal(q.order_count, 4);
    assert_int_equal(q.orders[0].field, QUERY_EVENTS);
    assert_true(q.orders[0].descending);
    assert_int_equal(q.orders[1].field, QUERY_SOURCE);
    assert_int_equal(q.orders[2].field, QUERY_PHOTO_ID);
    assert_int_equal(q.orders[3].field, QUERY_DAY);
    assert_int_equal(q.limit, 20);
    assert_true(q.bots && q.internal);
    assert_int_equal(q.format, QUERY_CSV);
}

static void a_query_by_event_counts_events(void **state)
{
    (void)state;
    struct query q;
    parse_good("where=event!=load", &q);
    assert_true(q.by_event);
    assert_int_equal(q.column_count, 1);
    assert_int_equal(q.columns[0], QUERY_EVENTS);
    parse_good("dimensions=event&metrics=loads", &q);
    assert_true(q.by_event);
}

static void a_backslash_takes_separators_into_a_value(void **state)
{
    (void)state;
    struct query q;
    parse_good("where=source==a\\,b\\;c\\\\,d==e", &q);
    assert_int_equal(q.filters[0].value_count, 2);
    assert_true(slice_is(query_value_text(&q, &q.values[0]), "a,b;c\\"));
    assert_true(slice_is(query_value_text(&q, &q.values[1]), "d==e"));
}

static void a_value_may_be_a_beginning(void **state)
{
    (void)state;
    struct query q;
    parse_good("where=photo_id=^0012,000;source=^em", &q);
    assert_true(q.filters[0].is_prefix && q.filters[1].is_prefix);
    assert_false(q.filters[0].negated || q.filters[1].negated);
    assert_true(slice_is(query_value_text(&q, &q.values[0]), "12"));
    assert_true(slice_is(query_value_text(&q, &q.values[1]), "0"));
    assert_true(slice_is(query_value_text(&q, &q.values[2]), "em"));
    parse_good("dimensions=photo_id,day&where=photo_id=^7", &q);
    assert_false(q.is_filled);
}

static void times_are_read_as_people_write_them(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
        int kind;
    } cases[] = {
        {"2022-11-06", 1667692800000, QUERY_EDGE_DATE},
        {"2020-02-29", 1582934400000, QUERY_EDGE_DATE},
        {"1970-01-01", 0, QUERY_EDGE_DATE},
        {"2000-03-01", 951868800000, QUERY_EDGE_DATE},
        {"2022-11-06T12:34", 1667738040000, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56Z", 1667738096000, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56.78Z", 1667738096780, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56.789999Z", 1667738096789, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56+01:00", 1667734496000, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56 0100", 1667734496000, QUERY_EDGE_TIME},
        {"2022-11-06T12:34:56-05:30", 1667757896000, QUERY_EDGE_TIME},
        {"0", 0, QUERY_EDGE_TIME},
        {"1667738096789", 1667738096789, QUERY_EDGE_TIME},
        {"-7d", 1700000123456 - 604800000, QUERY_EDGE_TIME},
        {"-24h", 1700000123456 - 86400000, QUERY_EDGE_TIME},
        {"-15m", 1700000123456 - 900000, QUERY_EDGE_TIME},
        {"all", 0, QUERY_EDGE_OPEN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "from=%s", cases[i].text);
        struct query q;
        parse_good(text, &q);
        assert_int_equal(q.from.kind, cases[i].kind);
        assert_int_equal(q.from.ms, cases[i].ms);
        assert_int_equal(q.from.date,
                         cases[i].kind == QUERY_EDGE_DATE ? cases[i].ms / 86400000 : 0);
    }
}

static void the_range_is_rounded_outwards_to_quarters(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int32_t first, end;
    } cases[] = {
        {"from=900000&to=1800000", 1, 2},
        {"from=899999&to=1800001", 0, 3},
        {"from=all&to=all", INT32_MIN, INT32_MAX},
        {"from=1970-01-02&to=1970-01-03", 96, 192},
        {"from=now&to=9999-12-31", 1888889, 281558016},
        {"from=-20000d", 1888889 - 1920000, 1888890},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        int32_t first, end;
        parse_good(cases[i].text, &q);
        query_buckets(&q, STORE_GRAIN_QUARTER, &first, &end);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(end, cases[i].end);
    }
}

static void what_cannot_be_asked_is_named(void **state)
{
    (void)state;
    const struct {
        const char *text, *code, *parameter;
    } cases[] = {
        {"dimension=site", "unknown_parameter", "dimension"},
        {"Limit=5", "unknown_parameter", "Limit"},
        {"limit=5&limit=5", "repeated_parameter", "limit"},
        {"dimensions=photo", "invalid_parameter", "dimensions"},
        {"dimensions=site,", NULL, NULL},
        {"dimensions=site,,day", "invalid_parameter", "dimensions"},
        {"dimensions=reports", "invalid_parameter", "dimensions"},
        {"dimensions=site,site", "invalid_parameter", "dimensions"},
        {"dimensions=day,quarter", "invalid_combination", "dimensions"},
        {"metrics=play", "invalid_parameter", "metrics"},
        {"metrics=loads,loads", "invalid_parameter", "metrics"},
        {"dimensions=event&metrics=reports", "invalid_combination", "metrics"},
        {"where=event==load&metrics=events,reports", "invalid_combination", "metrics"},
        {"where=day==1", "invalid_parameter", "where"},
        {"where=source", "invalid_parameter", "where"},
        {"where=source=embed", "invalid_parameter", "where"},
        {"where=source>embed", "invalid_parameter", "where"},
        {"where=source==", "invalid_parameter", "where"},
        {"where=source==a,", "invalid_parameter", "where"},
        {"where=source=^", "invalid_parameter", "where"},
        {"where=source!^a", "invalid_parameter", "where"},
        {"where=photo_id=^12x", "invalid_parameter", "where"},
        {"where=source==a;;site==b", "invalid_parameter", "where"},
        {"where=photo_id==x", "invalid_parameter", "where"},
        {"where=photo_id==-1", "invalid_parameter", "where"},
        {"where=photo_id==9223372036854775808", "invalid_parameter", "where"},
        {"from=yesterday", "invalid_parameter", "from"},
        {"from=2022-02-30", "invalid_parameter", "from"},
        {"from=2023-02-29", "invalid_parameter", "from"},
        {"from=2022-13-01", "invalid_parameter", "from"},
        {"from=1969-12-31", "invalid_parameter", "from"},
        {"from=2022-11-06T", "invalid_parameter", "from"},
        {"from=2022-11-06T24:00", "invalid_parameter", "from"},
        {"from=2022-11-06T23:59:60Z", "invalid_parameter", "from"},
        {"from=2022-11-06T12:00.5", "invalid_parameter", "from"},
        {"from=2022-11-06T12:00:00.Z", "invalid_parameter", "from"},
        {"from=2022-11-06T12:00:00ZZ", "invalid_parameter", "from"},
        {"from=2022-11-06T12:00:00+1", "invalid_parameter", "from"},
        {"from=253402300800000", "invalid_parameter", "from"},
        {"from=-7", "invalid_parameter", "from"},
        {"from=-7w", "invalid_parameter", "from"},
        {"from=-d", "invalid_parameter", "from"},
        {"from=--7d", "invalid_parameter", "from"},
        {"from=-99999999999999999999d", "invalid_parameter", "from"},
        {"to=7d", "invalid_parameter", "to"},
        {"from=2022-11-06&to=2022-11-06", "invalid_range", "from"},
        {"from=now&to=-1h", "invalid_range", "from"},
        {"sort=photo_id", "invalid_parameter", "sort"},
        {"sort=-", "invalid_parameter", "sort"},
        {"sort=events,-events", "invalid_parameter", "sort"},
        {"limit=0", "invalid_parameter", "limit"},
        {"limit=1000001", "invalid_parameter", "limit"},
        {"limit=-1", "invalid_parameter", "limit"},
        {"limit=ten", "invalid_parameter", "limit"},
        {"bots=yes", "invalid_parameter", "bots"},
        {"internal=1", "invalid_parameter", "internal"},
        {"format=xml", "invalid_parameter", "format"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        struct query_error err = {.code = ""};
        if (cases[i].code == NULL) {
            assert_true(parse(cases[i].text, &q, &err));
            continue;
        }
        if (parse(cases[i].text, &q, &err)) {
            fail_msg("%s was taken", cases[i].text);
        }
        assert_string_equal(err.code, cases[i].code);
        assert_string_equal(err.parameter, cases[i].parameter);
        assert_true(strlen(err.message) > 10);
    }
}

/* now is 2023-11-14T22:15:23Z: quarters reach back to 10 October, hours to October 2022. */
static void the_grain_is_the_finest_that_the_range_needs_and_has(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum store_grain grain;
    } cases[] = {
        {"from=-7d", STORE_GRAIN_QUARTER},
        {"from=-35d", STORE_GRAIN_QUARTER},
        {"from=2023-11-01T00:00:00Z&to=2023-11-02", STORE_GRAIN_QUARTER},
        {"from=-36d", STORE_GRAIN_HOUR},
        {"from=-400d", STORE_GRAIN_HOUR},
        {"from=-401d", STORE_GRAIN_DAY},
        {"from=2023-11-01&to=2023-11-02", STORE_GRAIN_DAY},
        {"from=2023-11-01", STORE_GRAIN_DAY},
        {"to=-1h", STORE_GRAIN_DAY},
        {"dimensions=day&from=-7d", STORE_GRAIN_DAY},
        {"dimensions=hour&from=-7d", STORE_GRAIN_HOUR},
        {"dimensions=hour&from=-400d", STORE_GRAIN_HOUR},
        {"dimensions=quarter&from=2023-11-01", STORE_GRAIN_QUARTER},
        {"dimensions=hour&from=-35d&tz=UTC", STORE_GRAIN_QUARTER},
        {"dimensions=day&tz=UTC", STORE_GRAIN_QUARTER},
        {"from=2023-11-01&tz=UTC", STORE_GRAIN_QUARTER},
        {"to=2023-11-01&tz=UTC", STORE_GRAIN_QUARTER},
        /* tz plays no part, so what is kept for longer than quarters serves */
        {"tz=UTC", STORE_GRAIN_DAY},
        {"from=-36d&tz=UTC", STORE_GRAIN_HOUR},
        {"from=-7d&tz=UTC", STORE_GRAIN_QUARTER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        parse_good(cases[i].text, &q);
        if (q.grain != cases[i].grain) {
            fail_msg("%s: grain %d", cases[i].text, q.grain);
        }
    }
}

static void a_range_that_is_not_kept_is_named_with_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"dimensions=quarter&from=-36d", "quarter hours are kept for 35 days: from may not be "
                                         "before 2023-10-10T22:15:23.456Z"},
        {"dimensions=hour&from=-401d", "hours are kept for 400 days: from may not be before "
                                       "2022-10-10T22:15:23.456Z"},
        {"dimensions=day&from=-36d&tz=UTC", "with tz all is added up from quarter hours"},
        {"from=2023-01-01&tz=UTC", "with tz all is added up from quarter hours"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        struct query_error err = {.code = ""};
        assert_false(parse(cases[i].text, &q, &err));
        assert_string_equal(err.code, "range_not_kept");
        assert_string_equal(err.parameter, "from");
        if (strstr(err.message, cases[i].message) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void rows_are_filled_up_unless_videos_without_end_are_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool filled;
    } cases[] = {
        {"dimensions=day", true},
        {"dimensions=source,hour,event", true},
        {"dimensions=photo_id", false},
        {"dimensions=photo_id,day", false},
        {"dimensions=photo_id,day&where=photo_id!=7", false},
        {"dimensions=photo_id,day&where=photo_id==7,8", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        parse_good(cases[i].text, &q);
        assert_int_equal(q.is_filled, cases[i].filled);
    }
}

static const char question[] = "dimensions=source,day&metrics=loads,events&sort=-loads&from=-7d";

static void a_cursor_goes_on_where_and_when_the_page_ended(void **state)
{
    (void)state;
    struct query first, next;
    const struct query_cell cells[] = {
        {.text = slice_of("a~b\xc3\xa9")}, {.number = -3}, {.number = 9}, {.number = INT64_MAX}};
    struct buffer text;
    char params[512];
    buffer_init(&text);
    parse_good(question, &first);
    query_cursor_write(&text, &first, cells);
    (void)snprintf(params, sizeof params, "%s&limit=3&format=csv&cursor=%.*s", question,
                   (int)text.len, text.data);
    struct query_error err = {.message = ""};
    assert_true(parse(params, &next, &err));
    assert_true(next.has_after && !first.has_after);
    assert_int_equal(next.order_count, 3);
    assert_int_equal(next.after[0].number, 9); /* loads, source, day */
    assert_true(
        slice_equal(slice_make(next.text + next.after[1].start, next.after[1].len), cells[0].text));
    assert_int_equal(next.after[2].number, -3);
    assert_int_equal(next.from.ms, first.from.ms);
    assert_int_equal(next.to.ms, first.to.ms);
    assert_int_equal(next.limit, 3);
    buffer_fini(&text);
}

static void a_cursor_of_another_question_or_none_is_refused(void **state)
{
    (void)state;
    struct query q;
    struct query_error err;
    char good[256], params[512];
    parse_good(question, &q);
    (void)snprintf(good, sizeof good, "1~%016llx~t1~o~5~6162~7", (unsigned long long)q.question);
    (void)snprintf(params, sizeof params, "%s&cursor=%s", question, good);
    assert_true(parse(params, &q, &err));
    (void)snprintf(params, sizeof params, "%s&bots=include&cursor=%s", question, good);
    assert_false(parse(params, &q, &err));
    assert_non_null(strstr(err.message, "another question"));
    static const char *const endings[] = {"",
                                          "~t1",
                                          "~t1~o~5~6162",
                                          "~t1~o~5~616~7",
                                          "~o~x~5~61~7",
                                          "~t1~o~5~6G~7",
                                          "~t1~o~five~61~7",
                                          "~t1~o~5~61~7~8",
                                          "~d~o~5~61~7",
                                          "~t-1~o~5~61~7",
                                          "~t1~o~5~61~9223372036854775808"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(params, sizeof params, "%s&cursor=%.18s%s", question, good, endings[i]);
        if (parse(params, &q, &err)) {
            fail_msg("%s was taken", params);
        }
        assert_string_equal(err.parameter, "cursor");
    }
    (void)snprintf(params, sizeof params, "%s&cursor=next", question);
    assert_false(parse(params, &q, &err));
    assert_non_null(strstr(err.message, "this is no cursor"));
}

static void metrics_are_refused_where_they_say_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message; /* NULL = it is taken */
    } cases[] = {
        {"dimensions=day,source&metrics=viewers,plays", NULL},
        {"metrics=viewers&from=-7d", NULL},
        {"metrics=viewers&from=2023-11-01", NULL},
        {"dimensions=hour&metrics=viewers", "viewers are kept by day"},
        {"dimensions=quarter&metrics=viewers", "viewers are kept by day"},
        {"dimensions=event&metrics=viewers", "viewers has no event"},
        {"metrics=viewers&tz=UTC", "viewers are kept by day"},
        {"metrics=click_rate", "click_rate is of an event"},
        {"dimensions=event,photo_id&metrics=events,click_rate", NULL},
        {"where=event==callToActionClick&metrics=click_rate", NULL},
        {"dimensions=event&metrics=plays", "plays has no event"},
        {"dimensions=event&metrics=play_rate", "play_rate has no event"},
        {"dimensions=site,photo_id,source,day&metrics=reports,events,loads,plays,plays_derived,"
         "play_engagement,playthrough_average,finishes,downloads,downloaded_bytes,"
         "uncounted_reports,viewers,play_rate&sort=-playthrough_average",
         NULL},
        {"metrics=plays,play", "take any of reports, events, loads, plays, plays_derived"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query q;
        struct query_error err = {.message = ""};
        bool good = parse(cases[i].text, &q, &err);
        if (good != (cases[i].message == NULL) ||
            (!good && strstr(err.message, cases[i].message) == NULL)) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void terms_and_values_are_bounded(void **state)
{
    (void)state;
    char text[8192] = "where=";
    struct query q;
    struct query_error err;
    for (int i = 0; i < QUERY_FILTERS_MAX; i++) {
        strcat(text, i == 0 ? "site==a" : ";site==a");
    }
    parse_good(text, &q);
    strcat(text, ";site==a");
    assert_false(parse(text, &q, &err));
    snprintf(text, sizeof(text), "where=photo_id==0");
    for (int i = 1; i < QUERY_VALUES_MAX; i++) {
        strcat(text, ",1");
    }
    parse_good(text, &q);
    strcat(text, ",1");
    assert_false(parse(text, &q, &err));
    snprintf(text, sizeof(text), "where=site==%0*d", QUERY_TEXT_MAX, 0);
    parse_good(text, &q);
    snprintf(text, sizeof(text), "where=site==%0*d", QUERY_TEXT_MAX + 1, 0);
    assert_false(parse(text, &q, &err));
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char text[128] = "";
    for (int i = 0; i < 30; i++) {
        strcat(text, "\xC3\xA9"); /* e with an acute accent */
    }
    strcat(text, "x=1");
    struct query q;
    struct query_error err;
    assert_false(parse(text, &q, &err));
    assert_string_equal(err.code, "unknown_parameter");
    assert_int_equal(strlen(err.parameter), 40);
    assert_false(parse("where=source==\xC3\xA9;x", &q, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_everything_counted),
        cmocka_unit_test(all_that_can_be_asked_is_understood),
        cmocka_unit_test(a_query_by_event_counts_events),
        cmocka_unit_test(a_backslash_takes_separators_into_a_value),
        cmocka_unit_test(a_value_may_be_a_beginning),
        cmocka_unit_test(times_are_read_as_people_write_them),
        cmocka_unit_test(the_range_is_rounded_outwards_to_quarters),
        cmocka_unit_test(what_cannot_be_asked_is_named),
        cmocka_unit_test(the_grain_is_the_finest_that_the_range_needs_and_has),
        cmocka_unit_test(a_range_that_is_not_kept_is_named_with_its_limit),
        cmocka_unit_test(rows_are_filled_up_unless_videos_without_end_are_asked_for),
        cmocka_unit_test(a_cursor_goes_on_where_and_when_the_page_ended),
        cmocka_unit_test(a_cursor_of_another_question_or_none_is_refused),
        cmocka_unit_test(metrics_are_refused_where_they_say_nothing),
        cmocka_unit_test(terms_and_values_are_bounded),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
