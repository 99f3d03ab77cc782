/* Where what a report changes is counted: its rows in each grain, and its embedding page. */
#include "consumer/counter_internal.h"

#include "consumer/referer.h"
#include "consumer/timezone.h"

#include <errno.h>

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

struct slice counter_trim(struct slice text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text = slice_make(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* As sent, trimmed; absent is a name of its own (analytics, "source"). */
static struct slice source_of(struct slice sent)
{
    struct slice source = counter_trim(sent);
    return source.len == 0 ? slice_of(STORE_NO_SOURCE) : source;
}

static struct store_name_day names_of(const struct counter_place *p, enum store_name_kind kind)
{
    return (struct store_name_day){kind, p->row.site, p->day};
}

static int name_page(struct counter *c, struct counter_place *p, const char *domain,
                     const char *url)
{
    p->domain = intern_id(c->intern, slice_of(domain));
    p->url = intern_id(c->intern, slice_of(url));
    return p->domain == 0 || p->url == 0 ? -ENOMEM : 0;
}

/* What came with source embed: the page that its referer names. */
static int find_page(struct counter *c, struct counter_place *p, struct slice referer)
{
    struct slice domain;
    const struct store_name_day domains = names_of(p, STORE_NAME_DOMAIN);
    const struct store_name_day urls = names_of(p, STORE_NAME_URL);
    if (!referer_page(referer, &c->url, &domain)) {
        return buffer_failed(&c->url) ? -ENOMEM : name_page(c, p, STORE_NO_SOURCE, STORE_NO_SOURCE);
    }
    int failed = counter_admit_text(c, &domains, domain, &p->domain);
    if (failed == 0 && p->domain == intern_find(c->intern, slice_of(STORE_OTHER))) {
        p->url = p->domain;
        return 0;
    }
    return failed == 0 ? counter_admit_text(c, &urls, buffer_slice(&c->url), &p->url) : failed;
}

int counter_admit(struct counter *c, struct counter_place *p, const struct player_event *e)
{
    const struct store_name_day photos = names_of(p, STORE_NAME_PHOTO);
    const struct store_name_day sources = names_of(p, STORE_NAME_SOURCE);
    struct slice source = source_of(e->source);
    int failed = counter_admit_photo(c, &photos, &p->row.photo_id);
    if (failed == 0) {
        failed = counter_admit_text(c, &sources, source, &p->row.source);
    }
    if (failed == 0 && slice_equal(source, slice_of("embed"))) {
        failed = find_page(c, p, e->referer);
    }
    return failed;
}

static struct embeds_place page_of(const struct counter_place *p)
{
    return (struct embeds_place){.day = p->day,
                                 .site = p->row.site,
                                 .domain = p->domain,
                                 .url = p->url,
                                 .photo_id = p->row.photo_id,
                                 .traffic = p->row.traffic};
}

bool counter_measure(struct counter *c, const struct counter_place *p, enum store_measure measure,
                     int64_t change)
{
    if (change == 0) {
        return true;
    }
    int64_t *measures = aggregate_measures(c->aggregate, &p->row);
    if (measures == NULL) {
        return false;
    }
    measures[measure] += change;
    const struct embeds_place page = page_of(p);
    return p->url == 0 || embeds_measure(c->embeds, &page, measure, change) == 0;
}

int counter_event(struct counter *c, const struct counter_place *p, struct slice name)
{
    uint32_t event = 0;
    const struct store_name_day names = names_of(p, STORE_NAME_EVENT);
    int failed = counter_admit_text(c, &names, name, &event);
    if (failed == 0) {
        failed = aggregate_event(c->aggregate, &p->row, event);
    }
    if (failed == 0 && p->url != 0) {
        const struct embeds_place page = page_of(p);
        failed = embeds_event(c->embeds, &page, event, slice_equal(name, slice_of("load")));
    }
    return failed;
}
