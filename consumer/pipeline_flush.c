/* What is held goes to the store in one transaction, or falls and is loaded and read anew. */
#include "consumer/pipeline_internal.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- Trouble with the store: told once, tried again with growing pauses. ---- */

bool pipeline_pause_is_over(const struct pause *pause)
{
    return pause->wait_ms == 0 || clock_mono_ms() >= pause->again_at_ms;
}

void pipeline_pause_longer(struct pause *pause)
{
    unsigned longer = pause->wait_ms == 0 ? PIPELINE_PAUSE_MS : pause->wait_ms * 2;
    pause->wait_ms = longer < PIPELINE_PAUSE_MAX_MS ? longer : PIPELINE_PAUSE_MAX_MS;
    pause->again_at_ms = clock_mono_ms() + pause->wait_ms;
}

static void fail(struct pipeline *p, const char *what, const char *fault)
{
    pipeline_pause_longer(&p->store_pause);
    metric_add(p->figures.retries, 1);
    (void)snprintf(p->failing, sizeof p->failing, "%s%s%s", what, fault[0] == '\0' ? "" : ": ",
                   fault);
    if (p->failing_since_ms == 0) {
        p->failing_since_ms = clock_mono_ms();
        LOG_WARN("store_stalled", log_text("reason", what), log_text("err", fault),
                 log_text("action", "counting pauses and tries again; nothing is lost"));
    }
}

void pipeline_calm(struct pipeline *p)
{
    p->store_pause = (struct pause){0};
    if (p->failing_since_ms != 0) {
        LOG_INFO("store_resumed", log_uint("after_ms", clock_mono_ms() - p->failing_since_ms));
    }
    p->failing_since_ms = 0;
}

static void freeze(struct pipeline *p, const char *what, const char *fault)
{
    fail(p, what, fault);
    if (!p->frozen) {
        poll_pause(p->poll, true);
    }
    p->frozen = true;
}

static void thaw(struct pipeline *p)
{
    if (p->frozen) {
        poll_pause(p->poll, false);
    }
    p->frozen = false;
}

/* ---- Loading. ---- */

static void on_position(int32_t partition, int64_t next, void *arg)
{
    positions_load(arg, partition, next);
}

void pipeline_store_failed(struct pipeline *p)
{
    fail(p, "the store could not be read", store_fault(p->store));
}

int pipeline_load(struct pipeline *p)
{
    counter_reset(p->counter);
    positions_unload(p->positions);
    p->changed_at_ms = 0;
    int failed = counter_source_load(&p->source, p->subject);
    if (failed == 0) {
        failed = store_load_positions(p->store, p->subject, on_position, p->positions);
    }
    for (size_t i = 0; failed == 0 && i < positions_count(p->positions); i++) {
        int32_t partition = positions_at(p->positions, i).partition;
        failed = counter_source_load_marks(&p->source, p->subject, partition);
    }
    if (failed != 0) {
        fail(p, "the store could not be read",
             failed == -ENOMEM ? strerror(ENOMEM) : store_fault(p->store));
    }
    return failed;
}

void pipeline_discard(struct pipeline *p)
{
    p->must_load = true;
    thaw(p); /* what was frozen is gone */
}

void pipeline_load_again(struct pipeline *p)
{
    const struct poll_offset *offsets = NULL;
    if (pipeline_load(p) != 0) {
        return;
    }
    size_t count = positions_offsets(p->positions, &offsets);
    if (poll_restart(p->poll, offsets, count) != 0) {
        fail(p, "the partitions could not be started again", "see assign_failed in the log");
        return;
    }
    p->must_load = false;
}

void pipeline_forget(struct pipeline *p)
{
    thaw(p);
    counter_reset(p->counter);
    positions_reset(p->positions);
    p->must_load = false;
    p->changed_at_ms = 0;
    p->stopped[0] = '\0';
}

/* ---- Writing. ---- */

static void settle(struct pipeline *p)
{
    const struct poll_offset *moved = NULL;
    counter_commit(p->counter);
    p->store_bytes = store_size(p->store);
    size_t count = positions_commit(p->positions, &moved);
    if (count > 0) {
        poll_commit(p->poll, moved, count);
        metric_add(p->figures.flushes, 1);
    }
    p->changed_at_ms = 0;
    thaw(p);
    pipeline_calm(p);
    if (positions_in_state(p->positions, POSITIONS_LOST) == 0 &&
        positions_in_state(p->positions, POSITIONS_HELD) == 0) {
        p->mend_pause = (struct pause){0}; /* not before: what was mended may fail at once */
    }
}

/* The store's word counts, memory's does not. */
static void conflict(struct pipeline *p)
{
    const char *fault = store_fault(p->store);
    metric_add(p->figures.conflicts, 1);
    if (fault[0] != '\0' || p->store_pause.wait_ms != 0) {
        fail(p, "the outcome of a commit is not known", fault);
    } else {
        LOG_WARN("store_conflict", log_text("reason", "a position is not as it was left"),
                 log_text("action", "batch dropped, positions read again"));
        pipeline_pause_longer(&p->store_pause);
    }
    pipeline_discard(p);
}

static void write_failed(struct pipeline *p, enum store_result result)
{
    switch (result) {
    case STORE_OK:
        break;
    case STORE_CONFLICT:
        conflict(p);
        break;
    case STORE_RETRY:
        freeze(p, "the store is busy", store_fault(p->store));
        break;
    case STORE_FULL:
        freeze(p, "the store's disk is full", store_fault(p->store));
        break;
    case STORE_FAILED:
        freeze(p, "the store failed", store_fault(p->store));
        break;
    }
}

/*
 * Dead letters are delivered first, then the transaction that goes past them commits. The
 * partitions of those that are not wait; the others are read again without them.
 */
static bool letters_are_delivered(struct pipeline *p)
{
    if (deadletter_flush(p->deadletter, PIPELINE_DEADLETTER_MS) == 0) {
        return true;
    }
    for (size_t i = 0; i < positions_count(p->positions); i++) {
        int32_t partition = positions_at(p->positions, i).partition;
        if (deadletter_give_up(p->deadletter, partition)) {
            positions_set_state(p->positions, partition, POSITIONS_HELD);
            LOG_WARN("partition_held", log_int("partition", partition),
                     log_text("reason", "its dead letters are not delivered"),
                     log_text("err", deadletter_fault(p->deadletter)));
        }
    }
    pipeline_pause_longer(&p->mend_pause);
    pipeline_discard(p);
    return false;
}

bool pipeline_flush(struct pipeline *p)
{
    struct store_batch batch = {.topic = p->subject};
    if (p->must_load || !letters_are_delivered(p)) {
        return false;
    }
    int32_t today = (int32_t)((int64_t)clock_wall_ms() / PIPELINE_DAY_MS);
    if (counter_rows(p->counter, today, &batch) != 0) {
        freeze(p, "the rows could not be made", strerror(ENOMEM));
        return false;
    }
    batch.position_count = positions_changed(p->positions, &batch.positions);
    uint64_t began_us = clock_mono_us();
    enum store_result result = batch.position_count == 0 ? STORE_OK : store_write(p->store, &batch);
    if (result != STORE_OK) {
        write_failed(p, result);
        return false;
    }
    if (batch.position_count > 0) {
        vitals_flushed(p->vitals, clock_mono_us() - began_us);
    }
    settle(p);
    return true;
}
