#include "ingest/publisher_lanes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lanes_init(struct lanes *ls, struct journal *journal)
{
    *ls = (struct lanes){.journal = journal};
}

static void close_lane(struct lane *l)
{
    journal_cursor_close(l->cursor);
    free(l);
}

void lanes_fini(struct lanes *ls)
{
    for (size_t i = 0; i < ls->count; i++) {
        close_lane(ls->items[i]);
    }
    free(ls->items);
    free(ls->listed);
    *ls = (struct lanes){0};
}

/* Lanes only go away while there is one start, so the second call suffices. */
static int list_lanes(struct lanes *ls)
{
    size_t count = journal_lanes(ls->journal, ls->listed, ls->listed_capacity);
    if (count > ls->listed_capacity) {
        struct journal_lane *listed = reallocarray(ls->listed, count, sizeof *listed);
        if (listed == NULL) {
            return -ENOMEM;
        }
        ls->listed = listed;
        ls->listed_capacity = count;
        count = journal_lanes(ls->journal, ls->listed, ls->listed_capacity);
    }
    ls->listed_count = count < ls->listed_capacity ? count : ls->listed_capacity;
    return 0;
}

static const struct journal_lane *find_listed(const struct lanes *ls, uint64_t id)
{
    for (size_t i = 0; i < ls->listed_count; i++) {
        if (ls->listed[i].lane == id) {
            return &ls->listed[i];
        }
    }
    return NULL;
}

struct lane *lanes_find(const struct lanes *ls, uint64_t id)
{
    for (size_t i = 0; i < ls->count; i++) {
        if (ls->items[i]->id == id) {
            return ls->items[i];
        }
    }
    return NULL;
}

static size_t count_old(const struct lanes *ls)
{
    size_t count = 0;
    for (size_t i = 0; i < ls->count; i++) {
        count += !ls->items[i]->is_current;
    }
    return count;
}

static bool is_drained(const struct lanes *ls, const struct lane *l)
{
    const struct journal_lane *listed = find_listed(ls, l->id);
    return window_lane_is_empty(&l->window) &&
           (listed == NULL || (!listed->current && listed->first > listed->last));
}

static void close_drained(struct lanes *ls)
{
    size_t kept = 0;
    for (size_t i = 0; i < ls->count; i++) {
        if (is_drained(ls, ls->items[i])) {
            close_lane(ls->items[i]);
        } else {
            ls->items[kept++] = ls->items[i];
        }
    }
    ls->count = kept;
}

static int make_room(struct lanes *ls)
{
    if (ls->count < ls->capacity) {
        return 0;
    }
    size_t capacity = ls->capacity == 0 ? 8 : 2 * ls->capacity;
    struct lane **items = reallocarray(ls->items, capacity, sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    ls->items = items;
    ls->capacity = capacity;
    return 0;
}

static int open_lane(struct lanes *ls, const struct journal_lane *listed)
{
    struct lane *l = make_room(ls) == 0 ? calloc(1, sizeof *l) : NULL;
    if (l == NULL) {
        return -ENOMEM;
    }
    int failed = journal_cursor_open(&l->cursor, ls->journal, listed->lane);
    if (failed != 0) {
        free(l);
        return failed == -ENOENT ? 0 : failed;
    }
    l->id = listed->lane;
    l->is_current = listed->current;
    l->partition_count = listed->partition_count;
    l->told = listed->first - 1;
    /* Under a recorded count someone may have sent any of what stands there. */
    l->sent = listed->partition_count != 0 ? listed->last : 0;
    window_lane_init(&l->window, l->id, l->told);
    ls->items[ls->count++] = l;
    return 0;
}

int lanes_refresh(struct lanes *ls)
{
    int failed = list_lanes(ls);
    if (failed != 0) {
        return failed;
    }
    close_drained(ls);
    size_t old_open = count_old(ls);
    ls->has_old = old_open > 0;
    for (size_t i = 0; i < ls->listed_count; i++) {
        const struct journal_lane *listed = &ls->listed[i];
        if (lanes_find(ls, listed->lane) != NULL ||
            (!listed->current && listed->first > listed->last)) {
            continue;
        }
        ls->has_old = ls->has_old || !listed->current;
        if (!listed->current && old_open >= LANES_OLD_MAX) {
            continue;
        }
        failed = open_lane(ls, listed);
        if (failed != 0) {
            return failed;
        }
        old_open += !listed->current;
    }
    return 0;
}

bool lanes_settle(struct lanes *ls)
{
    bool any = false;
    for (size_t i = 0; i < ls->count; i++) {
        struct lane *l = ls->items[i];
        if (l->window.settled > l->told) {
            l->told = l->window.settled;
            journal_settle(ls->journal, l->id, l->told);
            any = true;
        }
    }
    return any;
}

void lanes_rewind(struct lanes *ls)
{
    for (size_t i = 0; i < ls->count; i++) {
        journal_cursor_rewind(ls->items[i]->cursor);
        ls->items[i]->next = 0;
        ls->items[i]->count = 0;
        ls->items[i]->retry_at_ms = 0;
    }
}

static void take_refused(struct lane *l, bool alone, const char *reason)
{
    uint64_t first = l->window.refused_first;
    if (alone && (l->dead == 0 || first < l->dead)) {
        l->dead = first;
        (void)snprintf(l->dead_reason, sizeof l->dead_reason, "%s", reason);
    }
    if (l->window.refused_last > l->careful_through) {
        l->careful_through = l->window.refused_last;
    }
    l->window.refused_first = 0;
    l->window.refused_last = 0;
}

bool lanes_take_refused(struct lanes *ls, bool alone, const char *reason)
{
    bool any = false;
    for (size_t i = 0; i < ls->count; i++) {
        if (ls->items[i]->window.refused_first != 0) {
            take_refused(ls->items[i], alone, reason);
            any = true;
        }
    }
    return any;
}

bool lanes_need_care(const struct lanes *ls)
{
    for (size_t i = 0; i < ls->count; i++) {
        if (ls->items[i]->window.settled < ls->items[i]->careful_through) {
            return true;
        }
    }
    return false;
}

bool lanes_have_dead(const struct lanes *ls)
{
    for (size_t i = 0; i < ls->count; i++) {
        if (ls->items[i]->dead != 0) {
            return true;
        }
    }
    return false;
}

void lane_kill(struct lane *l, const char *reason)
{
    l->dead = l->records[l->next].sequence;
    (void)snprintf(l->dead_reason, sizeof l->dead_reason, "%s", reason);
}

/*
 * The rule that keeps a consumer's marks good: unsettled records of a lane are sent again to the
 * partitions they were sent to before. So an old lane keeps its count until it is drained, and a
 * current one changes it only when nothing that was sent is unsettled.
 */
static enum lane_result fit_partitions(struct lanes *ls, struct lane *l, int topic_partitions,
                                       uint64_t sequence, int *failed)
{
    if (l->partition_count == topic_partitions) {
        return LANE_RECORD;
    }
    if (l->partition_count != 0) {
        if (!l->is_current || sequence <= l->sent) {
            return LANE_RECORD;
        }
        /* By the journal's word: on disk the new count must not stand beside what is settled less,
         * or the next start would send those records to other partitions. */
        if (l->told < l->sent) {
            return LANE_PAUSED;
        }
    }
    *failed = journal_lane_set_partitions(ls->journal, l->id, topic_partitions);
    if (*failed != 0) {
        return LANE_FAILED;
    }
    l->partition_count = topic_partitions;
    return LANE_RECORD;
}

enum lane_result lane_next(struct lanes *ls, struct lane *l, int topic_partitions,
                           const struct journal_record **record, int *failed)
{
    if (l->next == l->count) {
        int count = journal_read(l->cursor, l->records, LANES_READ_MAX);
        l->next = 0;
        l->count = count < 0 ? 0 : (size_t)count;
        if (count < 0) {
            *failed = count;
            return LANE_FAILED;
        }
        if (count == 0) {
            return LANE_EMPTY;
        }
    }
    *record = &l->records[l->next];
    if ((*record)->sequence == l->dead) {
        return LANE_DEAD;
    }
    return fit_partitions(ls, l, topic_partitions, (*record)->sequence, failed);
}

bool lane_take(struct lane *l)
{
    uint64_t sequence = l->records[l->next++].sequence;
    bool again = sequence <= l->sent;
    if (sequence > l->sent) {
        l->sent = sequence;
    }
    return again;
}

void lane_bury(struct lane *l)
{
    window_skip(&l->window, l->dead);
    l->next++;
    l->dead = 0;
}
