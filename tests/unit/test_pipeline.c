/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "consumer/pipeline.h"

#include "common/clock.h"
#include "common/event.h"
#include "common/metrics.h"

#include "kafka_fixture.h"
#include "store_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static const char TOPIC[] = "reports";
static const char DEAD_TOPIC[] = "reports.dlq";

enum { PARTITIONS = 2, PIECE = 5, PATIENCE_MS = 60000 };

static const uint64_t FIRST_MS = 1700000000000;

/* The pipeline on a cluster in memory and a store whose flushes are watched, and may go wrong. */
struct fixture {
    struct cluster cluster;
    rd_kafka_topic_t *topic;
    struct config *config;
    struct sites *sites;
    struct metrics *metrics;
    struct store_folder folder;
    struct store *store;
    struct faulty_store faulty;
    struct store_engine engine; /* of faulty, with a watch on writes */
    pthread_mutex_t lock;
    pthread_cond_t written;
    int spoilt;
    enum store_result always; /* unless STORE_OK: what every write answers */
    int load_fails;           /* so many loads fail */
    struct pipeline *pipeline;
    uint64_t sent;
};

static struct fixture *watched; /* the engine's functions have no argument of the test's */

static enum store_result watch_write(struct store *s, const struct store_batch *batch)
{
    struct fixture *f = watched;
    (void)pthread_mutex_lock(&f->lock);
    enum store_result result = f->always == STORE_OK ? faulty_write(s, batch) : f->always;
    f->spoilt = f->faulty.spoilt;
    (void)pthread_cond_broadcast(&f->written);
    (void)pthread_mutex_unlock(&f->lock);
    return result;
}

/* So that positions that a lost answer left in the store are seen as well. */
static int watch_positions(struct store *s, const char *topic, store_position_fn *fn, void *arg)
{
    struct fixture *f = watched;
    (void)pthread_mutex_lock(&f->lock);
    int failed = f->load_fails > 0 ? -EIO : faulty_positions(s, topic, fn, arg);
    f->load_fails -= f->load_fails > 0;
    (void)pthread_cond_broadcast(&f->written);
    (void)pthread_mutex_unlock(&f->lock);
    return failed;
}

static void start(struct fixture *f)
{
    struct error err = {""};
    const struct pipeline_options options = {.config = f->config,
                                             .sites = f->sites,
                                             .store = &f->faulty.base,
                                             .group = "g",
                                             .topic = TOPIC,
                                             .topic_replication = -1,
                                             .flush_ms = 1,
                                             .viewing_cache = 1000,
                                             .metrics = f->metrics};
    int failed = pipeline_start(&f->pipeline, &options, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(failed, 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err = {""};
    watched = f;
    cluster_start(&f->cluster, TOPIC, PARTITIONS);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster.mock, DEAD_TOPIC, PARTITIONS, 1), 0);
    f->config = cluster_config(&f->cluster, "fetch.wait.max.ms=10");
    assert_int_equal(sites_load(&f->sites, NULL, &err), 0);
    f->metrics = metrics_new();
    store_folder_make(&f->folder);
    f->store = store_folder_open(&f->folder);
    faulty_store_init(&f->faulty, f->store, 1000000);
    f->engine = faulty_engine;
    f->engine.write = watch_write;
    f->engine.load_positions = watch_positions;
    f->faulty.base.engine = &f->engine;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->written, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pipeline_stop(f->pipeline);
    if (f->topic != NULL) {
        rd_kafka_topic_destroy(f->topic);
    }
    cluster_stop(&f->cluster);
    store_close(f->store);
    store_folder_remove(&f->folder);
    metrics_free(f->metrics);
    sites_free(f->sites);
    config_free(f->config);
    (void)pthread_cond_destroy(&f->written);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

/* The producer that runs the cluster in memory also fills it. */
static void send_bytes(struct fixture *f, int32_t partition, const void *data, size_t len)
{
    union {
        const void *in;
        void *out;
    } bytes = {data};
    if (f->topic == NULL) {
        assert_int_equal(
            rd_kafka_brokers_add(f->cluster.rk, rd_kafka_mock_cluster_bootstraps(f->cluster.mock)),
            1);
        f->topic = rd_kafka_topic_new(f->cluster.rk, TOPIC, NULL);
    }
    assert_int_equal(
        rd_kafka_produce(f->topic, partition, RD_KAFKA_MSG_F_COPY, bytes.out, len, NULL, 0, NULL),
        0);
}

static void send_events(struct fixture *f, int count)
{
    char bytes[EVENT_SIZE_MAX];
    for (int i = 0; i < count; i++) {
        f->sent++;
        struct player_event e = {.lane = 7,
                                 .sequence = f->sent,
                                 .ts_ms = FIRST_MS + f->sent,
                                 .kind = EVENT_KIND_EVENT,
                                 .photo_id = f->sent % 5,
                                 .site = slice_of("default"),
                                 .event = slice_of("load"),
                                 .source = slice_of("embed")};
        size_t len = event_encode(&e, bytes, sizeof bytes);
        send_bytes(f, (int32_t)(f->sent % PARTITIONS), bytes, len);
    }
    assert_int_equal(rd_kafka_flush(f->cluster.rk, KAFKA_WAIT_MS), 0);
}

static void add_stored(int32_t partition, int64_t next, void *arg)
{
    (void)partition;
    *(int64_t *)arg += next;
}

static int64_t stored_offsets(struct fixture *f)
{
    int64_t sum = 0;
    assert_int_equal(store_load_positions(f->store, TOPIC, add_stored, &sum), 0);
    return sum;
}

/* Waits until the store is past as many records. The lock keeps the pipeline off the store. */
static void await_stored(struct fixture *f, uint64_t records)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    (void)pthread_mutex_lock(&f->lock);
    while (stored_offsets(f) < (int64_t)records) {
        assert_int_equal(pthread_cond_timedwait(&f->written, &f->lock, &until), 0);
    }
    (void)pthread_mutex_unlock(&f->lock);
}

static void spoil_every(struct fixture *f, int every)
{
    (void)pthread_mutex_lock(&f->lock);
    f->faulty.every = every;
    f->faulty.flushes = 0;
    (void)pthread_mutex_unlock(&f->lock);
}

static int spoilt(struct fixture *f)
{
    (void)pthread_mutex_lock(&f->lock);
    int count = f->spoilt;
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

static void assert_exact(struct fixture *f)
{
    pipeline_stop(f->pipeline);
    f->pipeline = NULL;
    struct counted counted = count_store(&f->folder);
    assert_int_equal(counted.reports, f->sent);
    assert_int_equal(counted.by_event, f->sent);
    assert_int_equal(counted.loads, f->sent);
}

static void totals_are_exact_when_every_kth_commit_fails(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (int every = 20; every >= 1; every--) {
        int before = spoilt(f);
        spoil_every(f, every);
        while (spoilt(f) < before + 2) {
            send_events(f, PIECE);
            await_stored(f, f->sent);
        }
    }
    spoil_every(f, 1000000);
    assert_exact(f);
}

/* Waits until what the pipeline says of itself is as wanted. */
static struct pipeline_status await_ready(struct fixture *f, bool ready)
{
    struct pipeline_status s;
    uint64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    do {
        assert_true(clock_mono_ms() < until_ms);
        (void)sched_yield();
        pipeline_status(f->pipeline, &s);
    } while (s.ready != ready);
    return s;
}

static void set_always(struct fixture *f, enum store_result always)
{
    (void)pthread_mutex_lock(&f->lock);
    f->always = always;
    (void)pthread_mutex_unlock(&f->lock);
}

static void a_store_that_takes_nothing_pauses_counting_and_says_why(void **state)
{
    const struct {
        enum store_result result;
        const char *reason;
    } cases[] = {{STORE_FULL, "disk is full"}, {STORE_RETRY, "busy"}, {STORE_FAILED, "failed"}};
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_events(f, PIECE);
        await_stored(f, f->sent);
        (void)await_ready(f, true);
        set_always(f, cases[i].result);
        send_events(f, PIECE);
        struct pipeline_status s = await_ready(f, false);
        assert_non_null(strstr(s.reason, cases[i].reason));
        assert_int_equal(s.partitions, PARTITIONS); /* it stays in the group */
        send_events(f, PIECE);
        set_always(f, STORE_OK);
        await_stored(f, f->sent);
        (void)await_ready(f, true);
    }
    assert_exact(f);
}

/* Nothing is stored yet: only what a load says keeps the first records from being passed over. */
static void a_load_that_fails_after_a_conflict_passes_over_nothing(void **state)
{
    struct fixture *f = *state;
    f->load_fails = 3; /* with the assignment, too */
    send_events(f, PIECE);
    start(f);
    await_stored(f, f->sent);
    (void)pthread_mutex_lock(&f->lock);
    f->faulty.spoilt = 1; /* the next fate is that nothing is written and the answer lost */
    f->faulty.every = 1;
    f->load_fails = 3;
    (void)pthread_mutex_unlock(&f->lock);
    send_events(f, PIECE);
    await_stored(f, f->sent);
    spoil_every(f, 1000000);
    send_events(f, PIECE);
    await_stored(f, f->sent);
    assert_exact(f);
}

static void send_named(struct fixture *f, uint64_t sequence)
{
    char bytes[EVENT_SIZE_MAX];
    struct player_event e = {.lane = 7,
                             .sequence = sequence,
                             .ts_ms = FIRST_MS + sequence,
                             .kind = EVENT_KIND_EVENT,
                             .photo_id = 5,
                             .site = slice_of("default"),
                             .event = slice_of("load"),
                             .report_id = slice_of("one")};
    send_bytes(f, 0, bytes, event_encode(&e, bytes, sizeof bytes));
    assert_int_equal(rd_kafka_flush(f->cluster.rk, KAFKA_WAIT_MS), 0);
}

/*
 * Before the first answer of the topic nobody knows how far behind it is, so the clock
 * says nothing about which report_ids may go.
 */
static void a_report_named_before_a_long_stop_is_not_counted_again(void **state)
{
    struct fixture *f = *state;
    start(f);
    send_named(f, 1);
    await_stored(f, 1);
    pipeline_stop(f->pipeline);
    send_named(f, 2);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(f->cluster.mock, -1, 300), 0);
    start(f);
    await_stored(f, 2);
    f->sent = 1; /* that count */
    assert_exact(f);
}

static void zones_may_change_while_it_counts(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    start(f);
    for (int i = 0; i < 20; i++) {
        struct site_zones *z = NULL;
        send_events(f, PIECE);
        assert_int_equal(site_zones_new(&z, NULL, f->sites, &err), 0);
        pipeline_set_zones(f->pipeline, z);
    }
    await_stored(f, f->sent);
    assert_exact(f);
}

/* Issue 3: a producer that refused a letter is beyond use, but not for ever. */
static void a_letter_that_was_refused_is_sent_once_it_can_be(void **state)
{
    struct fixture *f = *state;
    send_bytes(f, 0, "?", 1);
    send_events(f, PIECE);
    cluster_refuse(&f->cluster, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 2);
    start(f);
    await_stored(f, f->sent + 1);
    (void)await_ready(f, true);
    assert_exact(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(totals_are_exact_when_every_kth_commit_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_takes_nothing_pauses_counting_and_says_why,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_that_fails_after_a_conflict_passes_over_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_letter_that_was_refused_is_sent_once_it_can_be, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(zones_may_change_while_it_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_named_before_a_long_stop_is_not_counted_again,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
