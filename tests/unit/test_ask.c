/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/clock.h"
#include "consumer/ask.h"
#include "consumer/store.h"
#include "consumer/timezone.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SITE = 1, SOURCE = 2, LOAD = 3, VIDEOS = 1000 };

static const struct store_string strings[] = {
    {SITE, {"default", 7}}, {SOURCE, {"embed", 5}}, {LOAD, {"load", 4}}};

struct fixture {
    char folder[32];
    char url[64];
    struct store *store;
    struct sites *sites;
    struct ask ask;
    struct ask_answer answer;
    struct query_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err = {""};
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/ask.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->url, sizeof f->url, "sqlite:%s/store.db", f->folder);
    assert_int_equal(store_open(&f->store, f->url, &err), 0);
    const struct store_batch batch = {.topic = "t", .strings = strings, .string_count = 3};
    assert_int_equal(store_write(f->store, &batch), STORE_OK);
    assert_int_equal(sites_load(&f->sites, "", &err), 0);
    assert_int_equal(site_zones_new(&f->ask.zones, NULL, f->sites, &err), 0);
    assert_int_equal(store_reader_open(&f->ask.reader, f->url, &err), 0);
    ask_answer_init(&f->answer);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ask_fini(&f->ask);
    ask_answer_fini(&f->answer);
    sites_free(f->sites);
    store_close(f->store);
    const char *endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char path[80];
        (void)snprintf(path, sizeof path, "%s/store.db%s", f->folder, endings[i]);
        (void)unlink(path); /* not all of them are there */
    }
    int result = rmdir(f->folder);
    free(f);
    return result;
}

/* So many reports of a video in each quarter hour of a range. */
static void fill(struct fixture *f, uint64_t photo_id, int32_t first, int32_t end, int64_t count)
{
    for (int32_t quarter = first; quarter < end; quarter++) {
        const struct store_total rows[STORE_GRAIN_COUNT] = {
            {SITE, SOURCE, photo_id, quarter, 0, {count, count, count}},
            {SITE, SOURCE, photo_id, timezone_hour(quarter), 0, {count, count, count}},
            {SITE, SOURCE, photo_id, quarter / TIMEZONE_QUARTERS_A_DAY, 0, {count, count, count}}};
        struct store_batch batch = {.topic = "t"};
        for (int grain = 0; grain < STORE_GRAIN_COUNT; grain++) {
            batch.totals[grain] = &rows[grain];
            batch.total_count[grain] = 1;
        }
        assert_int_equal(store_write(f->store, &batch), STORE_OK);
    }
}

static int32_t quarter_at(const char *iso)
{
    struct query q;
    struct query_error err;
    const struct query_param params[] = {{slice_of("dimensions"), slice_of("day")},
                                         {slice_of("from"), slice_of(iso)},
                                         {slice_of("to"), slice_of("all")}};
    assert_true(query_parse(params, 3, 0, &q, &err));
    return timezone_quarter(q.from.ms);
}

/* now is that of 2022-11-20, so that quarters of that month are kept. */
static bool prepare(struct fixture *f, const char *text, struct query *q)
{
    struct query_param params[16];
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=");
        params[count++] = (struct query_param){slice_make(at, name_len),
                                               slice_make(at + name_len + 1, len - name_len - 1)};
        at += len + (at[len] == '&');
    }
    int64_t now_ms = (int64_t)quarter_at("2022-11-20") * TIMEZONE_QUARTER_MS;
    f->err = (struct query_error){.message = ""};
    return query_parse(params, count, now_ms, q, &f->err) && ask_prepare(&f->ask, q, &f->err);
}

/* The answer as text. */
static const char *ask(struct fixture *f, const char *text)
{
    struct query q;
    bool good = prepare(f, text, &q);
    assert_string_equal(f->err.message, "");
    assert_true(good);
    ask_answer_reset(&f->answer);
    assert_int_equal(ask_report(&f->ask, &q, &f->answer), STORE_READ_OK);
    buffer_append_char(&f->answer.body.bytes, '\0');
    return f->answer.body.bytes.data;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        count++;
    }
    return count;
}

/* An event a minute: 15 a quarter of an hour. */
static void the_day_on_which_chicago_sets_its_clocks_back_has_25_hours(void **state)
{
    struct fixture *f = *state;
    fill(f, 7, quarter_at("2022-11-05T00:00:00Z"), quarter_at("2022-11-08T00:00:00Z"), 15);
    const char *hours = ask(f, "dimensions=hour&metrics=loads&tz=America/Chicago&from=2022-11-06&"
                               "to=2022-11-07&format=ndjson");
    assert_int_equal(count_of(hours, "\"loads\":60}"), 25);
    assert_int_equal(count_of(hours, "\n"), 25);
    assert_int_equal(count_of(hours, "2022-11-06T01:00:00-05:00"), 1);
    assert_int_equal(count_of(hours, "2022-11-06T01:00:00-06:00"), 1);
    assert_string_equal(ask(f, "dimensions=day&metrics=loads&tz=America/Chicago&from=2022-11-06&"
                               "to=2022-11-07&format=ndjson"),
                        "{\"day\":\"2022-11-06\",\"loads\":1500}\n");
    assert_string_equal(ask(f, "metrics=loads&tz=America/Chicago&from=2022-11-06&to=2022-11-07&"
                               "format=ndjson"),
                        "{\"loads\":1500}\n");
}

static void hours_of_kolkata_begin_half_past_those_of_utc(void **state)
{
    struct fixture *f = *state;
    int32_t midnight = quarter_at("2022-11-10T18:30:00Z");
    fill(f, 7, midnight - 1, midnight + 1, 1);
    assert_string_equal(
        ask(f, "dimensions=hour&metrics=loads&tz=Asia/Kolkata&to=all&format=ndjson"),
        "{\"hour\":\"2022-11-10T23:00:00+05:30\",\"loads\":1}\n"
        "{\"hour\":\"2022-11-11T00:00:00+05:30\",\"loads\":1}\n");
    assert_string_equal(ask(f, "dimensions=day&metrics=loads&tz=Asia/Kolkata&to=all&format=csv"),
                        "day,loads,unfinished\r\n2022-11-10,1,0\r\n2022-11-11,1,0\r\n");
    assert_string_equal(ask(f, "dimensions=quarter&metrics=loads&tz=Asia/Kolkata&to=all&"
                               "format=ndjson"),
                        "{\"quarter\":\"2022-11-10T23:45:00+05:30\",\"loads\":1}\n"
                        "{\"quarter\":\"2022-11-11T00:00:00+05:30\",\"loads\":1}\n");
}

static void every_bucket_of_the_range_is_there(void **state)
{
    struct fixture *f = *state;
    int32_t at = quarter_at("2022-11-10T12:00:00Z");
    fill(f, 7, at, at + 1, 2);
    assert_string_equal(ask(f, "dimensions=day,source&metrics=loads&from=2022-11-09&to=2022-11-12&"
                               "format=csv"),
                        "day,source,loads,unfinished\r\n2022-11-09,embed,0,0\r\n"
                        "2022-11-10,embed,2,0\r\n2022-11-11,embed,0,0\r\n");
    assert_string_equal(ask(f, "dimensions=day&metrics=loads&from=2022-11-09T23:00:00Z&"
                               "to=2022-11-11T01:00:00Z&format=csv"),
                        "day,loads,unfinished\r\n2022-11-09,0,0\r\n2022-11-10,2,0\r\n"
                        "2022-11-11,0,0\r\n");
    assert_int_equal(count_of(ask(f, "dimensions=hour&from=-7d&format=ndjson"), "\n"), 168);
    assert_int_equal(count_of(ask(f, "dimensions=quarter&from=-1d&tz=UTC&format=ndjson"), "\n"),
                     96);
    assert_int_equal(count_of(ask(f, "dimensions=photo_id,day&from=-20d&format=ndjson"), "\n"), 1);
    assert_int_equal(
        count_of(ask(f, "dimensions=photo_id,day&from=-20d&where=photo_id==7&format=ndjson"), "\n"),
        20);
}

static void what_is_not_over_or_not_counted_whole_is_flagged(void **state)
{
    struct fixture *f = *state;
    int32_t now = timezone_quarter((int64_t)clock_wall_ms());
    fill(f, 7, now - 4, now + 1, 1);
    const char *text = ask(f, "dimensions=quarter&metrics=loads&to=all&format=ndjson");
    assert_int_equal(count_of(text, "\n"), 5);
    assert_int_equal(count_of(text, "\"unfinished\":true}"), 1);
    f->ask.complete_through_ms = (int64_t)(now - 2) * TIMEZONE_QUARTER_MS + 5;
    text = ask(f, "dimensions=quarter&metrics=loads&to=all&format=ndjson");
    assert_int_equal(count_of(text, "\"unfinished\":true}"), 3);
    text = ask(f, "dimensions=quarter&metrics=loads&to=all&format=csv");
    assert_int_equal(count_of(text, "Z,1,1\r\n"), 3);
    text = ask(f, "dimensions=quarter&metrics=loads&to=all&format=table");
    assert_int_equal(count_of(text, "Z*  "), 3);
    assert_non_null(strstr(text, "* not over, or not yet counted whole\n"));
    text = ask(f, "dimensions=day&metrics=loads&to=all&tz=UTC&format=ndjson");
    assert_true(count_of(text, "\"unfinished\":true}") >= 1);
    assert_int_equal(count_of(ask(f, "metrics=loads&to=all&format=ndjson"), "unfinished"), 0);
}

static void pages_neither_repeat_nor_lose_a_row(void **state)
{
    struct fixture *f = *state;
    static const char *const orders[] = {"-loads", "-photo_id", "loads,-photo_id"};
    int32_t at = quarter_at("2022-11-10");
    for (uint64_t photo_id = 1; photo_id <= VIDEOS; photo_id++) {
        fill(f, photo_id, at, at + 1, 3);
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        bool seen[VIDEOS + 1] = {false};
        char question[512] = "", cursor[256] = "";
        size_t pages = 0;
        do {
            (void)snprintf(question, sizeof question,
                           "dimensions=photo_id,source&metrics=loads&sort=%s&limit=50&format=ndjson"
                           "%s%s",
                           orders[i], cursor[0] == '\0' ? "" : "&cursor=", cursor);
            const char *rows = ask(f, question);
            for (const char *row = rows; (row = strstr(row, "{\"photo_id\":")) != NULL; row++) {
                unsigned long photo_id = strtoul(row + 12, NULL, 10);
                assert_in_range(photo_id, 1, VIDEOS);
                assert_false(seen[photo_id]);
                seen[photo_id] = true;
            }
            (void)snprintf(cursor, sizeof cursor, "%.*s", (int)f->answer.cursor.len,
                           buffer_slice(&f->answer.cursor).data);
            pages++;
        } while (f->answer.cursor.len > 0);
        for (size_t photo_id = 1; photo_id <= VIDEOS; photo_id++) {
            assert_true(seen[photo_id]);
        }
        assert_int_equal(pages, VIDEOS / 50 + 1); /* the last one is empty */
    }
}

static void a_zone_that_is_none_is_named(void **state)
{
    struct fixture *f = *state;
    struct query q;
    assert_false(prepare(f, "tz=Mars/Olympus", &q));
    assert_string_equal(f->err.parameter, "tz");
    assert_non_null(strstr(f->err.message, "'Mars/Olympus'"));
    assert_false(prepare(f, "tz=../../etc/passwd", &q));
    assert_false(prepare(f, "tz=+02:00", &q));
    assert_true(prepare(f, "tz=UTC", &q));
}

int main(void)
{
#define ask_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ask_test(the_day_on_which_chicago_sets_its_clocks_back_has_25_hours),
        ask_test(hours_of_kolkata_begin_half_past_those_of_utc),
        ask_test(every_bucket_of_the_range_is_there),
        ask_test(what_is_not_over_or_not_counted_whole_is_flagged),
        ask_test(pages_neither_repeat_nor_lose_a_row),
        ask_test(a_zone_that_is_none_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
