/* What is no longer kept goes, a bounded number of rows at a time, between two flushes. */
#include "consumer/pipeline_internal.h"

#include "common/clock.h"
#include "common/kafka_topic.h"
#include "common/log.h"

#include <stdlib.h>

enum {
    MARKS_MS = 600000, /* how often marks out of date are looked for */
    SWEEP_MS = 60000,  /* the same for all else */
    STEP_MS = 50,      /* until the next step, while there is more to do */
    SEEN_DAYS = 2      /* report_ids are kept: the window of 24 h, and the day it began on */
};

static void tell_failed(struct pipeline *p, const char *what)
{
    LOG_WARN("rows_not_dropped", log_text("table", what), log_text("err", store_fault(p->store)));
}

/*
 * A mark goes when no repeat can come any more: the topic's retention and 7 days have passed since
 * it was seen, by the time of the records that are read, not by the clock. Else a consumer that
 * reads a long backlog would drop the marks of the lanes in it.
 */
static void sweep_marks(struct pipeline *p, int64_t through_ms)
{
    int64_t retention_ms =
        kafka_topic_retention_ms(poll_handle(p->poll), p->o.topic, PIPELINE_ASK_MS);
    if (retention_ms < 0 || retention_ms >= through_ms - PIPELINE_RETENTION_MS) {
        return; /* not known, or for ever */
    }
    int64_t before_ms = through_ms - retention_ms - PIPELINE_RETENTION_MS;
    int dropped = store_drop_marks(p->store, p->subject, before_ms);
    if (dropped < 0) {
        tell_failed(p, "marks");
    } else if (dropped > 0) {
        LOG_INFO("rows_dropped", log_text("table", "marks"), log_int("count", dropped));
        metric_add(p->figures.dropped[PIPELINE_DROPPED_MARKS], (uint64_t)dropped);
    }
}

/*
 * A viewing is over by the clock of its partition; which that is does not stand in its row, so the
 * least of all counts. A partition that nothing comes to any more holds up the rest only as long as
 * the topic could still have records of that time.
 */
static int64_t viewings_before_ms(const struct pipeline *p, int64_t through_ms)
{
    int64_t least_ms = counter_least_clock(p->counter);
    int64_t latest_ms = through_ms - 2 * PIPELINE_RETENTION_MS;
    int64_t clock_ms = least_ms > through_ms ? through_ms : least_ms;
    clock_ms = clock_ms > latest_ms ? clock_ms : latest_ms;
    return clock_ms - PIPELINE_VIEWING_KEEP_MS;
}

/* Days are kept for ever; what is finer as long as questions about it are answered. */
static int64_t before_of(const struct pipeline *p, enum store_old what, int64_t through_ms)
{
    int64_t day = through_ms / PIPELINE_DAY_MS;
    switch (what) {
    case STORE_OLD_QUARTERS:
        return (day - STORE_QUARTERS_KEPT_DAYS) * 96;
    case STORE_OLD_HOURS:
        return (day - STORE_HOURS_KEPT_DAYS) * 24;
    case STORE_OLD_NAMES:
        return day - STORE_QUARTERS_KEPT_DAYS;
    case STORE_OLD_REPORT_IDS:
        return day - SEEN_DAYS;
    case STORE_OLD_VIEWINGS:
        return viewings_before_ms(p, through_ms);
    case STORE_OLD_SPACE:
    case STORE_OLD_COUNT:
        break;
    }
    return 0;
}

static void sweep_one(struct pipeline *p, enum store_old what, int64_t through_ms)
{
    static const char *const names[STORE_OLD_COUNT] = {"quarters",   "hours",    "names",
                                                       "report_ids", "viewings", "space"};
    bool more = false;
    int dropped = store_drop_old(p->store, what, before_of(p, what, through_ms), &more);
    p->swept_at_ms[what] = clock_mono_ms() - (more ? SWEEP_MS - STEP_MS : 0);
    if (dropped < 0) {
        tell_failed(p, names[what]);
    } else {
        metric_add(p->figures.dropped[what], (uint64_t)dropped);
    }
}

void pipeline_sweep(struct pipeline *p)
{
    uint64_t now_ms = clock_mono_ms();
    int64_t through_ms = p->status.complete_through_ms; /* this thread alone writes it */
    /* While Kafka is away the ends are old, and the clock outruns what is to come. */
    if (p->must_load || p->frozen || through_ms == 0 || poll_fault(p->poll)[0] != '\0') {
        return;
    }
    if (now_ms - p->marks_swept_at_ms >= MARKS_MS) {
        p->marks_swept_at_ms = now_ms;
        sweep_marks(p, through_ms);
    }
    for (int i = 0; i < STORE_OLD_COUNT; i++) {
        enum store_old what = (enum store_old)((p->sweep_first + i) % STORE_OLD_COUNT);
        if (now_ms - p->swept_at_ms[what] >= SWEEP_MS) {
            p->sweep_first = (int)what + 1; /* one step a turn, of each in turn */
            sweep_one(p, what, through_ms);
            return;
        }
    }
}
