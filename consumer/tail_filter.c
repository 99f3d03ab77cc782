#include "consumer/tail_filter.h"

#include "common/text.h"
#include "consumer/store.h"

#include <errno.h>
#include <string.h>

/* Cuts the next value off a list; false at its end. */
static bool next_value(const char **list, struct slice *value)
{
    if (**list == '\0') {
        return false;
    }
    *value = slice_make(*list, strcspn(*list, ","));
    *list += value->len + ((*list)[value->len] == ',');
    return true;
}

static int too_many(const char *option, struct error *err)
{
    error_set(err, "%s: more than %d values", option, TAIL_FILTER_VALUES_MAX);
    return -EINVAL;
}

static int read_texts(struct tail_filter *f, const char *option, const char *list, size_t *end,
                      struct error *err)
{
    struct slice value;
    while (next_value(&list, &value)) {
        if (*end == TAIL_FILTER_VALUES_MAX) {
            return too_many(option, err);
        }
        f->values[(*end)++] = value;
    }
    return 0;
}

static int read_photo_ids(struct tail_filter *f, const char *list, struct error *err)
{
    struct slice value;
    while (next_value(&list, &value)) {
        if (f->photo_id_count == TAIL_FILTER_VALUES_MAX) {
            return too_many("photo_id", err);
        }
        if (!text_parse_uint(value, INT64_MAX, &f->photo_ids[f->photo_id_count++])) {
            error_set(err, "photo_id: '%.*s' is no whole number of 0 to 9223372036854775807",
                      (int)value.len, value.data);
            return -EINVAL;
        }
    }
    return 0;
}

static int read_kinds(struct tail_filter *f, const char *list, struct error *err)
{
    static const enum event_kind kinds[] = {EVENT_KIND_EVENT, EVENT_KIND_PLAY, EVENT_KIND_DOWNLOAD};
    struct slice value;
    while (next_value(&list, &value)) {
        unsigned found = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            found |= slice_is(value, event_kind_name(kinds[i])) ? 1U << kinds[i] : 0;
        }
        if (found == 0) {
            error_set(err, "kind: '%.*s' is none of event, play and download", (int)value.len,
                      value.data);
            return -EINVAL;
        }
        f->kinds |= found;
    }
    return 0;
}

int tail_filter_read(struct tail_filter *f, const struct tail_filter_lists *lists,
                     struct error *err)
{
    *f = (struct tail_filter){.kinds = 0};
    int failed = read_texts(f, "site", lists->site, &f->sites_end, err);
    f->sources_end = f->sites_end;
    failed = failed != 0 ? failed : read_texts(f, "source", lists->source, &f->sources_end, err);
    f->events_end = f->sources_end;
    failed = failed != 0 ? failed : read_texts(f, "event", lists->event, &f->events_end, err);
    failed = failed != 0 ? failed : read_photo_ids(f, lists->photo_id, err);
    return failed != 0 ? failed : read_kinds(f, lists->kind, err);
}

static bool text_passes(const struct tail_filter *f, size_t start, size_t end, struct slice text)
{
    struct slice name = text.data == NULL ? slice_of(STORE_NO_SOURCE) : text;
    for (size_t i = start; i < end; i++) {
        if (slice_equal(f->values[i], name)) {
            return true;
        }
    }
    return start == end;
}

static bool photo_id_passes(const struct tail_filter *f, uint64_t photo_id)
{
    for (size_t i = 0; i < f->photo_id_count; i++) {
        if (f->photo_ids[i] == photo_id) {
            return true;
        }
    }
    return f->photo_id_count == 0;
}

bool tail_filter_passes(const struct tail_filter *f, const struct player_event *e)
{
    return (f->kinds == 0 || (f->kinds & 1U << e->kind) != 0) && photo_id_passes(f, e->photo_id) &&
           text_passes(f, 0, f->sites_end, e->site) &&
           text_passes(f, f->sites_end, f->sources_end, e->source) &&
           text_passes(f, f->sources_end, f->events_end, e->event);
}
