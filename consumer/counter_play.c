/* Play reports: which viewing one belongs to, and where what it changes is credited. */
#include "consumer/counter_internal.h"

#include "consumer/timezone.h"

enum { NAMELESS_START_MS = 1000 };

/* A play of nobody: what says that it starts is a play, of the rest nothing can be said. */
static enum counter_result count_nameless(struct counter *c, const struct aggregate_place *place,
                                          const struct player_event *e)
{
    int64_t *measures = aggregate_measures(c->aggregate, place);
    if (measures == NULL) {
        return COUNTER_NO_MEMORY;
    }
    struct viewing_report r = viewing_report_of(e, 0, 0);
    bool is_start = !r.is_live && r.has_range && r.range.start_ms < NAMELESS_START_MS &&
                    r.range.end_ms == r.range.start_ms;
    measures[STORE_REPORTS]++;
    measures[is_start ? STORE_PLAYS : STORE_UNCOUNTED_REPORTS]++;
    return COUNTER_COUNTED;
}

/* A state that does not read is as none: the viewing begins anew. */
void counter_load_viewing(struct counter *c, struct slice state)
{
    c->has_viewing = viewing_decode(state, &c->viewing);
}

/* The viewing of key, if there is one, into c->viewing. Returns 0 or -errno. */
static int find_viewing(struct counter *c, const struct store_viewing_key *key)
{
    struct slice state;
    c->has_viewing = false;
    if (viewings_find(c->viewings, key, &state)) {
        counter_load_viewing(c, state);
        return 0;
    }
    return c->o.find_viewing(key, c->o.arg);
}

static int keep_viewing(struct counter *c, const struct store_viewing_key *key)
{
    char bytes[VIEWING_BYTES_MAX];
    size_t len = viewing_encode(&c->viewing, bytes);
    return viewings_put(c->viewings, key, slice_make(bytes, len), c->viewing.clock_ms);
}

/* Where the viewing's measures of a time go: all but the time is as its first report had it. */
static struct aggregate_place place_of(const struct counter *c, const struct aggregate_place *own,
                                       int64_t ms)
{
    return (struct aggregate_place){.photo_id = own->photo_id,
                                    .site = own->site,
                                    .source = c->viewing.fixed.source,
                                    .quarter = timezone_quarter(ms),
                                    .traffic = c->viewing.fixed.traffic};
}

static bool add(struct counter *c, const struct aggregate_place *place, enum store_measure measure,
                int64_t change)
{
    int64_t *measures = change == 0 ? NULL : aggregate_measures(c->aggregate, place);
    if (measures != NULL) {
        measures[measure] += change;
    }
    return change == 0 || measures != NULL;
}

static struct audience_place audience_of(const struct aggregate_place *place, int32_t day)
{
    return (struct audience_place){day, place->photo_id, place->site, place->source,
                                   place->traffic};
}

/* What is said of the whole viewing stands where it began. */
static bool credit_home(struct counter *c, const struct aggregate_place *own,
                        const struct viewing_change *change)
{
    struct aggregate_place home = place_of(c, own, c->viewing.home_ms);
    struct ranges_points g = change->gained, l = change->lost;
    if ((g.word[0] | g.word[1] | l.word[0] | l.word[1]) != 0) {
        struct audience_place at = audience_of(&home, counter_day(home.site, home.quarter, c));
        if (audience_points(c->audience, &at, g, l) != 0) {
            return false;
        }
    }
    return add(c, &home, STORE_KNOWN, change->known) &&
           add(c, &home, STORE_FINISHES, change->finishes) &&
           add(c, &home, STORE_SHARE_PPM, change->share_ppm);
}

static bool credit(struct counter *c, const struct aggregate_place *own,
                   const struct viewing_change *change, const struct store_viewing_key *key)
{
    struct aggregate_place now = *own;
    now.source = c->viewing.fixed.source;
    now.traffic = c->viewing.fixed.traffic;
    c->figures.joined_intervals += change->joined;
    if (!add(c, own, STORE_REPORTS, 1) ||
        !add(c, &now, STORE_ENGAGEMENT_MS, change->engagement_ms) || !credit_home(c, own, change)) {
        return false;
    }
    struct audience_place day = audience_of(&now, c->viewing.day);
    return !change->is_new_day ||
           audience_viewer(c->audience, &day, viewer_hash_word(key->viewer)) == 0;
}

static bool begin(struct counter *c, const struct aggregate_place *own, bool is_derived,
                  const struct viewing_report *r)
{
    const struct viewing_fixed fixed = {
        .source = own->source, .traffic = own->traffic, .is_derived = is_derived};
    viewing_begin(&c->viewing, &fixed, r);
    return add(c, own, STORE_PLAYS, 1) && add(c, own, STORE_PLAYS_DERIVED, is_derived);
}

enum counter_result counter_play(struct counter *c, const struct aggregate_place *place,
                                 const struct player_event *e, int64_t clock_ms)
{
    bool is_derived = e->uuid.len == 0;
    struct slice name = is_derived ? e->viewer : e->uuid;
    struct store_viewing_key key = {.site = place->site, .photo_id = place->photo_id};
    if (name.len == 0) {
        return count_nameless(c, place, e);
    }
    if (!viewer_hash_of(c->viewer_hash, is_derived, name, key.viewer)) {
        return COUNTER_NO_MEMORY;
    }
    if (find_viewing(c, &key) != 0) {
        return COUNTER_STORE_FAILED;
    }
    struct viewing_report r =
        viewing_report_of(e, counter_day(place->site, place->quarter, c), clock_ms);
    if ((!c->has_viewing || !viewing_holds(&c->viewing, &r, &c->o.rules)) &&
        !begin(c, place, is_derived, &r)) {
        return COUNTER_NO_MEMORY;
    }
    struct viewing_change change = viewing_take(&c->viewing, &r, &c->o.rules);
    bool is_counted = credit(c, place, &change, &key) && keep_viewing(c, &key) == 0;
    return is_counted ? COUNTER_COUNTED : COUNTER_NO_MEMORY;
}
