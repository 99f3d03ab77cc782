/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/counter_source.h"
#include "consumer/positions.h"

#include "store_fixture.h"

enum { PARTITIONS = 3, LANES = 4, EVENTS = 1200, BATCH = 8, RECORDS_MAX = 2 * EVENTS };

static const uint64_t FIRST_MS = 1700000000000;

/* A topic in memory. Every lane sends a stretch again now and then, as ingest does after a crash.
 */
struct topic {
    struct player_event records[PARTITIONS][RECORDS_MAX];
    int64_t end[PARTITIONS];
    int64_t events, loads; /* each once */
    int64_t reported;      /* named as one before by their sender: not counted */
};

static struct player_event event_of(uint64_t lane, uint64_t sequence)
{
    static const char *const names[] = {"load", "fullscreen", "share"};
    static const char *const sources[] = {"embed", " site ", "", "podcast"};
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    static const char *const uuids[] = {"first", "second", ""};
    /* of a lane alone, so that the order of the lanes does not matter; at 60 s a sequence the name
     * comes again within the day */
    bool named = lane == 1;
    return (struct player_event){.report_id = slice_of(named ? ids[(sequence - 1) / 13 % 5] : NULL),
                                 .uuid = slice_of(uuids[sequence % 13 % 3]),
                                 .lane = lane,
                                 .sequence = sequence,
                                 .ts_ms = FIRST_MS + sequence * 60000,
                                 .kind = EVENT_KIND_EVENT,
                                 .photo_id = sequence % 13,
                                 .site = slice_of("default"),
                                 .event = slice_of(names[sequence % 3]),
                                 .source = slice_of(sources[sequence % 4])};
}

static void append(struct topic *t, int32_t partition, const struct player_event *e)
{
    assert_true(t->end[partition] < RECORDS_MAX);
    t->records[partition][t->end[partition]++] = *e;
}

static void fill(struct topic *t)
{
    *t = (struct topic){0};
    for (uint64_t i = 0; i < EVENTS; i++) {
        uint64_t lane = 1 + i % LANES;
        uint64_t sequence = 1 + i / LANES;
        struct player_event e = event_of(lane, sequence);
        int32_t partition = (int32_t)(e.photo_id % PARTITIONS);
        append(t, partition, &e);
        bool again_named = lane == 1 && (sequence - 1) / 13 >= 5;
        t->reported += again_named;
        t->events += !again_named;
        t->loads += !again_named && slice_is(e.event, "load");
        if (sequence % 50 == 0) { /* the last 30 of the lane come again, in order */
            for (uint64_t again = sequence - 30; again <= sequence; again++) {
                e = event_of(lane, again);
                append(t, (int32_t)(e.photo_id % PARTITIONS), &e);
            }
        }
    }
}

/* The consumer without Kafka: what its flushes do, in the same order. */
struct consumer {
    struct sites *sites;
    struct store *store;
    struct counter *counter;
    struct counter_source source;
    struct positions *positions;
    struct topic *topic;
    int64_t reloads, repeats, reported;
};

static void on_position(int32_t partition, int64_t next, void *arg)
{
    positions_load(arg, partition, next);
}

static void load(struct consumer *c)
{
    counter_reset(c->counter);
    positions_unload(c->positions);
    assert_int_equal(counter_source_load(&c->source, "topic"), 0);
    assert_int_equal(store_load_positions(c->store, "topic", on_position, c->positions), 0);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(counter_source_load_marks(&c->source, "topic", i), 0);
    }
    assert_false(counter_failed(c->counter));
    c->reloads++;
}

static void flush(struct consumer *c)
{
    struct store_batch batch = {.topic = "topic"};
    assert_int_equal(counter_rows(c->counter, 0, &batch), 0);
    batch.position_count = positions_changed(c->positions, &batch.positions);
    enum store_result result;
    do {
        result = store_write(c->store, &batch);
    } while (result == STORE_RETRY);
    if (result == STORE_OK) {
        const struct poll_offset *moved = NULL;
        counter_commit(c->counter);
        assert_int_equal(positions_commit(c->positions, &moved), batch.position_count);
    } else {
        assert_int_equal(result, STORE_CONFLICT);
        load(c);
    }
}

/* Takes up to BATCH records of each partition. Returns whether there were any. */
static bool take_some(struct consumer *c)
{
    bool any = false;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        int64_t next = positions_at(c->positions, (size_t)i).next;
        next = next < 0 ? 0 : next;
        for (int n = 0; n < BATCH && next < c->topic->end[i]; n++, next++) {
            assert_int_equal(positions_accept(c->positions, i, next), POSITIONS_TAKE);
            enum counter_result r = counter_add(c->counter, i, 1, &c->topic->records[i][next]);
            assert_true(r <= COUNTER_REPORTED);
            c->repeats += r == COUNTER_REPEAT;
            c->reported += r == COUNTER_REPORTED;
            positions_move(c->positions, i, next + 1, 1);
            any = true;
        }
    }
    return any;
}

static void consume(struct consumer *c)
{
    while (take_some(c)) {
        flush(c);
    }
}

static void consumer_start(struct consumer *c, struct store *store, struct topic *topic)
{
    struct poll_offset offsets[PARTITIONS];
    struct error err = {""};
    *c = (struct consumer){.store = store, .topic = topic, .positions = positions_new()};
    assert_int_equal(sites_load(&c->sites, NULL, &err), 0);
    struct counter_options options = {.sites = c->sites, .viewing_cache = 8};
    counter_source_fill(&options, &c->source);
    assert_int_equal(counter_new(&c->counter, &options, &err), 0);
    c->source = (struct counter_source){store, c->counter};
    for (int32_t i = 0; i < PARTITIONS; i++) {
        offsets[i] = (struct poll_offset){i, POLL_FROM_START};
    }
    assert_int_equal(positions_assign(c->positions, offsets, PARTITIONS), 0);
    load(c);
}

static void consumer_stop(struct consumer *c)
{
    counter_free(c->counter);
    positions_free(c->positions);
    sites_free(c->sites);
}

static void assert_exact(const struct store_folder *f, const struct topic *t)
{
    struct counted counted = count_store(f);
    assert_int_equal(counted.reports, t->events);
    assert_int_equal(counted.events, t->events);
    assert_int_equal(counted.by_event, t->events);
    assert_int_equal(counted.loads, t->loads);
}

static void repeats_are_dropped_and_the_rest_is_counted_once(void **state)
{
    struct topic *t = *state;
    struct store_folder f;
    struct consumer c;
    store_folder_make(&f);
    struct store *s = store_folder_open(&f);
    consumer_start(&c, s, t);
    consume(&c);
    assert_true(c.repeats > 100);
    assert_int_equal(c.reported, t->reported);
    assert_true(c.reported > 100);
    assert_exact(&f, t);
    consumer_stop(&c);
    store_close(s);
    store_folder_remove(&f);
}

static void totals_are_exact_when_every_kth_commit_fails(void **state)
{
    struct topic *t = *state;
    for (int every = 1; every <= 20; every++) {
        struct store_folder f;
        struct faulty_store faulty;
        struct consumer c;
        store_folder_make(&f);
        struct store *s = store_folder_open(&f);
        faulty_store_init(&faulty, s, every);
        consumer_start(&c, &faulty.base, t);
        consume(&c);
        assert_true(faulty.spoilt >= 3);
        assert_exact(&f, t);
        consumer_stop(&c);
        store_close(s);
        store_folder_remove(&f);
    }
}

/* The positions were moved behind its back: it must go on from where they are. */
static void another_writer_makes_it_read_everything_again(void **state)
{
    struct topic *t = *state;
    struct store_folder f;
    struct consumer first, second;
    store_folder_make(&f);
    struct store *s = store_folder_open(&f);
    consumer_start(&first, s, t);
    consumer_start(&second, s, t);
    while (take_some(&first) || take_some(&second)) {
        (void)take_some(&second);
        flush(&first);
        flush(&second);
    }
    assert_true(second.reloads > 5);
    assert_exact(&f, t);
    consumer_stop(&first);
    consumer_stop(&second);
    store_close(s);
    store_folder_remove(&f);
}

/* The zones of site "in", which the file of sites gives. */
static struct site_zones *zones_of_india(void)
{
    static const char TEXT[] = "[{\"key\":\"in\",\"time_zone\":\"Asia/Kolkata\",\"site_id\":\"1\","
                               "\"site_name\":\"n\",\"product_key\":\"p\",\"domain\":\"d\"}]";
    char path[] = "/tmp/test_counter.XXXXXX";
    struct site_zones *zones = NULL;
    struct sites *sites = NULL;
    struct error err = {""};
    int fd = mkstemp(path);
    assert_int_equal(write(fd, TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(sites_load(&sites, path, &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(site_zones_new(&zones, NULL, sites, &err), 0);
    sites_free(sites);
    return zones;
}

/* The day of the only row of an event at 18:30 UTC on day 2. */
static int32_t count_one(struct counter *c, uint64_t sequence)
{
    const struct player_event e = {.lane = 9,
                                   .sequence = sequence,
                                   .ts_ms = (2 * 24 * 60 + 18 * 60 + 30) * UINT64_C(60000),
                                   .kind = EVENT_KIND_EVENT,
                                   .photo_id = 1,
                                   .site = slice_of("in"),
                                   .event = slice_of("load")};
    struct store_batch batch = {0};
    assert_int_equal(counter_add(c, 0, 1, &e), COUNTER_COUNTED);
    assert_int_equal(counter_rows(c, 0, &batch), 0);
    assert_int_equal(batch.total_count[STORE_GRAIN_DAY], 1);
    int32_t day = batch.totals[STORE_GRAIN_DAY][0].bucket;
    counter_commit(c);
    return day;
}

static void a_site_that_becomes_known_is_counted_by_its_days(void **state)
{
    (void)state;
    struct site_zones_slot slot = {NULL};
    struct counter *c = NULL;
    struct sites *sites = NULL;
    struct error err = {""};
    struct store_folder folder;
    store_folder_make(&folder);
    assert_int_equal(sites_load(&sites, NULL, &err), 0);
    struct counter_source source = {.store = store_folder_open(&folder)};
    struct counter_options options = {.sites = sites};
    counter_source_fill(&options, &source);
    assert_int_equal(counter_new(&c, &options, &err), 0);
    source.counter = c;
    sites_free(sites); /* nothing of them is borrowed */
    counter_follow_zones(c, &slot);
    assert_int_equal(count_one(c, 1), 2);
    site_zones_put(&slot, zones_of_india());
    assert_int_equal(count_one(c, 2), 2); /* they are not taken yet */
    counter_follow_zones(c, &slot);
    assert_int_equal(count_one(c, 3), 3);
    counter_free(c);
    store_close(source.store);
    store_folder_remove(&folder);
}

static int make_topic(void **state)
{
    struct topic *t = malloc(sizeof *t);
    fill(t);
    *state = t;
    return 0;
}

static int free_topic(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_are_dropped_and_the_rest_is_counted_once),
        cmocka_unit_test(totals_are_exact_when_every_kth_commit_fails),
        cmocka_unit_test(a_site_that_becomes_known_is_counted_by_its_days),
        cmocka_unit_test(another_writer_makes_it_read_everything_again),
    };
    return cmocka_run_group_tests(tests, make_topic, free_topic);
}
