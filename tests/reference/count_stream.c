/*
 * Counts records as the consumer does but without Kafka: decode, count, store. What to count and
 * what goes wrong comes as lines, so that a test can hold the store against the reference:
 *   open FILE SITES LIMITS SOURCES
 *                      a store that does not exist, the sites, the limits of names in the order of
 *                      enum store_name_kind with commas, and the known sources with commas
 *                      ("-" = none); all that was before is forgotten
 *   item PARTITION NOW HEX   puts a record at the end of the topic; NOW: the wall clock, 0 = none
 *   take N             counts up to N records more
 *   flush              writes what is held
 *   refuse             the same, but nothing is written: what is held is counted anew
 *   lose               the same, but the answer is lost: the store says how far it came
 *   move               the partitions go away and come back: what is held falls
 *   restart            the program ends without writing, and starts
 *   end                counts and writes all that is left, says "done"
 */
#include "consumer/counter_source.h"
#include "consumer/positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTITIONS = 4, LINE_SIZE = 2 * EVENT_SIZE_MAX + 64, CACHE = 4 };

struct item {
    int32_t partition;
    int64_t offset, now_ms;
    char *bytes;
    size_t len;
};

struct run {
    char url[300], sites_path[256], sources[256];
    int64_t limits[STORE_NAME_KIND_COUNT];
    struct sites *sites;
    struct store *store;
    struct counter *counter;
    struct counter_source source;
    struct positions *positions;
    struct item *items;
    size_t count, capacity, taken;
    int64_t ends[PARTITIONS];
};

static void check(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "count_stream: %s\n", what);
        exit(1);
    }
}

static void on_position(int32_t partition, int64_t next, void *arg)
{
    positions_load(arg, partition, next);
}

/* Reads the store's word and goes on from there. */
static void load(struct run *r)
{
    counter_reset(r->counter);
    positions_unload(r->positions);
    check(counter_source_load(&r->source, "topic") == 0, "the store does not load");
    check(store_load_positions(r->store, "topic", on_position, r->positions) == 0, "no positions");
    for (int32_t i = 0; i < PARTITIONS; i++) {
        check(counter_source_load_marks(&r->source, "topic", i) == 0, "no marks");
    }
    r->taken = 0; /* what is counted is passed over by its offset */
}

static void start(struct run *r)
{
    struct error err = {""};
    struct poll_offset offsets[PARTITIONS];
    struct counter_options options = {
        .rules = {.gap_ms = 6 * 3600000, .keep_ms = 48 * 3600000, .finish_at = 95},
        .viewing_cache = CACHE,
        .sites = r->sites,
        .known_sources = r->sources,
        .limits = r->limits,
    };
    counter_source_fill(&options, &r->source);
    check(store_open(&r->store, r->url, &err) == 0, err.text);
    check(counter_new(&r->counter, &options, &err) == 0, err.text);
    r->source = (struct counter_source){r->store, r->counter};
    r->positions = positions_new();
    for (int32_t i = 0; i < PARTITIONS; i++) {
        offsets[i] = (struct poll_offset){i, POLL_FROM_START};
    }
    check(r->positions != NULL && positions_assign(r->positions, offsets, PARTITIONS) == 0,
          "no memory");
    load(r);
}

static void stop(struct run *r)
{
    counter_free(r->counter);
    positions_free(r->positions);
    store_close(r->store);
    r->counter = NULL;
    r->positions = NULL;
    r->store = NULL;
}

static void forget(struct run *r)
{
    stop(r);
    sites_free(r->sites);
    for (size_t i = 0; i < r->count; i++) {
        free(r->items[i].bytes);
    }
    free(r->items);
    *r = (struct run){0};
}

static void open_run(struct run *r, const char *line)
{
    char path[256];
    struct error err = {""};
    forget(r);
    int64_t *l = r->limits;
    check(sscanf(line,
                 "open %255s %255s %" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64
                 " %255s",
                 path, r->sites_path, &l[STORE_NAME_SOURCE], &l[STORE_NAME_EVENT],
                 &l[STORE_NAME_PHOTO], &l[STORE_NAME_DOMAIN], &l[STORE_NAME_URL], r->sources) == 8,
          "open FILE SITES LIMITS SOURCES");
    if (strcmp(r->sources, "-") == 0) {
        r->sources[0] = '\0';
    }
    (void)snprintf(r->url, sizeof r->url, "sqlite:%s", path);
    check(sites_load(&r->sites, r->sites_path, &err) == 0, err.text);
    start(r);
}

/* By doubling: one more each time would copy a million items a million times. */
static void make_room(struct run *r)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity == 0 ? 1024 : 2 * r->capacity;
        r->items = reallocarray(r->items, r->capacity, sizeof *r->items);
        check(r->items != NULL, "no memory");
    }
}

static void put_item(struct run *r, const char *line)
{
    struct item item = {0};
    int at = 0;
    check(sscanf(line, "item %" SCNd32 " %" SCNd64 " %n", &item.partition, &item.now_ms, &at) == 2,
          "item PARTITION NOW HEX");
    check(item.partition >= 0 && item.partition < PARTITIONS, "no such partition");
    item.offset = r->ends[item.partition]++;
    item.len = strspn(line + at, "0123456789abcdef") / 2;
    item.bytes = malloc(item.len + 1);
    check(item.bytes != NULL, "no memory");
    make_room(r);
    for (size_t i = 0; i < item.len; i++) {
        const char hex[3] = {line[at], line[at + 1], '\0'};
        item.bytes[i] = (char)strtoul(hex, NULL, 16);
        at += 2;
    }
    r->items[r->count++] = item;
}

static void take_one(struct run *r, const struct item *item)
{
    struct player_event event;
    if (positions_accept(r->positions, item->partition, item->offset) != POSITIONS_TAKE) {
        return;
    }
    enum event_decode_result decoded = event_decode(slice_make(item->bytes, item->len), &event);
    check(decoded == EVENT_DECODE_OK, event_decode_reason(decoded));
    counter_set_now(r->counter, item->now_ms == 0 ? INT64_MAX / 2 : item->now_ms);
    enum counter_result result =
        counter_add(r->counter, item->partition, (int64_t)event.ts_ms, &event);
    check(result != COUNTER_NO_MEMORY && result != COUNTER_STORE_FAILED, "it is not counted");
    positions_move(r->positions, item->partition, item->offset + 1, (int64_t)event.ts_ms);
}

static void take(struct run *r, size_t count)
{
    for (; count > 0 && r->taken < r->count; count--) {
        take_one(r, &r->items[r->taken++]);
    }
}

static void flush(struct run *r, bool is_refused, bool is_lost)
{
    const struct poll_offset *moved = NULL;
    struct store_batch batch = {.topic = "topic"};
    check(counter_rows(r->counter, 0, &batch) == 0, "no rows");
    batch.position_count = positions_changed(r->positions, &batch.positions);
    if (!is_refused) {
        check(store_write(r->store, &batch) == STORE_OK, store_fault(r->store));
    }
    if (is_refused || is_lost) {
        load(r);
    } else {
        counter_commit(r->counter);
        (void)positions_commit(r->positions, &moved); /* there is no Kafka to be told */
    }
}

/* Returns false for a line that says nothing. */
static bool obey(struct run *r, const char *line)
{
    if (strncmp(line, "open ", 5) == 0) {
        open_run(r, line);
    } else if (strncmp(line, "item ", 5) == 0) {
        put_item(r, line);
    } else if (strncmp(line, "take ", 5) == 0) {
        take(r, strtoul(line + 5, NULL, 10));
    } else if (strcmp(line, "flush\n") == 0) {
        flush(r, false, false);
    } else if (strcmp(line, "refuse\n") == 0) {
        flush(r, true, false);
    } else if (strcmp(line, "lose\n") == 0) {
        flush(r, false, true);
    } else if (strcmp(line, "move\n") == 0) {
        load(r);
    } else if (strcmp(line, "restart\n") == 0) {
        stop(r);
        start(r);
    } else if (strcmp(line, "end\n") == 0) {
        take(r, r->count);
        flush(r, false, false);
        stop(r);
        check(puts("done") != EOF && fflush(stdout) == 0, "nobody listens");
    } else {
        return false;
    }
    return true;
}

int main(void)
{
    static struct run run;
    static char line[LINE_SIZE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        check(obey(&run, line), line);
    }
    forget(&run);
    return 0;
}
