/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/cloudevents.h"

#include <string.h>

static size_t made_of(const struct player_event *e, struct cloudevents *out)
{
    char bytes[EVENT_SIZE_MAX];
    return cloudevents_of(slice_make(bytes, event_encode(e, bytes, sizeof bytes)), out);
}

static struct player_event event_of(enum event_kind kind)
{
    return (struct player_event){.lane = 0xc0ffee,
                                 .sequence = 26,
                                 .ts_ms = 1700000000007,
                                 .kind = kind,
                                 .site = slice_of("main"),
                                 .photo_id = 7,
                                 .event = kind == EVENT_KIND_EVENT ? slice_of("load")
                                                                   : (struct slice){0}};
}

static void expect(const struct cloudevents_header *h, const char *name, const char *value)
{
    assert_string_equal(h->name, name);
    assert_string_equal(h->value, value);
}

static void each_kind_has_its_type(void **state)
{
    (void)state;
    static const char *const types[] = {"video.player.reports.event", "video.player.reports.play",
                                        "video.player.reports.download"};
    for (int kind = EVENT_KIND_EVENT; kind <= EVENT_KIND_DOWNLOAD; kind++) {
        struct player_event e = event_of((enum event_kind)kind);
        struct cloudevents ce;
        assert_int_equal(made_of(&e, &ce), 5);
        expect(&ce.headers[0], "ce_specversion", "1.0");
        expect(&ce.headers[1], "ce_id", "0000000000c0ffee-000000000000001a");
        expect(&ce.headers[2], "ce_source", "urn:playreport:site:main");
        expect(&ce.headers[3], "ce_type", types[kind]);
        expect(&ce.headers[4], "ce_time", "2023-11-14T22:13:20.007Z");
    }
}

static void time_is_left_out_where_rfc_3339_ends(void **state)
{
    (void)state;
    struct player_event e = event_of(EVENT_KIND_PLAY);
    struct cloudevents ce;
    e.ts_ms = 253402300799999;
    assert_int_equal(made_of(&e, &ce), 5);
    expect(&ce.headers[4], "ce_time", "9999-12-31T23:59:59.999Z");
    e.ts_ms++;
    assert_int_equal(made_of(&e, &ce), 4);
    e.ts_ms = INT64_MAX;
    assert_int_equal(made_of(&e, &ce), 4);
}

static void site_may_be_as_long_as_keys_are(void **state)
{
    (void)state;
    struct player_event e = event_of(EVENT_KIND_PLAY);
    struct cloudevents ce;
    char site[200];
    memset(site, 'a', sizeof site);
    e.site = slice_make(site, 64);
    assert_int_equal(made_of(&e, &ce), 5);
    assert_int_equal(strlen(ce.source), strlen("urn:playreport:site:") + 64);
    e.site = slice_make(site, sizeof site);
    assert_int_equal(made_of(&e, &ce), 0);
}

static void what_is_no_event_has_none(void **state)
{
    (void)state;
    struct cloudevents ce;
    assert_int_equal(cloudevents_of((struct slice){0}, &ce), 0);
    assert_int_equal(cloudevents_of(slice_of("\xc1"), &ce), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_type),
        cmocka_unit_test(time_is_left_out_where_rfc_3339_ends),
        cmocka_unit_test(site_may_be_as_long_as_keys_are),
        cmocka_unit_test(what_is_no_event_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
