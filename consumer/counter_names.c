/* The limits of names by site and day: who has a place, and who is (other). */
#include "consumer/counter_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The most used names of the day before that have a place kept: that many, or half of the limit. */
enum { KEPT_MAX = 500 };

static const char *const documented_sources[] = {STORE_NO_SOURCE, "admin",  "site",
                                                 "share",         "embed",  "podcast",
                                                 "download",      "search", "facebook"};
static const char *const documented_events[] = {
    "load",          "fullscreen",        "preRollClose", "preRollClick", "postRollClose",
    "postRollClick", "callToActionClick", "embedEngaged", "shareEngaged", "subtitlesActivated"};

void counter_usual_limits(int64_t limits[STORE_NAME_KIND_COUNT])
{
    limits[STORE_NAME_SOURCE] = 1000;
    limits[STORE_NAME_EVENT] = 200;
    limits[STORE_NAME_PHOTO] = 10000000;
    limits[STORE_NAME_DOMAIN] = 1000;
    limits[STORE_NAME_URL] = 10000;
}

/* ---- Names that always have a place. ---- */

static bool put_always(struct counter_always *a, struct slice text)
{
    for (size_t i = 0; i < a->count; i++) {
        if (slice_equal(a->names[i], text)) {
            return true;
        }
    }
    struct slice *names = reallocarray(a->names, a->count + 1, sizeof *names);
    if (names != NULL) {
        a->names = names;
        a->names[a->count++] = text;
    }
    return names != NULL;
}

/* Takes the parts of a comma list; they stay in it. */
static bool put_list(struct counter_always *a, const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        struct slice name = counter_trim(slice_make(list, len));
        if (name.len > 0 && !put_always(a, name)) {
            return false;
        }
        list += len + (list[len] == ',');
    }
    return true;
}

static bool put_documented(struct counter_always *a, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!put_always(a, slice_of(names[i]))) {
            return false;
        }
    }
    return true;
}

int counter_names_init(struct counter *c)
{
    const char *list = c->o.known_sources == NULL ? "" : c->o.known_sources;
    counter_usual_limits(c->limits);
    if (c->o.limits != NULL) {
        memcpy(c->limits, c->o.limits, sizeof c->limits);
    }
    c->o.limits = NULL; /* borrowed for this call only */
    c->known_sources = strdup(list);
    if (c->known_sources == NULL ||
        !put_documented(&c->always[STORE_NAME_SOURCE], documented_sources,
                        sizeof documented_sources / sizeof documented_sources[0]) ||
        !put_documented(&c->always[STORE_NAME_EVENT], documented_events,
                        sizeof documented_events / sizeof documented_events[0]) ||
        !put_list(&c->always[STORE_NAME_SOURCE], c->known_sources)) {
        return -ENOMEM;
    }
    return 0;
}

void counter_names_fini(struct counter *c)
{
    for (int i = 0; i < STORE_NAME_KIND_COUNT; i++) {
        free(c->always[i].names);
    }
    free(c->known_sources);
}

static bool is_always(const struct counter *c, enum store_name_kind kind, struct slice text)
{
    for (size_t i = 0; i < c->always[kind].count; i++) {
        if (slice_equal(c->always[kind].names[i], text)) {
            return true;
        }
    }
    return false;
}

/* ---- The first name of a day. ---- */

static void on_found(uint64_t name, int64_t uses, void *arg)
{
    (void)name;
    *(int64_t *)arg = uses;
}

/* Uses of the name that the store knows of; -1 when it has no place there. 0 or -errno. */
static int ask(struct counter *c, const struct store_name_day *day, uint64_t name, int64_t *uses)
{
    *uses = -1;
    return c->o.names.find(day, name, on_found, uses, c->o.arg);
}

/* A name of the day before, and how often it was used. */
struct used {
    struct slice text; /* absent of photo_ids */
    uint64_t name;
    int64_t uses;
    bool is_pending; /* uses are those that the store does not have yet */
};

struct used_list {
    struct counter *counter;
    enum store_name_kind kind;
    struct used *at;
    size_t count;
    bool is_pending, failed;
};

static bool is_listed(const struct used_list *l, uint64_t name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->at[i].is_pending && l->at[i].name == name) {
            return true;
        }
    }
    return false;
}

static void on_used(uint64_t name, int64_t uses, void *arg)
{
    struct used_list *l = arg;
    if (!l->is_pending && is_listed(l, name)) {
        return; /* its pending uses are to be added to these */
    }
    struct used *at = reallocarray(l->at, l->count + 1, sizeof *at);
    if (at == NULL) {
        l->failed = true;
        return;
    }
    l->at = at;
    struct slice text = l->kind == STORE_NAME_PHOTO
                            ? slice_of(NULL)
                            : intern_text(l->counter->intern, (uint32_t)name);
    at[l->count++] = (struct used){text, name, uses, l->is_pending};
}

static int by_use(const void *left, const void *right)
{
    const struct used *x = left, *y = right;
    if (x->uses != y->uses) {
        return x->uses > y->uses ? -1 : 1;
    }
    size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = len == 0 ? 0 : memcmp(x->text.data, y->text.data, len);
    if (order == 0 && x->text.len != y->text.len) {
        return x->text.len < y->text.len ? -1 : 1;
    }
    return order != 0 ? order : x->name == y->name ? 0 : x->name < y->name ? -1 : 1;
}

/* What is pending may move a name up, so those are looked at beside the store's largest. */
static int list_used(struct counter *c, const struct store_name_day *day, int64_t most,
                     struct used_list *l)
{
    *l = (struct used_list){.counter = c, .kind = day->kind, .is_pending = true};
    int failed = names_pending(c->names, day, on_used, l);
    for (size_t i = 0; failed == 0 && i < l->count; i++) {
        int64_t stored = 0;
        failed = ask(c, day, l->at[i].name, &stored);
        l->at[i].uses += stored > 0 ? stored : 0;
    }
    l->is_pending = false;
    if (failed == 0) {
        failed = c->o.names.largest(day, most, on_used, l, c->o.arg);
    }
    failed = failed == 0 && l->failed ? -ENOMEM : failed;
    if (failed == 0 && l->count > 0) {
        qsort(l->at, l->count, sizeof *l->at, by_use);
    }
    return failed;
}

/* Keeps places for the largest of the day before. Returns 0 or -errno. */
static int keep_largest(struct counter *c, const struct store_name_day *day, int64_t *free_places)
{
    struct store_name_day before = *day;
    struct used_list used;
    int64_t half = c->limits[day->kind] / 2, most = half < KEPT_MAX ? half : KEPT_MAX;
    before.day--;
    int failed = list_used(c, &before, most, &used);
    for (size_t i = 0; failed == 0 && i < used.count && most > 0 && *free_places > 0; i++) {
        if (used.at[i].uses == 0) {
            break; /* a place kept for nobody is not kept again */
        }
        most--;
        if (!is_always(c, day->kind, used.at[i].text)) {
            failed = names_add(c->names, day, used.at[i].name, 0);
            --*free_places;
        }
    }
    free(used.at);
    return failed;
}

/* How many names have a place in the store, leaving out those that always have one. */
static int count_others(struct counter *c, const struct store_name_day *day, int64_t *all,
                        int64_t *others)
{
    const struct counter_always *a = &c->always[day->kind];
    int failed = c->o.names.count(day, all, c->o.arg);
    *others = *all;
    for (size_t i = 0; failed == 0 && *all > 0 && i < a->count; i++) {
        uint32_t id = intern_find(c->intern, a->names[i]);
        int64_t uses = -1;
        failed = id == 0 ? 0 : ask(c, day, id, &uses);
        *others -= uses >= 0;
    }
    return failed;
}

/* Returns 0 or -errno. */
static int open_day(struct counter *c, const struct store_name_day *day)
{
    int64_t all = 0, others = 0;
    int failed = count_others(c, day, &all, &others);
    if (failed != 0) {
        return failed;
    }
    int64_t places = c->limits[day->kind] - (int64_t)c->always[day->kind].count - others;
    places = places > 0 ? places : 0;
    if (all == 0) {
        failed = keep_largest(c, day, &places);
    }
    struct names_day *opened = failed == 0 ? names_day(c->names, day) : NULL;
    if (opened == NULL) {
        return failed == 0 ? -ENOMEM : failed;
    }
    *opened = (struct names_day){true, places};
    return 0;
}

/* ---- A name. ---- */

/* Whether a name, which exists, has its place already. Returns 0 or -errno. */
static int is_in(struct counter *c, const struct store_name_day *day, uint64_t name, bool *in)
{
    int64_t uses = 0;
    int64_t *state = names_state(c->names, day, name);
    if (state == NULL) {
        return -ENOMEM;
    }
    if (*state == NAMES_NOT_ASKED) {
        int failed = ask(c, day, name, &uses);
        if (failed != 0) {
            return failed;
        }
        *state = uses >= 0 ? NAMES_IN : NAMES_ABSENT;
    }
    *in = *state == NAMES_IN;
    return 0;
}

/* Takes a free place, if there is one. Returns 0 or -errno. */
static int take_place(struct counter *c, const struct store_name_day *day, bool *in)
{
    struct names_day *d = names_day(c->names, day);
    if (d == NULL) {
        return -ENOMEM;
    }
    *in = d->free > 0;
    d->free -= *in;
    return 0;
}

/* Returns 0 or -errno. */
static int look(struct counter *c, const struct store_name_day *day)
{
    const struct names_day *d = names_day(c->names, day);
    return d == NULL ? -ENOMEM : d->is_open ? 0 : open_day(c, day);
}

int counter_admit_text(struct counter *c, const struct store_name_day *day, struct slice text,
                       uint32_t *id)
{
    bool in = false;
    uint32_t found = intern_find(c->intern, text);
    if (found != 0 && names_again(c->names, day, found)) {
        *id = found;
        return 0;
    }
    if (!slice_equal(text, slice_of(STORE_OTHER))) {
        int failed = look(c, day);
        if (failed == 0 && found != 0) {
            failed = is_in(c, day, found, &in);
        }
        in = in || is_always(c, day->kind, text);
        if (failed == 0 && !in) {
            failed = take_place(c, day, &in);
        }
        if (failed != 0) {
            return failed;
        }
    }
    *id = intern_id(c->intern, in ? text : slice_of(STORE_OTHER));
    if (*id == 0) {
        return -ENOMEM;
    }
    return in ? names_add(c->names, day, *id, 1) : 0;
}

int counter_admit_photo(struct counter *c, const struct store_name_day *day, uint64_t *photo_id)
{
    bool in = false;
    if (c->limits[STORE_NAME_PHOTO] == 0 || names_again(c->names, day, *photo_id)) {
        return 0;
    }
    int failed = look(c, day);
    if (failed == 0) {
        failed = is_in(c, day, *photo_id, &in);
    }
    if (failed == 0 && !in) {
        failed = take_place(c, day, &in);
    }
    if (failed == 0 && in) {
        failed = names_add(c->names, day, *photo_id, 1);
    }
    *photo_id = in ? *photo_id : STORE_OTHER_PHOTO;
    return failed;
}
