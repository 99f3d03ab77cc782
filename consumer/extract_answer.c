#include "consumer/extract_answer.h"

#include "common/clock.h"
#include "common/text.h"
#include "consumer/api_retention.h"
#include "consumer/extract_json.h"
#include "consumer/query_time.h"
#include "consumer/timezone.h"

enum { TIMEOUT_MS = 5000, HOUR_MS = 3600000 };

/* An answer in the making. */
struct making {
    const struct extract_asker *a;
    const struct extract *x;
    struct spool *out;
    struct zone *zone; /* of the site */
    struct slice sites[EXTRACT_SITES_MAX];
    struct store_extract e; /* what is asked next */
    uint64_t deadline_ms;
    struct extract_json json;
};

static void add(struct making *m, const char *text)
{
    buffer_append_text(&m->out->bytes, text);
}

static unsigned left_ms(const struct making *m)
{
    uint64_t now_ms = clock_mono_ms();
    return now_ms >= m->deadline_ms ? 0 : (unsigned)(m->deadline_ms - now_ms);
}

/* ---- Whom and when it is about. ---- */

static int32_t day_of(const struct making *m, const struct query_edge *edge)
{
    return edge->kind == QUERY_EDGE_DATE ? edge->date
                                         : timezone_day(m->zone, timezone_quarter(edge->ms));
}

/* Both dates are part of it. */
static struct store_stretch range_of(const struct making *m)
{
    const struct query_edge *from = &m->x->date_start, *to = &m->x->date_end;
    int32_t first = from->kind == QUERY_EDGE_OPEN ? INT32_MIN : day_of(m, from);
    return (struct store_stretch){
        .grain = STORE_GRAIN_DAY,
        .first = first != INT32_MIN && first < 0 ? 0 : first, /* nothing was counted before 1970 */
        .end = to->kind == QUERY_EDGE_OPEN ? INT32_MAX : day_of(m, to) + 1,
    };
}

static bool is_kept(const struct making *m, int64_t ms, int64_t days)
{
    return ms >= m->a->now_ms - days * QUERY_TIME_DAY_MS;
}

/* From the finest bucket on that is still kept for then, rounded outwards. */
static struct store_stretch changed_since(const struct making *m)
{
    const struct query_edge *since = &m->x->since;
    int32_t quarter = timezone_quarter(since->ms);
    struct store_stretch s = {STORE_GRAIN_DAY, INT32_MIN, INT32_MAX};
    if (since->kind == QUERY_EDGE_OPEN) {
        return s;
    }
    if (is_kept(m, since->ms, STORE_QUARTERS_KEPT_DAYS)) {
        return (struct store_stretch){STORE_GRAIN_QUARTER, quarter, INT32_MAX};
    }
    if (is_kept(m, since->ms, STORE_HOURS_KEPT_DAYS)) {
        return (struct store_stretch){STORE_GRAIN_HOUR, timezone_hour(quarter), INT32_MAX};
    }
    s.first = (int32_t)(since->ms / QUERY_TIME_DAY_MS) - 1; /* in whatever zone */
    return s;
}

static void begin(struct making *m, const struct extract_asker *a, const struct extract *x,
                  struct spool *out)
{
    m->a = a;
    m->x = x;
    m->out = out;
    m->zone = site_zones_of(a->zones, slice_of(a->site->key));
    m->deadline_ms = clock_mono_ms() + TIMEOUT_MS;
    m->sites[0] = slice_of(a->site->key);
    for (size_t i = 0; i < x->site_count; i++) {
        m->sites[i] = slice_of(x->sites[i]->key);
    }
    m->e = (struct store_extract){
        .sites = m->sites,
        .site_count = x->site_count > 0 ? x->site_count : 1,
        .photo_ids = x->photo_ids,
        .photo_count = x->photo_count,
        .range = range_of(m),
        .changed = changed_since(m),
        .limit = -1,
    };
}

/* ---- Asking. ---- */

static bool on_row(const struct store_extract_row *row, void *arg)
{
    struct making *m = arg;
    extract_json_row(&m->json, row);
    return spool_settle(m->out) == 0;
}

static enum store_read_result ask(struct making *m, enum store_extract_by by)
{
    m->e.by = by;
    enum store_read_result result =
        store_reader_extract(m->a->reader, &m->e, left_ms(m), on_row, m);
    extract_json_end(&m->json);
    return result;
}

static void begin_rows(struct making *m, enum extract_shape shape, const char *before)
{
    add(m, before);
    extract_json_begin(&m->json, shape, &m->out->bytes);
    m->json.zone = m->zone;
    m->json.sites = m->a->sites;
}

static void add_page(struct making *m, int64_t p, int64_t size, int64_t total)
{
    buffer_append_format(&m->out->bytes, ",\"p\":%lld,\"size\":%lld,\"total_count\":%lld",
                         (long long)p, (long long)size, (long long)total);
}

/* ---- play-totals ---- */

/* Every day from the first that was asked for, or counted, to the last, or today. */
static enum store_read_result add_daily(struct making *m, int64_t *first_day)
{
    const struct store_stretch *range = &m->e.range;
    int32_t tomorrow = timezone_day(m->zone, timezone_quarter(m->a->now_ms)) + 1;
    begin_rows(m, EXTRACT_SHAPE_DAILY, "\"analytics\":{\"daily\":[");
    m->json.has_next = range->first != INT32_MIN;
    m->json.next = range->first;
    m->json.end = range->end < tomorrow ? range->end : tomorrow;
    enum store_read_result result = ask(m, STORE_BY_DAY);
    *first_day = m->json.has_next ? m->json.next - (int64_t)m->json.row_count : tomorrow;
    return result;
}

static int64_t day_start_ms(const struct making *m, int64_t day)
{
    return timezone_day_start_ms(m->zone, (int32_t)day);
}

/*
 * Hours of UTC are added up from quarters while these are kept, so that the days of every zone are
 * whole, then from hours; past those from what is left of them.
 */
static void set_hours(struct making *m, int64_t from_ms)
{
    const struct store_stretch days = m->e.range;
    bool is_fine = is_kept(m, from_ms, STORE_QUARTERS_KEPT_DAYS);
    int64_t step_ms = is_fine ? TIMEZONE_QUARTER_MS : HOUR_MS;
    m->e.range = (struct store_stretch){is_fine ? STORE_GRAIN_QUARTER : STORE_GRAIN_HOUR,
                                        (int32_t)(from_ms / step_ms), INT32_MAX};
    if (days.end != INT32_MAX) {
        m->e.range.end = (int32_t)((day_start_ms(m, days.end) + step_ms - 1) / step_ms);
    }
}

static enum store_read_result add_hourly(struct making *m, int64_t first_day)
{
    const struct store_stretch days = m->e.range;
    int64_t kept_ms = m->a->now_ms - (int64_t)STORE_HOURS_KEPT_DAYS * QUERY_TIME_DAY_MS;
    int64_t from_ms = day_start_ms(m, first_day);
    bool is_cut = from_ms < kept_ms;
    begin_rows(m, EXTRACT_SHAPE_HOURLY, "],\"absolute\":{\"hourly\":[");
    set_hours(m, is_cut ? kept_ms : from_ms);
    enum store_read_result result = ask(m, STORE_BY_HOUR);
    m->e.range = days;
    add(m, "]");
    if (is_cut) {
        buffer_append_format(&m->out->bytes, ",\"hourlyFrom\":%lld", (long long)kept_ms);
    }
    return result;
}

static enum store_read_result add_playthrough(struct making *m)
{
    int64_t changes[STORE_POINTS];
    enum store_read_result result =
        store_reader_extract_points(m->a->reader, &m->e, left_ms(m), changes);
    add(m, ",\"playthrough\":");
    api_retention_points(&m->out->bytes, changes);
    return result;
}

static enum store_read_result make_play_totals(struct making *m)
{
    int64_t first_day = 0;
    enum store_read_result result = add_daily(m, &first_day);
    if (result == STORE_READ_OK) {
        result = add_hourly(m, first_day);
    }
    if (result == STORE_READ_OK) {
        result = add_playthrough(m);
    }
    if (result == STORE_READ_OK) {
        begin_rows(m, EXTRACT_SHAPE_TOTALS, ",\"totals\":");
        result = ask(m, STORE_BY_NOTHING);
    }
    add(m, "}}");
    add_page(m, 1, 1, 1);
    return result;
}

/* ---- play-details and photo-totals ---- */

static void set_page(struct making *m)
{
    const struct extract *x = m->x;
    m->e.order = x->order;
    m->e.is_descending = x->is_descending;
    m->e.limit = x->size;
    m->e.offset = (x->p - 1) * x->size;
}

static enum store_read_result make_photos(struct making *m, enum extract_shape shape)
{
    begin_rows(m, shape, "\"analytics\":{\"photos\":[");
    enum store_read_result result = ask(m, STORE_BY_PHOTO);
    add(m, "]}");
    return result;
}

static enum store_read_result make_play_details(struct making *m)
{
    set_page(m);
    enum store_read_result result = make_photos(m, EXTRACT_SHAPE_PHOTO);
    add_page(m, m->x->p, m->x->size, m->json.total);
    return result;
}

static enum store_read_result make_photo_totals(struct making *m)
{
    enum store_read_result result = make_photos(m, EXTRACT_SHAPE_FLAT);
    add_page(m, 1, m->json.total, m->json.total);
    return result;
}

/* ---- embed-details ---- */

/* The totals of the domains of the page, each in a text of its own, while their pages are asked
 * for. */
struct domains {
    struct making *m;
    struct buffer totals;
    size_t ends[EXTRACT_SIZE_MAX]; /* of each in totals */
    size_t count;                  /* that have their totals */
    size_t written;                /* that have their pages */
    int64_t url_count;             /* written of the last one */
};

static void keep_end(struct domains *d)
{
    if (d->count < d->m->json.row_count) {
        d->ends[d->count++] = d->totals.len;
    }
}

static bool on_domain(const struct store_extract_row *row, void *arg)
{
    struct domains *d = arg;
    if (d->m->json.is_open && row->place != d->m->json.row.place) {
        extract_json_end(&d->m->json); /* closes the one before */
        keep_end(d);
    }
    extract_json_row(&d->m->json, row);
    return !buffer_failed(&d->totals);
}

static void close_domain(struct domains *d)
{
    size_t i = d->written;
    if (i == 0) {
        return;
    }
    size_t from = i == 1 ? 0 : d->ends[i - 2] + 1; /* past the comma */
    add(d->m, "],\"totals\":");
    buffer_append_slice(&d->m->out->bytes, buffer_part(&d->totals, from, d->ends[i - 1] - from));
    add(d->m, "}");
}

static void open_domain(struct domains *d, const struct store_extract_row *row)
{
    add(d->m, d->written == 0 ? "{\"domain\":" : ",{\"domain\":");
    text_append_json(&d->m->out->bytes, row->name);
    buffer_append_format(&d->m->out->bytes, ",\"urlCount\":%lld,\"urls\":[", (long long)row->total);
    d->written++;
    d->url_count = 0;
}

static bool on_url(const struct store_extract_row *row, void *arg)
{
    struct domains *d = arg;
    int64_t place = row->place - d->m->e.offset; /* on the page */
    if (place > (int64_t)d->written) {
        close_domain(d);
        open_domain(d, row);
    }
    if (d->m->x->url_limit != 0) {
        add(d->m, d->url_count++ == 0 ? "" : ",");
        extract_json_url(&d->m->out->bytes, row);
    }
    return spool_settle(d->m->out) == 0;
}

static enum store_read_result add_domains(struct making *m, struct domains *d)
{
    int64_t limit = m->x->url_limit;
    extract_json_begin(&m->json, EXTRACT_SHAPE_TOTALS, &d->totals);
    m->e.by = STORE_BY_DOMAIN;
    enum store_read_result result =
        store_reader_extract(m->a->reader, &m->e, left_ms(m), on_domain, d);
    extract_json_end(&m->json);
    keep_end(d);
    if (result != STORE_READ_OK || buffer_failed(&d->totals)) {
        return result == STORE_READ_OK ? STORE_READ_FAILED : result;
    }
    m->e.by = STORE_BY_URL;
    m->e.url_limit = limit == 0 ? 1 : limit; /* how many there are is told by the first */
    result = store_reader_extract(m->a->reader, &m->e, left_ms(m), on_url, d);
    close_domain(d);
    return result;
}

static enum store_read_result make_embed_details(struct making *m)
{
    struct domains d = {.m = m};
    buffer_init(&d.totals);
    set_page(m);
    add(m, "\"analytics\":{\"domains\":[");
    enum store_read_result result = add_domains(m, &d);
    add(m, "]}");
    add_page(m, m->x->p, m->x->size, m->json.total);
    buffer_fini(&d.totals);
    return result;
}

static enum store_read_result make(struct making *m)
{
    switch (m->x->method) {
    case EXTRACT_PLAY_TOTALS:
        return make_play_totals(m);
    case EXTRACT_PLAY_DETAILS:
        return make_play_details(m);
    case EXTRACT_PHOTO_TOTALS:
        return make_photo_totals(m);
    case EXTRACT_EMBED_DETAILS:
        return make_embed_details(m);
    case EXTRACT_METHOD_COUNT:
        break;
    }
    return STORE_READ_FAILED;
}

enum store_read_result extract_answer(const struct extract_asker *a, const struct extract *x,
                                      struct spool *out)
{
    struct making m;
    begin(&m, a, x, out);
    enum store_read_result result = store_reader_hold(a->reader);
    if (result == STORE_READ_OK) {
        result = make(&m);
        store_reader_release(a->reader);
    }
    return result;
}
