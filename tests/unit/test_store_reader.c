/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/aggregate.h"
#include "consumer/sketch.h"
#include "consumer/store.h"
#include "consumer/store_reader.h"
#include "consumer/timezone.h"
#include "tests/unit/store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    EVENT_COUNT = 6000,
    ROWS_MAX = 4096,
    FIRST_QUARTER = 1855192, /* 2022-11-28T22:00Z */
    QUARTER_COUNT = 400
};

/* What is interned; the index is the id. Sites are 1 and 2, sources 3 to 6, events 7 to 9. */
static const char *const strings[] = {NULL,       "chicago", "kolkata", STORE_NO_SOURCE, "embed",
                                      "share, x", "site",    "load",    "fullscreen",    "share"};
enum { STRING_COUNT = sizeof(strings) / sizeof(strings[0]) };

/* event 0 = it is none. */
struct report {
    uint64_t photo_id;
    uint32_t site, source, event;
    int32_t quarter;
    uint8_t traffic;
};

/* A store full of random reports, and the reports. */
struct fixture {
    struct store_folder folder;
    struct store *store;
    struct store_reader *reader;
    struct zone *zones[3];
    struct report events[EVENT_COUNT];
};

static int32_t site_day(uint32_t site, int32_t quarter, void *arg)
{
    struct fixture *f = arg;
    return timezone_day(f->zones[site], quarter);
}

static struct report random_event(uint32_t *random)
{
    *random = *random * 1664525U + 1013904223U;
    uint32_t r = *random >> 8;
    uint32_t kind = r % 5; /* two of five are no events */
    return (struct report){
        .photo_id = r % 7 == 6 ? INT64_MAX : r % 7,
        .site = 1 + r / 7 % 2,
        .source = 3 + r / 14 % 4,
        .event = kind < 3 ? 7 + kind : 0,
        .quarter = FIRST_QUARTER + (int32_t)(r / 56 % QUARTER_COUNT),
        .traffic = (uint8_t)(r / 22400 % 4),
    };
}

static void add_report(struct aggregate *a, const struct report *r)
{
    struct aggregate_place place = {r->photo_id, r->site, r->source, r->quarter, r->traffic};
    if (r->event != 0) {
        assert_int_equal(aggregate_event(a, &place, r->event), 0);
    } else {
        aggregate_measures(a, &place)[STORE_REPORTS]++;
    }
}

static void fill(struct fixture *f)
{
    struct aggregate *a = aggregate_new();
    uint32_t random = 7;
    for (int i = 0; i < EVENT_COUNT; i++) {
        f->events[i] = random_event(&random);
        add_report(a, &f->events[i]);
    }
    struct store_string rows[STRING_COUNT - 1];
    for (uint32_t id = 1; id < STRING_COUNT; id++) {
        rows[id - 1] = (struct store_string){id, slice_of(strings[id])};
    }
    struct store_batch batch = {
        .topic = "topic", .strings = rows, .string_count = STRING_COUNT - 1};
    assert_int_equal(aggregate_rows(a, 7, site_day, f, &batch), 0);
    assert_int_equal(store_write(f->store, &batch), STORE_OK);
    aggregate_free(a);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err;
    store_folder_make(&f->folder);
    assert_int_equal(timezone_open(&f->zones[1], "America/Chicago"), 0);
    assert_int_equal(timezone_open(&f->zones[2], "Asia/Kolkata"), 0);
    assert_int_equal(store_open(&f->store, f->folder.url, &err), 0);
    fill(f);
    assert_int_equal(store_reader_open(&f->reader, f->folder.url, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_reader_close(f->reader);
    store_close(f->store);
    timezone_close(f->zones[1]);
    timezone_close(f->zones[2]);
    store_folder_remove(&f->folder);
    free(f);
    return 0;
}

/* An answer: cells as numbers, texts as the ids they are interned under. */
struct answer {
    const struct fixture *fixture;
    int64_t rows[ROWS_MAX][QUERY_COLUMNS_MAX];
    size_t row_count, stop_after;
};

static bool take_row(const struct query_cell *cells, size_t count, void *arg)
{
    struct answer *a = arg;
    assert_true(a->row_count < ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        a->rows[a->row_count][i] = cells[i].number;
        for (int id = 1; cells[i].text.data != NULL && id < STRING_COUNT; id++) {
            if (slice_is(cells[i].text, strings[id])) {
                a->rows[a->row_count][i] = id;
            }
        }
    }
    a->row_count++;
    return a->row_count != a->stop_after;
}

static int32_t answer_day(struct slice site, int32_t quarter, void *arg)
{
    const struct answer *a = arg;
    assert_true(slice_is(site, "chicago") || slice_is(site, "kolkata"));
    return timezone_day(a->fixture->zones[slice_is(site, "chicago") ? 1 : 2], quarter);
}

static void parse(const char *text, struct query *q)
{
    struct query_param params[16];
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=");
        params[count++] = (struct query_param){slice_make(at, name_len),
                                               slice_make(at + name_len + 1, len - name_len - 1)};
        at += len + (at[len] == '&');
    }
    struct query_error err = {.message = ""};
    bool good = query_parse(params, count, INT64_C(1670400000000), q, &err);
    assert_string_equal(err.message, "");
    assert_true(good);
}

static void ask(const struct fixture *f, const struct query *q, struct answer *a)
{
    *a = (struct answer){.fixture = f};
    struct store_reader_call call = {take_row, answer_day, a, NULL, 5000};
    assert_int_equal(store_reader_run(f->reader, q, &call), STORE_READ_OK);
}

/* The same by brute force: what an event gives for a column, whether it is meant, and the sums. */
static int64_t column_of(struct fixture *f, const struct report *e, enum query_field field)
{
    const int64_t values[QUERY_FIELD_COUNT] = {
        [QUERY_SITE] = e->site,
        [QUERY_PHOTO_ID] = (int64_t)e->photo_id,
        [QUERY_SOURCE] = e->source,
        [QUERY_EVENT] = e->event,
        [QUERY_DAY] = timezone_day(f->zones[e->site], e->quarter),
        [QUERY_HOUR] = timezone_hour(e->quarter),
        [QUERY_QUARTER] = e->quarter,
        [QUERY_REPORTS] = 1,
        [QUERY_EVENTS] = e->event != 0,
        [QUERY_LOADS] = e->event == 7,
    };
    return values[field];
}

/* By the digits of a number, by the bytes of a string. */
static bool begins(const struct query *q, const struct query_value *v, const struct report *e,
                   uint32_t id, bool is_photo)
{
    struct slice wanted = query_value_text(q, v);
    char digits[24] = "";
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)e->photo_id);
    const char *text = is_photo ? digits : id == 0 ? "" : strings[id];
    return strncmp(text, wanted.data, wanted.len) == 0;
}

static bool passes(const struct query *q, const struct query_filter *filter, const struct report *e)
{
    bool found = false;
    for (size_t i = 0; i < filter->value_count; i++) {
        const struct query_value *v = &q->values[filter->value_start + i];
        uint32_t id = filter->field == QUERY_SITE     ? e->site
                      : filter->field == QUERY_SOURCE ? e->source
                                                      : e->event;
        bool is_photo = filter->field == QUERY_PHOTO_ID;
        found = found || (filter->is_prefix ? begins(q, v, e, id, is_photo)
                          : is_photo        ? (int64_t)e->photo_id == v->number
                                     : id != 0 && slice_is(query_value_text(q, v), strings[id]));
    }
    return found != filter->negated;
}

static bool in_range(struct fixture *f, const struct query *q, const struct report *e)
{
    struct zone *z = f->zones[e->site];
    bool by_hour = q->grain == STORE_GRAIN_HOUR;
    int32_t at = by_hour ? timezone_hour(e->quarter) : e->quarter, from, to;
    query_buckets(q, by_hour ? STORE_GRAIN_HOUR : STORE_GRAIN_QUARTER, &from, &to);
    if (q->grain == STORE_GRAIN_DAY) {
        at = timezone_day(z, e->quarter);
        from = q->from.kind == QUERY_EDGE_DATE   ? q->from.date
               : q->from.kind == QUERY_EDGE_OPEN ? INT32_MIN
                                                 : timezone_day(z, from);
        to = q->to.kind == QUERY_EDGE_DATE   ? q->to.date
             : q->to.kind == QUERY_EDGE_OPEN ? INT32_MAX
                                             : timezone_day(z, to - 1) + 1;
    }
    return at >= from && at < to;
}

static bool is_meant(struct fixture *f, const struct query *q, const struct report *e)
{
    bool meant = in_range(f, q, e) && (e->event != 0 || !q->by_event) &&
                 ((e->traffic & STORE_TRAFFIC_BOT) == 0 || q->bots) &&
                 ((e->traffic & STORE_TRAFFIC_INTERNAL) == 0 || q->internal);
    for (size_t i = 0; meant && i < q->filter_count; i++) {
        meant = passes(q, &q->filters[i], e);
    }
    return meant;
}

static size_t find_row(const struct query *q, const struct answer *a, const int64_t *key)
{
    size_t row = 0;
    while (row < a->row_count &&
           memcmp(a->rows[row], key, q->dimension_count * sizeof(key[0])) != 0) {
        row++;
    }
    return row;
}

static void add_up(struct fixture *f, const struct query *q, struct answer *a)
{
    *a = (struct answer){.row_count = q->dimension_count == 0};
    for (int i = 0; i < EVENT_COUNT; i++) {
        const struct report *e = &f->events[i];
        if (!is_meant(f, q, e)) {
            continue;
        }
        int64_t key[QUERY_COLUMNS_MAX] = {0};
        for (size_t c = 0; c < q->dimension_count; c++) {
            key[c] = column_of(f, e, q->columns[c]);
        }
        size_t row = find_row(q, a, key);
        if (row == a->row_count) {
            assert_true(a->row_count < ROWS_MAX);
            memcpy(a->rows[a->row_count++], key, sizeof(key));
        }
        for (size_t c = q->dimension_count; c < q->column_count; c++) {
            a->rows[row][c] += column_of(f, e, q->columns[c]);
        }
    }
}

/* Whether a row before row i is of the same group, at another time. */
static bool has_group_before(const struct query *q, const struct answer *a, size_t i, size_t span)
{
    for (size_t row = 0; row < i; row++) {
        bool same = true;
        for (size_t c = 0; c < q->dimension_count && same; c++) {
            same = c == span || a->rows[row][c] == a->rows[i][c];
        }
        if (same) {
            return true;
        }
    }
    return false;
}

/* Adds rows of 0 for the groups there are, where the range has a stretch of time without one. */
static void fill_up(const struct query *q, struct answer *a)
{
    size_t span = 0, found = a->row_count;
    while (q->columns[span] != q->span) {
        span++;
    }
    int64_t first = q->spans.first, end = q->spans.end;
    for (size_t i = 0; i < found; i++) {
        int64_t at = a->rows[i][span];
        first = !q->spans.has_first && (i == 0 || at < first) ? at : first;
        end = !q->spans.has_end && (i == 0 || at >= end) ? at + 1 : end;
    }
    for (size_t i = 0; i < found; i++) {
        int64_t row[QUERY_COLUMNS_MAX] = {0};
        memcpy(row, a->rows[i], q->dimension_count * sizeof(row[0]));
        if (has_group_before(q, a, i, span)) {
            continue;
        }
        for (row[span] = first; row[span] < end; row[span]++) {
            if (find_row(q, a, row) == a->row_count) {
                assert_true(a->row_count < ROWS_MAX);
                memcpy(a->rows[a->row_count++], row, sizeof(row));
            }
        }
    }
}

static int compare_cells(const int64_t *x, const int64_t *y, const struct query *q,
                         enum query_field field)
{
    size_t c = 0;
    while (q->columns[c] != field) {
        c++;
    }
    if (query_field_is_text(field)) {
        return strcmp(strings[x[c]], strings[y[c]]);
    }
    return x[c] < y[c] ? -1 : x[c] > y[c];
}

/* Below 0 if row x stands before row y. */
static int compare_rows(const int64_t *x, const int64_t *y, const struct query *q)
{
    for (size_t i = 0; i < q->order_count; i++) {
        int order = compare_cells(x, y, q, q->orders[i].field);
        if (order != 0) {
            return q->orders[i].descending ? -order : order;
        }
    }
    return 0;
}

static void assert_answer(struct fixture *f, const char *text)
{
    struct query q;
    parse(text, &q);
    struct answer *got = malloc(sizeof(*got)), *expected = malloc(sizeof(*expected));
    ask(f, &q, got);
    add_up(f, &q, expected);
    if (q.is_filled) {
        fill_up(&q, expected);
    }
    assert_true(expected->row_count > 0);
    size_t wanted = expected->row_count < (size_t)q.limit ? expected->row_count : (size_t)q.limit;
    if (got->row_count != wanted) {
        fail_msg("%s: %zu rows, not %zu", text, got->row_count, wanted);
    }
    for (size_t i = 0; i < got->row_count; i++) {
        size_t before = 0, same = 0;
        for (size_t j = 0; j < expected->row_count; j++) {
            int order = compare_rows(expected->rows[j], got->rows[i], &q);
            before += order < 0;
            same += memcmp(expected->rows[j], got->rows[i],
                           q.column_count * sizeof(got->rows[i][0])) == 0;
        }
        if (before != i || same != 1) {
            fail_msg("%s: row %zu is wrong", text, i);
        }
    }
    free(got);
    free(expected);
}

static void answers_equal_the_brute_force_sums(void **state)
{
    const char *questions[] = {
        "",
        "to=all&bots=include",
        "internal=include",
        "bots=include&internal=include",
        "dimensions=site",
        "dimensions=photo_id,source&sort=-events,source",
        "dimensions=source,photo_id&sort=loads",
        "dimensions=event&metrics=events,loads",
        "dimensions=event,photo_id&sort=-events&limit=5",
        "dimensions=quarter&metrics=reports",
        "dimensions=day&metrics=events,reports",
        "dimensions=site,day,source&sort=-day,-source",
        "dimensions=day,event",
        "dimensions=hour",
        "dimensions=hour,site&sort=-loads",
        "dimensions=event,hour&where=source==embed&from=2022-11-28T20:00:00Z",
        "dimensions=quarter,photo_id&where=photo_id==3,4&sort=photo_id,-quarter&limit=400",
        "dimensions=photo_id,hour",
        "dimensions=photo_id&where=source==embed,share\\, x;photo_id!=3",
        "dimensions=photo_id&where=source!=embed,(none)",
        "dimensions=source&where=source=^s,emb",
        "dimensions=photo_id&where=photo_id=^92,3",
        "dimensions=event&where=event=^load,sharex;site=^chic",
        "dimensions=source&where=event!=load",
        "dimensions=source&where=event==load,share&metrics=events,loads",
        "where=site==kolkata;photo_id==9223372036854775807",
        "dimensions=photo_id&sort=-photo_id&limit=1",
        "dimensions=site&where=source!=never seen",
    };
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        assert_answer(*state, questions[i]);
    }
}

static void ranges_are_exact_for_quarters_and_days(void **state)
{
    const char *dimensions[] = {"", "site", "quarter", "hour", "day", "site,day", "event,day"};
    const char *ranges[] = {"from=2022-11-29&to=2022-12-01",
                            "from=2022-11-29T07:07:00Z&to=2022-12-01T18:29:00Z",
                            "from=2022-11-29T06:00:00Z&to=2022-12-01T18:30:00Z",
                            "from=2022-11-30T18:45:00Z&to=2022-12-01T05:59:00Z",
                            "from=2022-11-30",
                            "to=2022-11-30T00:00:00Z",
                            "from=1669700000000&to=all"};
    for (size_t d = 0; d < sizeof(dimensions) / sizeof(dimensions[0]); d++) {
        for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
            char text[160];
            snprintf(text, sizeof(text), "dimensions=%s&%s", dimensions[d], ranges[r]);
            assert_answer(*state, text);
        }
    }
}

static void what_is_not_there_counts_nothing(void **state)
{
    struct fixture *f = *state;
    struct query q;
    struct answer *a = malloc(sizeof(*a));
    parse("where=source==never seen", &q);
    ask(f, &q, a);
    assert_int_equal(a->row_count, 1);
    assert_int_equal(a->rows[0][0], 0);
    parse("dimensions=photo_id&where=source==x') OR 1=1 --", &q);
    ask(f, &q, a);
    assert_int_equal(a->row_count, 0);
    free(a);
}

static void a_row_may_be_the_last_wanted(void **state)
{
    struct fixture *f = *state;
    struct query q;
    struct answer *a = malloc(sizeof(*a));
    parse("dimensions=quarter", &q);
    *a = (struct answer){.fixture = f, .stop_after = 3};
    struct store_reader_call call = {take_row, answer_day, a, NULL, 5000};
    assert_int_equal(store_reader_run(f->reader, &q, &call), STORE_READ_STOPPED);
    assert_int_equal(a->row_count, 3);
    free(a);
}

static void a_query_past_its_deadline_ends(void **state)
{
    struct fixture *f = *state;
    struct query q;
    struct answer *a = malloc(sizeof(*a));
    parse("dimensions=quarter,photo_id,source", &q);
    *a = (struct answer){.fixture = f};
    struct store_reader_call call = {take_row, answer_day, a, NULL, 0};
    assert_int_equal(store_reader_run(f->reader, &q, &call), STORE_READ_TOO_LONG);
    assert_int_equal(a->row_count, 0);
    parse("", &q);
    ask(f, &q, a); /* the reader goes on */
    assert_int_equal(a->row_count, 1);
    free(a);
}

/* Writes from within a query: the writer does not wait, and the query does not see it. */
static bool write_meanwhile(const struct query_cell *cells, size_t count, void *arg)
{
    struct fixture *f = arg;
    (void)cells;
    (void)count;
    struct store_total total = {
        .site = 1, .source = 4, .photo_id = 99, .bucket = FIRST_QUARTER, .measures = {1}};
    struct store_batch batch = {.topic = "topic"};
    batch.totals[STORE_GRAIN_QUARTER] = &total;
    batch.total_count[STORE_GRAIN_QUARTER] = 1;
    assert_int_equal(store_write(f->store, &batch), STORE_OK);
    return true;
}

static void a_reader_never_blocks_the_writer(void **state)
{
    struct fixture *f = *state;
    struct query q;
    parse("dimensions=photo_id&from=2022-11-28T00:00:00Z", &q); /* the quarters are read */
    struct store_reader_call call = {write_meanwhile, NULL, f, NULL, 5000};
    assert_int_equal(store_reader_run(f->reader, &q, &call), STORE_READ_OK);
    struct answer *a = malloc(sizeof(*a));
    parse("where=photo_id==99&from=2022-11-28T00:00:00Z", &q);
    ask(f, &q, a);
    assert_int_equal(a->rows[0][0], 7); /* once for each row of the query */
    free(a);
}

static void two_readers_and_no_writer_go_together(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    f->store = NULL;
    struct store_reader *second = NULL;
    struct error err = {""};
    assert_int_equal(store_reader_open(&second, f->folder.url, &err), 0);
    assert_answer(f, "dimensions=site");
    struct store_reader *first = f->reader;
    f->reader = second;
    assert_answer(f, "dimensions=site");
    f->reader = first;
    store_reader_close(second);
}

static void put_viewers(struct fixture *f, int day, const uint64_t *hashes, size_t count)
{
    struct sketch *s = sketch_new();
    char bytes[SKETCH_BYTES_MAX], sql[200];
    sqlite3 *db = NULL;
    sqlite3_stmt *put = NULL;
    for (size_t i = 0; i < count; i++) {
        (void)sketch_add(s, hashes[i]);
    }
    assert_int_equal(sqlite3_open(strchr(f->folder.url, ':') + 1, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 60000);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO viewers SELECT %d, 1, photo_id, source, 0, ?1 FROM (SELECT -1 AS "
                   "photo_id, 0 AS source UNION ALL SELECT 2, 0 UNION ALL SELECT 2, 4)",
                   day);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &put, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_blob(put, 1, bytes, (int)sketch_encode(s, bytes), NULL), 0);
    assert_int_equal(sqlite3_step(put), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(put), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    sketch_free(s);
}

static int64_t viewers_of(struct fixture *f, const char *more)
{
    struct answer a;
    struct query q;
    char text[200] = "";
    (void)snprintf(text, sizeof text, "metrics=viewers&from=2022-11-30&to=2022-12-02%s", more);
    parse(text, &q);
    ask(f, &q, &a);
    return a.row_count == 0 ? -1 : a.rows[0][q.dimension_count];
}

/* {A,B,C} on one day and {B,C,D} on the next are 4 for the two days. */
static void viewers_of_several_days_are_merged(void **state)
{
    static const uint64_t hashes[] = {UINT64_C(0x1234567890abcdef), UINT64_C(0x234567890abcdef1),
                                      UINT64_C(0x34567890abcdef12), UINT64_C(0x4567890abcdef123)};
    struct fixture *f = *state;
    put_viewers(f, 19326, hashes, 3); /* 2022-11-30 */
    put_viewers(f, 19327, hashes + 1, 3);
    assert_int_equal(viewers_of(f, ""), 4);
    assert_int_equal(viewers_of(f, "&dimensions=photo_id&where=photo_id==2"), 4);
    assert_int_equal(viewers_of(f, "&where=photo_id==2;source==embed"), 4);
    assert_int_equal(viewers_of(f, "&where=photo_id==3"), 0);
    assert_int_equal(viewers_of(f, "&dimensions=day"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_equal_the_brute_force_sums, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ranges_are_exact_for_quarters_and_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_counts_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_may_be_the_last_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_past_its_deadline_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_never_blocks_the_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_readers_and_no_writer_go_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(viewers_of_several_days_are_merged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
