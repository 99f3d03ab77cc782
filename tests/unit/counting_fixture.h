/* What the tests of counting share: events go through a counter to a store, SQL asks what is there.
 */
#ifndef TESTS_UNIT_COUNTING_FIXTURE_H
#define TESTS_UNIT_COUNTING_FIXTURE_H

#include "consumer/counter_source.h"

#include "store_fixture.h"

#include <sqlite3.h>

/* A quarter past midnight, UTC. */
static const int64_t COUNTING_START_MS = 1700007300000;

struct counting {
    struct store_folder folder;
    struct sites *sites;
    struct store *store;
    struct counter *counter;
    struct counter_source source;
    uint64_t sequence;
    int64_t next; /* offset, of partition 0 */
    int64_t stored;
};

static inline void counting_on_position(int32_t partition, int64_t next, void *arg)
{
    assert_int_equal(partition, 0);
    ((struct counting *)arg)->stored = next;
}

/* Drops what is not flushed, and goes on from what the store has. */
static inline void counting_load(struct counting *c)
{
    counter_reset(c->counter);
    c->stored = STORE_NO_POSITION;
    assert_int_equal(counter_source_load(&c->source, "topic"), 0);
    assert_int_equal(store_load_positions(c->store, "topic", counting_on_position, c), 0);
    assert_int_equal(counter_source_load_marks(&c->source, "topic", 0), 0);
    c->next = c->stored == STORE_NO_POSITION ? 0 : c->stored;
}

static inline void counting_begin(struct counting *c)
{
    struct error err = {""};
    *c = (struct counting){0};
    store_folder_make(&c->folder);
    c->store = store_folder_open(&c->folder);
    assert_int_equal(sites_load(&c->sites, NULL, &err), 0);
    struct counter_options options = {
        .sites = c->sites,
        .rules = {.gap_ms = 6 * 3600000, .keep_ms = 48 * 3600000, .finish_at = 95},
        .viewing_cache = 16,
    };
    counter_source_fill(&options, &c->source);
    assert_int_equal(counter_new(&c->counter, &options, &err), 0);
    c->source = (struct counter_source){c->store, c->counter};
    counting_load(c);
}

static inline void counting_end(struct counting *c)
{
    counter_free(c->counter);
    store_close(c->store);
    sites_free(c->sites);
    store_folder_remove(&c->folder);
}

/* Names the event, unless it has a name, and counts it. */
static inline enum counter_result counting_take(struct counting *c, struct player_event e)
{
    e.lane = 1;
    e.sequence = e.sequence == 0 ? ++c->sequence : e.sequence;
    e.ts_ms = e.ts_ms == 0 ? (uint64_t)COUNTING_START_MS : e.ts_ms;
    e.site = e.site.data == NULL ? slice_of("default") : e.site;
    c->next++;
    return counter_add(c->counter, 0, (int64_t)e.ts_ms, &e);
}

static inline void counting_flush(struct counting *c)
{
    struct store_position position = {0, c->stored, c->next};
    struct store_batch batch = {.topic = "topic", .positions = &position, .position_count = 1};
    assert_int_equal(counter_rows(c->counter, 0, &batch), 0);
    assert_int_equal(store_write(c->store, &batch), STORE_OK);
    counter_commit(c->counter);
    c->stored = c->next;
}

/* The one integer that sql gives. */
static inline int64_t counting_ask(const struct counting *c, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(strchr(c->folder.url, '/'), &db), SQLITE_OK);
    int prepared = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    assert_string_equal(sqlite3_errmsg(db), "not an error");
    assert_int_equal(prepared, SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

#endif
