/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"
#include "consumer/extract.h"

enum { NOW_S = 1717200000 }; /* 2024-06-01 */

static struct extract x; /* large */
static struct reply_wish wish;
static struct extract_fault why;

static bool read(enum extract_method method, const char *query)
{
    static char scratch[4096];
    struct sites *sites = NULL;
    struct error err = {""};
    assert_int_equal(sites_load(&sites, "", &err), 0);
    assert_true(params_scratch_size(strlen(query)) < sizeof scratch);
    why.message[0] = '\0';
    bool good = extract_read(method, slice_of(query), scratch, (int64_t)NOW_S * 1000, sites, &x,
                             &wish, &why);
    sites_free(sites);
    return good;
}

static void each_method_is_found_by_its_whole_path(void **state)
{
    (void)state;
    static const char *const others[] = {"", "/api/analytics/extract/",
                                         "/api/analytics/extract/play",
                                         "/api/analytics/extract/play-totals/", "play-totals"};
    enum extract_method m = EXTRACT_METHOD_COUNT;
    assert_true(extract_method_find(slice_of("/api/analytics/extract/embed-details"), &m));
    assert_int_equal(m, EXTRACT_EMBED_DETAILS);
    assert_true(extract_method_find(slice_of("/api/analytics/extract/photo-totals"), &m));
    assert_int_equal(m, EXTRACT_PHOTO_TOTALS);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(extract_method_find(slice_of(others[i]), &m));
    }
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    static const char *const same[] = {"", "p=&size=&orderby=&order=&date_start=&photo_id=&format=",
                                       "url_limit=0&since=x&site_id=x&unknown=1"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(read(EXTRACT_PLAY_DETAILS, same[i])); /* the last has what is not its own */
        assert_int_equal(x.p, 1);
        assert_int_equal(x.size, EXTRACT_SIZE_DEFAULT);
        assert_int_equal(x.url_limit, -1);
        assert_int_equal(x.order, STORE_ORDER_DOWNLOADS);
        assert_true(x.is_descending);
        assert_int_equal(x.date_start.kind, QUERY_EDGE_OPEN);
        assert_int_equal(x.date_end.kind, QUERY_EDGE_OPEN);
        assert_int_equal(x.photo_count + x.site_count, 0);
    }
}

static void of_a_name_that_is_repeated_the_first_counts(void **state)
{
    (void)state;
    assert_true(read(EXTRACT_EMBED_DETAILS, "p=2&p=x&size=100&size=101&order=asc&order=desc"));
    assert_int_equal(x.p, 2);
    assert_int_equal(x.size, 100);
    assert_false(x.is_descending);
}

static void orders_have_the_platforms_names(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum store_extract_order order;
    } cases[] = {{"orderby=downloads", STORE_ORDER_DOWNLOADS},
                 {"orderby=playthrough_average", STORE_ORDER_AVERAGE},
                 {"orderby=engagement", STORE_ORDER_ENGAGEMENT},
                 {"orderby=embeds", STORE_ORDER_EMBEDS},
                 {"orderby=plays", STORE_ORDER_PLAYS},
                 {"orderby=loads", STORE_ORDER_LOADS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(read(EXTRACT_PLAY_DETAILS, cases[i].query));
        assert_int_equal(x.order, cases[i].order);
    }
}

static void times_are_days_or_moments(void **state)
{
    (void)state;
    assert_true(read(EXTRACT_PLAY_TOTALS, "date_start=2024-05-31&date_end=2024-05-31"));
    assert_int_equal(x.date_start.kind, QUERY_EDGE_DATE);
    assert_int_equal(x.date_start.date, 19874);
    assert_int_equal(x.date_end.date, 19874);
    static const char *const same[] = {"since=2024-05-31+12:00:00", "since=2024-05-31T12:00:00Z",
                                       "since=2024-05-31 14:00:00%2B02:00", "since=1717156800000",
                                       "since=-12h"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(read(EXTRACT_PHOTO_TOTALS, same[i]));
        assert_int_equal(x.since.kind, QUERY_EDGE_TIME);
        assert_int_equal(x.since.ms, INT64_C(1717156800000));
    }
}

static void lists_are_read_whole(void **state)
{
    (void)state;
    assert_true(read(EXTRACT_PLAY_TOTALS, "photo_id=7,9223372036854775807%2C0"));
    assert_int_equal(x.photo_count, 3);
    assert_int_equal(x.photo_ids[1], INT64_MAX);
    assert_int_equal(x.photo_ids[2], 0);
    assert_true(read(EXTRACT_PHOTO_TOTALS, "site_id=1"));
    assert_int_equal(x.site_count, 1);
}

static void what_is_wrong_is_named_with_what_it_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *query, *says;
    } cases[] = {
        {"date_start=2024-02-30", "date_start must be a date like"},
        {"date_end=soon", "date_end must be a date like"},
        {"date_end=2024-05-31%2012:00:00%00", "date_end must be a date like"},
        {"date_start=2024-05-31&date_end=2024-05-30", "date_start must be no later than date_end"},
        {"photo_id=9223372036854775808", "photo_id must be up to 1000"},
        {"photo_id=,", "photo_id must be up to 1000"},
        {"photo_id=7,%208", "photo_id must be up to 1000"},
        {"orderby=Plays", "orderby must be downloads,"},
        {"order=DESC", "order must be desc or asc"},
        {"p=0", "p must be a number from 1"},
        {"p=1000000001", "p must be a number from 1"},
        {"size=0", "size must be a number from 1 to 100"},
        {"size=101", "size must be a number from 1 to 100"},
        {"url_limit=1000001", "url_limit must be a number from 0 to 1000000"},
        {"exclude_deleted_p=2", "exclude_deleted_p must be 0 or 1"},
        {"format=xml", "format must be json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(read(EXTRACT_EMBED_DETAILS, cases[i].query));
        assert_non_null(strstr(why.message, cases[i].says));
    }
    assert_false(read(EXTRACT_PHOTO_TOTALS, "site_id=1,2"));
    assert_non_null(strstr(why.message, "site_id must be up to 64 known"));
}

static void the_form_is_known_also_when_the_rest_is_wrong(void **state)
{
    (void)state;
    assert_false(read(EXTRACT_PLAY_DETAILS, "callback=f&p=x&varname=v&raw"));
    assert_true(slice_is(wish.format, "json"));
    assert_true(slice_is(wish.callback, "f"));
    assert_true(slice_is(wish.varname, "v"));
    assert_true(wish.raw.data != NULL && wish.raw.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_is_found_by_its_whole_path),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(of_a_name_that_is_repeated_the_first_counts),
        cmocka_unit_test(orders_have_the_platforms_names),
        cmocka_unit_test(times_are_days_or_moments),
        cmocka_unit_test(lists_are_read_whole),
        cmocka_unit_test(what_is_wrong_is_named_with_what_it_must_be),
        cmocka_unit_test(the_form_is_known_also_when_the_rest_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
