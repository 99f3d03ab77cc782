/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/params.h"
#include "ingest/report.h"

#include <stdio.h>
#include <stdlib.h>

static char scratch[32 * 1024];
static const struct report_context context = {
    .site = {"main", 4}, .ts_ms = 1700000000000, .viewer = {"vv", 2}, .ip = {"192.0.2.0", 9}};

static enum report_result make(const char *query, enum report_path asked, struct player_event *e,
                               struct report_fault *why)
{
    struct fields f;
    fields_from_query(&f, slice_of(query), scratch, sizeof(scratch));
    return report_make(&f, asked, &context, e, why);
}

static void assert_refused(const char *query, enum report_path asked, const char *message)
{
    struct player_event e = {.lane = 77};
    struct report_fault why = {0};
    assert_int_equal(make(query, asked, &e, &why), REPORT_REFUSED);
    assert_string_equal(why.code, "invalid_input");
    assert_string_equal(why.message, message);
    assert_int_equal(e.lane, 77);
}

static struct player_event assert_made(const char *query, enum report_path asked)
{
    struct player_event e;
    struct report_fault why = {0};
    if (make(query, asked, &e, &why) != REPORT_OK) {
        fail_msg("%s: %s", query, why.message);
    }
    return e;
}

static void an_event_takes_all_that_was_sent(void **state)
{
    (void)state;
    struct player_event e = assert_made(
        "photo_id=007&event=preRollClose&source=embed&uuid=U-0&type=clip&referer=http://a/"
        "&user_player_type=html5&user_player_version=WIN+11&user_player_resolution=1920x1080"
        "&report_id=r1&time_start=abc",
        REPORT_PATH_EVENT);
    assert_int_equal(e.kind, EVENT_KIND_EVENT);
    assert_int_equal(e.photo_id, 7);
    assert_int_equal(e.ts_ms, 1700000000000);
    assert_int_equal(e.present, 0);
    assert_true(slice_is(e.site, "main"));
    assert_true(slice_is(e.event, "preRollClose"));
    assert_true(slice_is(e.source, "embed"));
    assert_true(slice_is(e.uuid, "U-0"));
    assert_true(slice_is(e.type, "clip"));
    assert_true(slice_is(e.referer, "http://a/"));
    assert_true(slice_is(e.user_player_type, "html5"));
    assert_true(slice_is(e.user_player_version, "WIN 11"));
    assert_true(slice_is(e.user_player_resolution, "1920x1080"));
    assert_true(slice_is(e.report_id, "r1"));
    assert_true(slice_is(e.ip, "192.0.2.0"));
    assert_null(e.ua.data);
    assert_null(e.viewer.data);
}

static void what_is_empty_is_absent(void **state)
{
    (void)state;
    struct player_event e = assert_made("photo_id=1&event=load&source=&uuid=&type=&referer="
                                        "&user_player_type=&report_id=",
                                        REPORT_PATH_EVENT);
    assert_null(e.source.data);
    assert_null(e.uuid.data);
    assert_null(e.type.data);
    assert_null(e.referer.data);
    assert_null(e.user_player_type.data);
    assert_null(e.report_id.data);
    assert_true(slice_is(e.viewer, "vv"));
}

static void photo_id_is_digits_up_to_two_to_the_63(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t wanted;
    } good[] = {{"0", 0},
                {"000", 0},
                {"9007199254740993", 9007199254740993},
                {"9223372036854775807", INT64_MAX},
                {"00000000000000000000000000000012", 12}};
    static const char *const bad[] = {"-1",           "-0",
                                      "+5",           "%205",
                                      "5%20",         "0x1F",
                                      "1_000",        "NaN",
                                      "1.0",          "1e3",
                                      "%D9%A1",       "9223372036854775808",
                                      "1;event=play", "99999999999999999999999"};
    char query[128];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(query, sizeof(query), "photo_id=%s&event=load", good[i].text);
        assert_true(assert_made(query, REPORT_PATH_EVENT).photo_id == good[i].wanted);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(query, sizeof(query), "photo_id=%s&event=load", bad[i]);
        assert_refused(query, REPORT_PATH_EVENT,
                       "The parameter photo_id must be a whole number in decimal digits.");
    }
    assert_refused("event=load", REPORT_PATH_EVENT, "The parameter photo_id is missing.");
    assert_refused("photo_id=&event=load", REPORT_PATH_EVENT, "The parameter photo_id is missing.");
}

static void event_names_are_checked(void **state)
{
    (void)state;
    static const char malformed[] =
        "The parameter event must be 1 to 64 letters, digits, '_', '-', '.' or ':'.";
    char query[128];
    (void)snprintf(query, sizeof(query), "photo_id=1&event=a_-.:9%058d", 0);
    assert_int_equal(assert_made(query, REPORT_PATH_EVENT).event.len, 64);
    (void)snprintf(query, sizeof(query), "photo_id=1&event=%065d", 0);
    assert_refused(query, REPORT_PATH_EVENT, malformed);
    assert_refused("photo_id=1&event=%20%20%20", REPORT_PATH_EVENT, malformed);
    assert_refused("photo_id=1&event=caf%C3%A9", REPORT_PATH_EVENT, malformed);
    assert_refused("photo_id=1&event=", REPORT_PATH_EVENT, "The parameter event is missing.");
    assert_refused("photo_id=1", REPORT_PATH_EVENT, "The parameter event is missing.");
}

static void a_play_takes_its_times(void **state)
{
    (void)state;
    struct player_event e = assert_made(
        "photo_id=1&time_start=0.5&timeEnd=-2&time_total=1e2&event=x", REPORT_PATH_PLAY);
    assert_int_equal(e.kind, EVENT_KIND_PLAY);
    assert_null(e.event.data);
    assert_int_equal(e.present, EVENT_HAS_TIME_START | EVENT_HAS_TIME_END | EVENT_HAS_TIME_TOTAL);
    assert_true(e.time_start >= 0.5 && e.time_start <= 0.5);
    assert_true(e.time_end >= -2 && e.time_end <= -2);
    assert_true(e.time_total >= 100 && e.time_total <= 100);
}

static void what_is_no_number_to_scripts_is_absent(void **state)
{
    (void)state;
    static const char *const absent[] = {"", "NaN", "Infinity", "-Infinity", "undefined"};
    char query[128];
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        (void)snprintf(query, sizeof(query),
                       "photo_id=1&time_start=1&time_end=%s&play_timestamp=%s", absent[i],
                       absent[i]);
        assert_int_equal(assert_made(query, REPORT_PATH_PLAY).present, EVENT_HAS_TIME_START);
        (void)snprintf(query, sizeof(query), "photo_id=1&time_start=%s", absent[i]);
        assert_refused(query, REPORT_PATH_PLAY, "The parameter time_start is missing.");
    }
}

static void malformed_times_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"abc", "1,5", "0x10", "1s", "%201", "nan", "inf", "1e999"};
    char query[128];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(query, sizeof(query), "photo_id=1&time_start=%s", bad[i]);
        assert_refused(query, REPORT_PATH_PLAY,
                       "The parameter time_start must be a number of seconds.");
    }
    assert_refused("photo_id=1&time_start=1&timeEnd=x", REPORT_PATH_PLAY,
                   "The parameter time_end must be a number of seconds.");
    assert_refused("photo_id=1&time_start=1&time_total=x", REPORT_PATH_PLAY,
                   "The parameter time_total must be a number of seconds.");
    assert_refused("photo_id=1&play_timestamp=1.5", REPORT_PATH_PLAY,
                   "The parameter play_timestamp must be whole seconds since 1970.");
}

static void a_live_play_needs_no_times(void **state)
{
    (void)state;
    struct player_event e =
        assert_made("photo_id=1&play_timestamp=1700000000&event=x", REPORT_PATH_PLAY);
    assert_int_equal(e.kind, EVENT_KIND_PLAY);
    assert_int_equal(e.present, EVENT_HAS_PLAY_TIMESTAMP);
    assert_int_equal(e.play_timestamp, 1700000000);
}

static void the_play_path_takes_an_event_without_times(void **state)
{
    (void)state;
    struct player_event e =
        assert_made("photo_id=1&event=load&time_start=&time_end=NaN", REPORT_PATH_PLAY);
    assert_int_equal(e.kind, EVENT_KIND_EVENT);
    assert_true(slice_is(e.event, "load"));
    assert_refused("photo_id=1&event=load&time_end=3", REPORT_PATH_PLAY,
                   "The parameter time_start is missing.");
    assert_refused("photo_id=1", REPORT_PATH_PLAY, "The parameter time_start is missing.");
}

/* A query whose parameter `name` is `count` times `part`. */
static char *long_query(const char *name, const char *part, size_t count)
{
    size_t size = 64 + count * strlen(part);
    char *query = calloc(1, size);
    assert_non_null(query);
    int len = snprintf(query, size, "photo_id=1&event=load&%s=", name);
    for (size_t i = 0; i < count; i++) {
        memcpy(query + len + i * strlen(part), part, strlen(part));
    }
    return query;
}

static void a_download_takes_bytes_session_and_skip(void **state)
{
    (void)state;
    struct player_event e = assert_made(
        "photo_id=7&bytes_total=9223372036854775807&seesion_id=s1&skip=1&source=embed&event=load",
        REPORT_PATH_DOWNLOAD);
    assert_int_equal(e.kind, EVENT_KIND_DOWNLOAD);
    assert_int_equal(e.present, EVENT_HAS_BYTES_TOTAL | EVENT_HAS_SKIP);
    assert_int_equal(e.bytes_total, INT64_MAX);
    assert_true(slice_is(e.session_id, "s1"));
    assert_true(slice_is(e.source, "embed"));
    assert_true(e.skip);
    assert_null(e.event.data);
    e = assert_made("photo_id=7&skip=FALSE", REPORT_PATH_DOWNLOAD);
    assert_int_equal(e.present, EVENT_HAS_SKIP);
    assert_false(e.skip);
    e = assert_made("photo_id=7&bytes_total=&skip=", REPORT_PATH_DOWNLOAD);
    assert_int_equal(e.present, 0);
    assert_refused("photo_id=7&bytes_total=-1", REPORT_PATH_DOWNLOAD,
                   "The parameter bytes_total must be a whole number of bytes.");
    assert_refused("photo_id=7&bytes_total=9223372036854775808", REPORT_PATH_DOWNLOAD,
                   "The parameter bytes_total must be a whole number of bytes.");
    assert_refused("photo_id=7&skip=2", REPORT_PATH_DOWNLOAD, "The parameter skip must be 0 or 1.");
    assert_refused("bytes_total=1", REPORT_PATH_DOWNLOAD, "The parameter photo_id is missing.");
}

static void long_texts_are_cut_on_a_character(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset, ascii_len, wide_len;
    } cases[] = {
        {"source", offsetof(struct player_event, source), 255, 254},
        {"type", offsetof(struct player_event, type), 64, 64},
        {"referer", offsetof(struct player_event, referer), 2048, 2048},
        {"user_player_type", offsetof(struct player_event, user_player_type), 255, 254},
        {"user_player_version", offsetof(struct player_event, user_player_version), 255, 254},
        {"user_player_resolution", offsetof(struct player_event, user_player_resolution), 255, 254},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice cut;
        char *query = long_query(cases[i].name, "a", 3000);
        struct player_event e = assert_made(query, REPORT_PATH_EVENT);
        memcpy(&cut, (const char *)&e + cases[i].offset, sizeof(cut));
        assert_int_equal(cut.len, cases[i].ascii_len);
        free(query);
        query = long_query(cases[i].name, "%C3%A9", 1500);
        e = assert_made(query, REPORT_PATH_EVENT);
        memcpy(&cut, (const char *)&e + cases[i].offset, sizeof(cut));
        assert_int_equal(cut.len, cases[i].wide_len);
        free(query);
    }
}

static void long_ids_are_refused(void **state)
{
    (void)state;
    char *query = long_query("uuid", "a", 64);
    assert_int_equal(assert_made(query, REPORT_PATH_EVENT).uuid.len, 64);
    free(query);
    query = long_query("uuid", "a", 65);
    assert_refused(query, REPORT_PATH_EVENT, "The parameter uuid is longer than 64 bytes.");
    free(query);
    query = long_query("report_id", "a", 65);
    assert_refused(query, REPORT_PATH_EVENT, "The parameter report_id is longer than 64 bytes.");
    free(query);
}

static void a_nul_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("photo_id=1&event=load&source=a%00b", REPORT_PATH_EVENT,
                   "The parameter source holds a NUL.");
}

static void a_viewer_is_wanted_when_no_uuid_came(void **state)
{
    (void)state;
    struct fields f;
    fields_init(&f);
    assert_true(report_wants_viewer(&f));
    f.values[FIELD_UUID] = slice_of("");
    assert_true(report_wants_viewer(&f));
    f.values[FIELD_UUID] = slice_of("u");
    assert_false(report_wants_viewer(&f));
}

static void the_largest_event_fits_its_limit(void **state)
{
    (void)state;
    static char query[8192], out[EVENT_SIZE_MAX];
    static const enum field texts[] = {FIELD_SOURCE,
                                       FIELD_TYPE,
                                       FIELD_REFERER,
                                       FIELD_USER_PLAYER_TYPE,
                                       FIELD_USER_PLAYER_VERSION,
                                       FIELD_USER_PLAYER_RESOLUTION};
    int len = snprintf(query, sizeof(query),
                       "photo_id=9223372036854775807&time_start=1&time_end=2"
                       "&time_total=3&play_timestamp=4&report_id=%064d",
                       0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int wide = texts[i] == FIELD_REFERER ? 2100 : 300;
        len += snprintf(query + len, sizeof(query) - (size_t)len, "&%s=%0*d", field_name(texts[i]),
                        wide, 0);
    }
    struct player_event e = assert_made(query, REPORT_PATH_PLAY);
    assert_true(event_encode(&e, out, sizeof(out)) > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_takes_all_that_was_sent),
        cmocka_unit_test(what_is_empty_is_absent),
        cmocka_unit_test(photo_id_is_digits_up_to_two_to_the_63),
        cmocka_unit_test(event_names_are_checked),
        cmocka_unit_test(a_play_takes_its_times),
        cmocka_unit_test(what_is_no_number_to_scripts_is_absent),
        cmocka_unit_test(malformed_times_are_refused_by_name),
        cmocka_unit_test(a_live_play_needs_no_times),
        cmocka_unit_test(the_play_path_takes_an_event_without_times),
        cmocka_unit_test(a_download_takes_bytes_session_and_skip),
        cmocka_unit_test(long_texts_are_cut_on_a_character),
        cmocka_unit_test(long_ids_are_refused),
        cmocka_unit_test(a_nul_is_refused_by_name),
        cmocka_unit_test(a_viewer_is_wanted_when_no_uuid_came),
        cmocka_unit_test(the_largest_event_fits_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
