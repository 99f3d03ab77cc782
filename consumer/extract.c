#include "consumer/extract.h"

#include "common/params.h"
#include "common/text.h"
#include "consumer/query_time.h"

#include <stdio.h>

enum parameter {
    DATE_START,
    DATE_END,
    PHOTO_ID,
    EXCLUDE_DELETED,
    ORDERBY,
    ORDER,
    P,
    SIZE,
    URL_LIMIT,
    SINCE,
    SITE_ID,
    FORMAT,
    RAW,
    CALLBACK,
    VARNAME,
    PARAMETER_COUNT
};

static const char *const names[PARAMETER_COUNT] = {
    "date_start", "date_end", "photo_id", "exclude_deleted_p", "orderby",
    "order",      "p",        "size",     "url_limit",         "since",
    "site_id",    "format",   "raw",      "callback",          "varname"};

#define OF(parameter) (1U << (parameter))
#define RANGE (OF(DATE_START) | OF(DATE_END) | OF(PHOTO_ID))
#define PAGE (OF(EXCLUDE_DELETED) | OF(ORDERBY) | OF(ORDER) | OF(P) | OF(SIZE))

static const struct {
    const char *path;
    unsigned takes; /* others are as unknown ones */
} methods[EXTRACT_METHOD_COUNT] = {
    [EXTRACT_PLAY_TOTALS] = {"/api/analytics/extract/play-totals", RANGE},
    [EXTRACT_PLAY_DETAILS] = {"/api/analytics/extract/play-details", RANGE | PAGE},
    [EXTRACT_PHOTO_TOTALS] = {"/api/analytics/extract/photo-totals", OF(SINCE) | OF(SITE_ID)},
    [EXTRACT_EMBED_DETAILS] = {"/api/analytics/extract/embed-details",
                               RANGE | PAGE | OF(URL_LIMIT)},
};

bool extract_method_find(struct slice path, enum extract_method *out)
{
    for (size_t i = 0; i < EXTRACT_METHOD_COUNT; i++) {
        if (slice_is(path, methods[i].path)) {
            *out = (enum extract_method)i;
            return true;
        }
    }
    return false;
}

static bool fault(struct extract_fault *why, enum parameter parameter, const char *must)
{
    (void)snprintf(why->message, sizeof why->message, "The parameter %s must be %s.",
                   names[parameter], must);
    return false;
}

/* Takes the next word of a comma list. Returns false when none is left. */
static bool next_word(struct slice *list, struct slice *word)
{
    if (list->data == NULL || list->len == 0) {
        return false;
    }
    const char *comma = memchr(list->data, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
    size_t used = comma == NULL ? len : len + 1;
    *word = slice_make(list->data, len);
    *list = slice_make(list->data + used, list->len - used);
    return true;
}

/* As people write them, with a space between date and time too: "2024-05-31 12:00:00". */
static bool read_time(struct slice text, int64_t now_ms, struct query_edge *out)
{
    enum { DATE_LEN = 10 };
    char copy[48];
    *out = (struct query_edge){.kind = QUERY_EDGE_OPEN};
    if (text.len == 0) {
        return true;
    }
    if (text.len > sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    if (text.len > DATE_LEN && copy[DATE_LEN] == ' ') {
        copy[DATE_LEN] = 'T';
    }
    return query_time_read(slice_make(copy, text.len), now_ms, out);
}

static bool read_times(struct extract *x, const struct slice *values, int64_t now_ms,
                       struct extract_fault *why)
{
    static const char must[] = "a date like 2024-05-31 or a time like 2024-05-31 12:00:00 (UTC)";
    struct {
        enum parameter parameter;
        struct query_edge *edge;
    } times[] = {{DATE_START, &x->date_start}, {DATE_END, &x->date_end}, {SINCE, &x->since}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (!read_time(values[times[i].parameter], now_ms, times[i].edge)) {
            return fault(why, times[i].parameter, must);
        }
    }
    bool is_closed = x->date_start.kind != QUERY_EDGE_OPEN && x->date_end.kind != QUERY_EDGE_OPEN;
    return !is_closed || x->date_start.ms <= x->date_end.ms ||
           fault(why, DATE_START, "no later than date_end");
}

static bool read_photos(struct extract *x, struct slice list, struct extract_fault *why)
{
    struct slice word;
    while (next_word(&list, &word)) {
        if (x->photo_count == EXTRACT_PHOTOS_MAX ||
            !text_parse_uint(word, INT64_MAX, &x->photo_ids[x->photo_count])) {
            return fault(why, PHOTO_ID, "up to 1000 photo_ids, separated by commas");
        }
        x->photo_count++;
    }
    return true;
}

static const struct site *find_site(const struct sites *sites, struct slice site_id)
{
    for (size_t i = 0; i < sites_count(sites); i++) {
        if (slice_is(site_id, sites_at(sites, i)->site_id)) {
            return sites_at(sites, i);
        }
    }
    return NULL;
}

static bool read_sites(struct extract *x, struct slice list, const struct sites *sites,
                       struct extract_fault *why)
{
    struct slice word;
    while (next_word(&list, &word)) {
        const struct site *site = find_site(sites, word);
        if (site == NULL || x->site_count == EXTRACT_SITES_MAX) {
            return fault(why, SITE_ID, "up to 64 known site_ids, separated by commas");
        }
        x->sites[x->site_count++] = site;
    }
    return true;
}

static bool read_order(struct extract *x, const struct slice *values, struct extract_fault *why)
{
    static const struct {
        const char *name;
        enum store_extract_order order;
    } orders[] = {
        {"downloads", STORE_ORDER_DOWNLOADS},   {"playthrough_average", STORE_ORDER_AVERAGE},
        {"engagement", STORE_ORDER_ENGAGEMENT}, {"embeds", STORE_ORDER_EMBEDS},
        {"plays", STORE_ORDER_PLAYS},           {"loads", STORE_ORDER_LOADS}};
    struct slice by = values[ORDERBY], order = values[ORDER];
    size_t i = 0;
    while (by.len > 0 && i < sizeof orders / sizeof orders[0] && !slice_is(by, orders[i].name)) {
        i++;
    }
    if (i == sizeof orders / sizeof orders[0]) {
        return fault(why, ORDERBY,
                     "downloads, playthrough_average, engagement, embeds, plays or loads");
    }
    x->order = orders[i].order;
    x->is_descending = !slice_is(order, "asc");
    return order.len == 0 || !x->is_descending || slice_is(order, "desc") ||
           fault(why, ORDER, "desc or asc");
}

static bool read_number(int64_t *out, const struct slice *values, enum parameter parameter,
                        uint64_t first, uint64_t last)
{
    uint64_t number;
    if (values[parameter].len == 0) {
        return true;
    }
    if (!text_parse_uint(values[parameter], last, &number) || number < first) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

static bool read_page(struct extract *x, const struct slice *values, struct extract_fault *why)
{
    int64_t excludes = 0; /* see the header */
    x->p = 1;
    x->size = EXTRACT_SIZE_DEFAULT;
    x->url_limit = -1;
    if (!read_number(&x->p, values, P, 1, 1000000000)) {
        return fault(why, P, "a number from 1");
    }
    if (!read_number(&x->size, values, SIZE, 1, EXTRACT_SIZE_MAX)) {
        return fault(why, SIZE, "a number from 1 to 100");
    }
    if (!read_number(&x->url_limit, values, URL_LIMIT, 0, 1000000)) {
        return fault(why, URL_LIMIT, "a number from 0 to 1000000");
    }
    return read_number(&excludes, values, EXCLUDE_DELETED, 0, 1) ||
           fault(why, EXCLUDE_DELETED, "0 or 1");
}

/* The first value of each name that the method takes. */
static void sort_params(unsigned takes, struct slice encoded, char *scratch, struct slice *values)
{
    struct params_cursor cursor;
    struct slice name, value;
    params_start(&cursor, encoded, scratch, params_scratch_size(encoded.len));
    while (params_next(&cursor, &name, &value)) {
        for (size_t i = 0; i < PARAMETER_COUNT; i++) {
            bool is_taken = i >= FORMAT || (takes & OF(i)) != 0;
            if (is_taken && values[i].data == NULL && slice_is(name, names[i])) {
                values[i] = value.data == NULL ? slice_of("") : value;
            }
        }
    }
}

bool extract_read(enum extract_method method, struct slice encoded, char *scratch, int64_t now_ms,
                  const struct sites *sites, struct extract *out, struct reply_wish *wish,
                  struct extract_fault *why)
{
    struct slice values[PARAMETER_COUNT] = {{NULL, 0}};
    *out = (struct extract){.method = method};
    sort_params(methods[method].takes, encoded, scratch, values);
    /* The documented methods answer in JSON alone, so that is what is wished for. */
    *wish = (struct reply_wish){slice_of("json"), values[RAW], values[CALLBACK], values[VARNAME]};
    if (values[FORMAT].len > 0 && !slice_is(values[FORMAT], "json")) {
        return fault(why, FORMAT, "json: the extract methods have no other");
    }
    return read_times(out, values, now_ms, why) && read_photos(out, values[PHOTO_ID], why) &&
           read_sites(out, values[SITE_ID], sites, why) && read_order(out, values, why) &&
           read_page(out, values, why);
}
