/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "counting_fixture.h"

#include "consumer/store_extract.h"

/* The rules of places are held against the reference (tests/reference); here is what it takes. */

static int set_up(void **state)
{
    struct counting *c = malloc(sizeof *c);
    counting_begin(c);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    counting_end(*state);
    free(*state);
    return 0;
}

static struct player_event load_of(const char *source, const char *referer)
{
    return (struct player_event){.kind = EVENT_KIND_EVENT,
                                 .photo_id = 7,
                                 .event = slice_of("load"),
                                 .source = slice_of(source),
                                 .referer = slice_of(referer)};
}

static void names_without_a_place_leave_no_string(void **state)
{
    struct counting *c = *state;
    char source[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(source, sizeof source, "s%d", i);
        assert_int_equal(counting_take(c, load_of(source, NULL)), COUNTER_COUNTED);
        if (i % 700 == 0) {
            counting_flush(c);
        }
    }
    counting_flush(c);
    /* 991 sources, (other), the site and load */
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM strings"), 994);
    assert_int_equal(counting_ask(c, "SELECT sum(uses) FROM names WHERE kind = 0"), 991);
    assert_int_equal(counting_ask(c, "SELECT sum(loads) FROM totals_day"), 3000);
}

static void what_was_not_written_has_no_place(void **state)
{
    struct counting *c = *state;
    assert_int_equal(counting_take(c, load_of("first", NULL)), COUNTER_COUNTED);
    counting_load(c); /* what was held fell */
    c->sequence = 0;
    assert_int_equal(counting_take(c, load_of("second", NULL)), COUNTER_COUNTED);
    counting_flush(c);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM names JOIN strings ON id = name"
                                     " WHERE kind = 0 AND text = 'second'"),
                     1);
    assert_int_equal(counting_ask(c, "SELECT count(*) FROM names WHERE kind = 0"), 1);
}

struct pages {
    int rows;
    int64_t loads;
    char url[64];
};

static bool take_page(const struct store_extract_row *row, void *arg)
{
    struct pages *p = arg;
    if (row->place != 0) {
        p->rows++;
        p->loads += row->loads;
        snprintf(p->url, sizeof p->url, "%.*s", (int)row->url.len, row->url.data);
    }
    return true;
}

static void pages_are_read_as_they_were_written(void **state)
{
    struct counting *c = *state;
    struct store_reader *r = NULL;
    struct error err = {""};
    struct pages pages = {0};
    const struct slice site = slice_of("default");
    const struct store_extract e = {.by = STORE_BY_URL,
                                    .sites = &site,
                                    .site_count = 1,
                                    .range = {STORE_GRAIN_DAY, INT32_MIN, INT32_MAX},
                                    .changed = {STORE_GRAIN_DAY, INT32_MIN, INT32_MAX},
                                    .limit = -1,
                                    .url_limit = -1};
    assert_int_equal(counting_take(c, load_of("embed", "https://User@A.example/x#y")), 0);
    assert_int_equal(counting_take(c, load_of("embed", "https://a.example/x")), 0);
    assert_int_equal(counting_take(c, load_of("site", "https://b.example/")), 0);
    counting_flush(c);
    assert_int_equal(store_reader_open(&r, c->folder.url, &err), 0);
    assert_int_equal(store_reader_extract(r, &e, 5000, take_page, &pages), STORE_READ_OK);
    store_reader_close(r);
    assert_int_equal(pages.rows, 1);
    assert_int_equal(pages.loads, 2);
    assert_string_equal(pages.url, "https://a.example/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_without_a_place_leave_no_string, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_written_has_no_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_are_read_as_they_were_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
