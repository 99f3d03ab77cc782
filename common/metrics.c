#include "common/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

enum { CACHE_LINE = 64, MICROSECONDS = 1000000 /* of a second */ };

struct entry {
    alignas(CACHE_LINE) struct metric cell; /* a line of its own: threads do not share one */
    const char *name;
    const char *labels;
    const char *help;
    metrics_gauge_fn *fn; /* NULL for a counter */
    bool is_time;         /* a counter of microseconds, shown in seconds */
    void *arg;
    struct entry *next;
};

struct metrics {
    pthread_mutex_t lock;
    struct entry *first;
    struct entry **last;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&m->lock, NULL) != 0) {
        free(m);
        return NULL;
    }
    m->last = &m->first;
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL) {
        return;
    }
    struct entry *next = NULL;
    for (struct entry *e = m->first; e != NULL; e = next) {
        next = e->next;
        free(e);
    }
    (void)pthread_mutex_destroy(&m->lock); /* nobody holds it any more */
    free(m);
}

static struct entry *add(struct metrics *m, const struct entry *proto)
{
    struct entry *e = aligned_alloc(CACHE_LINE, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    *e = *proto;
    (void)pthread_mutex_lock(&m->lock); /* a plain mutex that is held for moments only */
    *m->last = e;
    m->last = &e->next;
    (void)pthread_mutex_unlock(&m->lock);
    return e;
}

struct metric *metrics_counter(struct metrics *m, const char *name, const char *labels,
                               const char *help)
{
    struct entry proto = {.name = name, .labels = labels, .help = help};
    struct entry *e = add(m, &proto);
    return e == NULL ? NULL : &e->cell;
}

struct metric *metrics_time(struct metrics *m, const char *name, const char *labels,
                            const char *help)
{
    struct entry proto = {.name = name, .labels = labels, .help = help, .is_time = true};
    struct entry *e = add(m, &proto);
    return e == NULL ? NULL : &e->cell;
}

int metrics_gauge(struct metrics *m, const char *name, const char *labels, const char *help,
                  metrics_gauge_fn *fn, void *arg)
{
    struct entry proto = {.name = name, .labels = labels, .help = help, .fn = fn, .arg = arg};
    return add(m, &proto) == NULL ? -ENOMEM : 0;
}

/* Is there an entry before e of the same name (and labels, if asked)? Then it was shown there. */
static bool shown_before(const struct metrics *m, const struct entry *e, bool with_labels)
{
    for (const struct entry *before = m->first; before != e; before = before->next) {
        if (strcmp(before->name, e->name) == 0 &&
            (!with_labels || strcmp(before->labels, e->labels) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->labels, b->labels) == 0;
}

static double sum_of_gauges(const struct entry *e)
{
    double sum = 0;
    for (const struct entry *same = e; same != NULL; same = same->next) {
        if (is_same(same, e)) {
            sum += same->fn(same->arg);
        }
    }
    return sum;
}

static uint64_t sum_of_counters(const struct entry *e)
{
    uint64_t sum = 0;
    for (const struct entry *same = e; same != NULL; same = same->next) {
        if (is_same(same, e)) {
            sum += metric_read(&same->cell);
        }
    }
    return sum;
}

static void render_sample(const struct entry *e, struct buffer *out)
{
    buffer_append_text(out, e->name);
    if (e->labels[0] != '\0') {
        buffer_append_format(out, "{%s}", e->labels);
    }
    if (e->fn != NULL) {
        buffer_append_format(out, " %.17g\n", sum_of_gauges(e));
        return;
    }
    uint64_t sum = sum_of_counters(e);
    if (e->is_time) {
        buffer_append_format(out, " %" PRIu64 ".%06" PRIu64 "\n", sum / MICROSECONDS,
                             sum % MICROSECONDS);
    } else {
        buffer_append_format(out, " %" PRIu64 "\n", sum);
    }
}

static void render_family(const struct metrics *m, const struct entry *first, struct buffer *out)
{
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", first->name, first->help, first->name,
                         first->fn != NULL ? "gauge" : "counter");
    for (const struct entry *e = first; e != NULL; e = e->next) {
        if (strcmp(e->name, first->name) == 0 && !shown_before(m, e, true)) {
            render_sample(e, out);
        }
    }
}

void metrics_render(struct metrics *m, struct buffer *out)
{
    (void)pthread_mutex_lock(&m->lock);
    for (const struct entry *e = m->first; e != NULL; e = e->next) {
        if (!shown_before(m, e, false)) {
            render_family(m, e, out);
        }
    }
    (void)pthread_mutex_unlock(&m->lock);
}
