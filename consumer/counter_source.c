#include "consumer/counter_source.h"

#include <errno.h>

static void on_mark(const struct store_mark *mark, void *arg)
{
    counter_load_mark(arg, mark);
}

static void on_string(uint32_t id, struct slice text, void *arg)
{
    counter_load_string(arg, id, text);
}

static void on_clock(const struct store_clock *clock, void *arg)
{
    counter_load_clock(arg, clock);
}

static void on_viewing(struct slice state, void *arg)
{
    counter_load_viewing(arg, state);
}

struct seen_taker {
    struct counter *counter;
    const struct store_seen_key *key;
};

static void on_seen(struct slice data, void *arg)
{
    const struct seen_taker *t = arg;
    counter_load_seen(t->counter, t->key, data);
}

static int find_seen(const struct store_seen_key *key, void *arg)
{
    const struct counter_source *s = arg;
    struct seen_taker t = {s->counter, key};
    return store_load_seen(s->store, key, on_seen, &t);
}

static int find_viewing(const struct store_viewing_key *key, void *arg)
{
    const struct counter_source *s = arg;
    return store_load_viewing(s->store, key, on_viewing, s->counter);
}

static int count_names(const struct store_name_day *day, int64_t *count, void *arg)
{
    const struct counter_source *s = arg;
    return store_count_names(s->store, day, count);
}

static int find_name(const struct store_name_day *day, uint64_t name, store_name_fn *fn, void *to,
                     void *arg)
{
    const struct counter_source *s = arg;
    return store_find_name(s->store, day, name, fn, to);
}

static int largest_names(const struct store_name_day *day, int64_t limit, store_name_fn *fn,
                         void *to, void *arg)
{
    const struct counter_source *s = arg;
    return store_largest_names(s->store, day, limit, fn, to);
}

void counter_source_fill(struct counter_options *options, struct counter_source *s)
{
    options->find_seen = find_seen;
    options->find_viewing = find_viewing;
    options->names = (struct counter_names_source){count_names, find_name, largest_names};
    options->arg = s;
}

int counter_source_load(struct counter_source *s, const char *topic)
{
    struct store_viewer_key key;
    int failed = store_load_viewer_key(s->store, &key);
    if (failed == 0) {
        counter_load_viewer_key(s->counter, &key);
        failed = store_load_strings(s->store, on_string, s->counter);
    }
    if (failed == 0) {
        failed = store_load_clocks(s->store, topic, on_clock, s->counter);
    }
    return failed == 0 && counter_failed(s->counter) ? -ENOMEM : failed;
}

int counter_source_load_marks(struct counter_source *s, const char *topic, int32_t partition)
{
    int failed = store_load_marks(s->store, topic, partition, on_mark, s->counter);
    return failed == 0 && counter_failed(s->counter) ? -ENOMEM : failed;
}
