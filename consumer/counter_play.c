/* Play reports: which viewing one belongs to, and where what it changes is credited. */
#include "consumer/counter_internal.h"

#include "consumer/timezone.h"

#include <errno.h>

enum { NAMELESS_START_MS = 1000 };

/* A play of nobody: what says that it starts is a play, of the rest nothing can be said. */
static enum counter_result count_nameless(struct counter *c, const struct counter_place *own,
                                          const struct player_event *e)
{
    struct counter_place place = *own;
    int failed = counter_admit(c, &place, e);
    if (failed != 0) {
        return counter_result_of(failed);
    }
    struct viewing_report r = viewing_report_of(e, 0, 0);
    bool is_start = !r.is_live && r.has_range && r.range.start_ms < NAMELESS_START_MS &&
                    r.range.end_ms == r.range.start_ms;
    bool is_counted =
        counter_measure(c, &place, STORE_REPORTS, 1) &&
        counter_measure(c, &place, is_start ? STORE_PLAYS : STORE_UNCOUNTED_REPORTS, 1);
    return is_counted ? COUNTER_COUNTED : COUNTER_NO_MEMORY;
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
static struct counter_place place_of(struct counter *c, const struct counter_place *own, int64_t ms)
{
    const struct viewing_fixed *f = &c->viewing.fixed;
    struct counter_place place = *own;
    place.row.photo_id = f->is_other_photo ? STORE_OTHER_PHOTO : own->row.photo_id;
    place.row.source = f->source;
    place.row.traffic = f->traffic;
    place.row.quarter = timezone_quarter(ms);
    place.domain = f->domain;
    place.url = f->url;
    if (place.row.quarter != own->row.quarter) {
        place.day = counter_day(own->row.site, place.row.quarter, c);
    }
    return place;
}

static struct audience_place audience_of(const struct counter_place *place)
{
    const struct aggregate_place *row = &place->row;
    return (struct audience_place){place->day, row->photo_id, row->site, row->source, row->traffic};
}

/* What is said of the whole viewing stands where it began. */
static bool credit_home(struct counter *c, const struct counter_place *own,
                        const struct viewing_change *change)
{
    struct counter_place home = place_of(c, own, c->viewing.home_ms);
    struct ranges_points g = change->gained, l = change->lost;
    if ((g.word[0] | g.word[1] | l.word[0] | l.word[1]) != 0) {
        struct audience_place at = audience_of(&home);
        if (audience_points(c->audience, &at, g, l) != 0) {
            return false;
        }
    }
    return counter_measure(c, &home, STORE_KNOWN, change->known) &&
           counter_measure(c, &home, STORE_FINISHES, change->finishes) &&
           counter_measure(c, &home, STORE_SHARE_PPM, change->share_ppm);
}

static bool credit(struct counter *c, const struct counter_place *own,
                   const struct viewing_report *r, const struct viewing_change *change,
                   const struct store_viewing_key *key)
{
    struct counter_place now = place_of(c, own, r->ts_ms);
    c->figures.joined_intervals += change->joined;
    if (!counter_measure(c, &now, STORE_REPORTS, 1) ||
        !counter_measure(c, &now, STORE_ENGAGEMENT_MS, change->engagement_ms) ||
        !credit_home(c, own, change)) {
        return false;
    }
    struct audience_place day = audience_of(&now);
    return !change->is_new_day ||
           audience_viewer(c->audience, &day, viewer_hash_word(key->viewer)) == 0;
}

/* Its names are asked for once: the viewing keeps the places that it got. */
static int begin(struct counter *c, const struct counter_place *own, const struct player_event *e,
                 const struct viewing_report *r)
{
    struct counter_place place = *own;
    int failed = counter_admit(c, &place, e);
    if (failed != 0) {
        return failed;
    }
    const struct viewing_fixed fixed = {.source = place.row.source,
                                        .domain = place.domain,
                                        .url = place.url,
                                        .traffic = place.row.traffic,
                                        .is_derived = e->uuid.len == 0,
                                        .is_other_photo = place.row.photo_id != e->photo_id};
    viewing_begin(&c->viewing, &fixed, r);
    return counter_measure(c, &place, STORE_PLAYS, 1) &&
                   counter_measure(c, &place, STORE_PLAYS_DERIVED, fixed.is_derived)
               ? 0
               : -ENOMEM;
}

static enum counter_result take(struct counter *c, const struct counter_place *own,
                                const struct player_event *e, const struct viewing_report *r,
                                const struct store_viewing_key *key)
{
    if (!c->has_viewing || !viewing_holds(&c->viewing, r, &c->o.rules)) {
        int failed = begin(c, own, e, r);
        if (failed != 0) {
            return counter_result_of(failed);
        }
    }
    struct viewing_change change = viewing_take(&c->viewing, r, &c->o.rules);
    bool is_counted = credit(c, own, r, &change, key) && keep_viewing(c, key) == 0;
    return is_counted ? COUNTER_COUNTED : COUNTER_NO_MEMORY;
}

enum counter_result counter_play(struct counter *c, const struct counter_place *own,
                                 const struct player_event *e, int64_t clock_ms)
{
    bool is_derived = e->uuid.len == 0;
    struct slice name = is_derived ? e->viewer : e->uuid;
    struct store_viewing_key key = {.site = own->row.site, .photo_id = own->row.photo_id};
    if (name.len == 0) {
        return count_nameless(c, own, e);
    }
    if (!viewer_hash_of(c->viewer_hash, is_derived, name, key.viewer)) {
        return COUNTER_NO_MEMORY;
    }
    if (find_viewing(c, &key) != 0) {
        return COUNTER_STORE_FAILED;
    }
    const struct viewing_report r = viewing_report_of(e, own->day, clock_ms);
    return take(c, own, e, &r, &key);
}
