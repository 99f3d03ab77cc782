#include "consumer/viewing.h"

#include <math.h>
#include <string.h>

/* Players of live streams send seconds since 1970 as positions; what lies past this is no number.
 */
static const int64_t FARTHEST_MS = INT64_C(10000000000) * 1000;
/* No range and no video is longer, so that no report adds more than that to a sum. */
static const int64_t LONGEST_MS = INT64_C(31) * 86400 * 1000;

/* Whole ms, halves up. Returns false for what is no number. */
static bool to_ms(double seconds, int64_t *ms)
{
    if (!isfinite(seconds) || fabs(seconds) * 1000 > (double)FARTHEST_MS) {
        return false;
    }
    *ms = (int64_t)floor(seconds * 1000 + 0.5);
    return true;
}

static int64_t total_of(const struct player_event *e)
{
    int64_t total_ms = 0;
    bool is_given = (e->present & EVENT_HAS_TIME_TOTAL) != 0 && to_ms(e->time_total, &total_ms);
    return is_given && total_ms > 0 && total_ms <= LONGEST_MS ? total_ms : 0;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Cut by the length that this report names, since the largest seen would depend on the order. A
 * start alone is a range without length: it covers nothing, but says where playing stands. */
static bool range_of(const struct player_event *e, int64_t total_ms, struct range *out)
{
    int64_t start_ms = 0, end_ms = 0;
    if ((e->present & EVENT_HAS_TIME_START) == 0 || !to_ms(e->time_start, &start_ms)) {
        return false;
    }
    end_ms = start_ms;
    if ((e->present & EVENT_HAS_TIME_END) != 0 && !to_ms(e->time_end, &end_ms)) {
        return false;
    }
    if (end_ms < start_ms) {
        return false;
    }
    start_ms = max(start_ms, 0);
    end_ms = max(end_ms, 0);
    if (total_ms > 0 && end_ms > total_ms) {
        end_ms = total_ms;
    }
    *out = (struct range){start_ms, end_ms};
    return end_ms >= start_ms && end_ms - start_ms <= LONGEST_MS;
}

struct viewing_report viewing_report_of(const struct player_event *e, int32_t day, int64_t clock_ms)
{
    struct viewing_report r = {.ts_ms = (int64_t)e->ts_ms, .clock_ms = clock_ms, .day = day};
    r.is_live = (e->present & EVENT_HAS_PLAY_TIMESTAMP) != 0;
    if (r.is_live) { /* outranks the times of the same report */
        r.has_range = e->play_timestamp <= (uint64_t)FARTHEST_MS / 1000;
        int64_t at_ms = r.has_range ? (int64_t)e->play_timestamp * 1000 : 0;
        r.range = (struct range){at_ms, at_ms};
        return r;
    }
    r.total_ms = total_of(e);
    r.has_range = range_of(e, r.total_ms, &r.range);
    return r;
}

/*
 * A pause over night. A report without length begins a viewing even at the same place: (0,0) is how
 * players say that they start, and yesterday's may be all there was. Live points have none either.
 */
static bool goes_on(const struct viewing *v, const struct viewing_report *r)
{
    return r->has_range && v->has_last && r->range.end_ms > r->range.start_ms &&
           r->range.start_ms == v->last.start_ms && r->range.end_ms >= v->last.end_ms;
}

bool viewing_holds(const struct viewing *v, const struct viewing_report *r,
                   const struct viewing_rules *rules)
{
    /* by the partition's clock: a rebuild forgets at the same places */
    if (r->clock_ms - v->clock_ms > rules->keep_ms) {
        return false;
    }
    return r->ts_ms - v->last_ms <= rules->gap_ms || goes_on(v, r);
}

void viewing_begin(struct viewing *v, const struct viewing_fixed *fixed,
                   const struct viewing_report *r)
{
    v->fixed = *fixed;
    v->home_ms = r->ts_ms;
    v->last_ms = r->ts_ms;
    v->clock_ms = r->clock_ms;
    v->day = INT32_MIN; /* none yet */
    v->total_ms = 0;
    v->is_finished = false;
    v->has_last = false;
    v->line.count = 0;
    v->live_line.count = 0;
}

/* What is credited of the whole viewing. */
struct said {
    int64_t share_ppm;
    struct ranges_points points;
};

static struct said say(const struct viewing *v)
{
    struct said said = {0};
    if (v->total_ms > 0) {
        int64_t covered_ms = ranges_covered(&v->line, v->total_ms);
        said.share_ppm = (2 * covered_ms * 1000000 + v->total_ms) / (2 * v->total_ms);
        said.points = ranges_points(&v->line, v->total_ms);
    }
    return said;
}

/* Takes out what was said before, puts in what is to be said now. */
static void say_again(struct viewing *v, const struct said *before,
                      const struct viewing_rules *rules, struct viewing_change *change)
{
    struct said now = say(v);
    bool is_finished = v->total_ms > 0 && v->line.count > 0 &&
                       ranges_end(&v->line) * 100 >= rules->finish_at * v->total_ms;
    change->share_ppm = now.share_ppm - before->share_ppm;
    change->finishes = is_finished - v->is_finished;
    v->is_finished = is_finished;
    for (int i = 0; i < 2; i++) {
        change->gained.word[i] = now.points.word[i] & ~before->points.word[i];
        change->lost.word[i] = before->points.word[i] & ~now.points.word[i];
    }
}

struct viewing_change viewing_take(struct viewing *v, const struct viewing_report *r,
                                   const struct viewing_rules *rules)
{
    struct viewing_change change = {.is_new_day = v->day != r->day};
    v->day = r->day;
    v->last_ms = max(v->last_ms, r->ts_ms);
    v->clock_ms = r->clock_ms;
    if (r->is_live) {
        if (r->has_range) {
            change.engagement_ms =
                ranges_add(&v->live_line, r->range, VIEWING_LIVE_WITHIN_MS, &change.joined);
        }
        return change;
    }
    bool covers = r->has_range && r->range.end_ms > r->range.start_ms;
    bool is_longer = r->total_ms > v->total_ms;
    struct said before = covers || is_longer ? say(v) : (struct said){0};
    if (r->has_range) {
        v->last = r->range;
        v->has_last = true;
    }
    if (covers) {
        change.engagement_ms = ranges_add(&v->line, r->range, 0, &change.joined);
    }
    change.known = is_longer && v->total_ms == 0;
    v->total_ms = max(v->total_ms, r->total_ms);
    if (change.engagement_ms > 0 || is_longer) {
        say_again(v, &before, rules, &change);
    }
    return change;
}
