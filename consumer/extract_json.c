#include "consumer/extract_json.h"

#include "common/text.h"
#include "consumer/timezone.h"

enum { HOURS = 24 };

static void add_number(struct buffer *out, const char *before, int64_t number)
{
    buffer_append_text(out, before);
    buffer_append_int(out, number);
}

/* Seconds, with as many digits behind the point as they need. */
static void add_seconds(struct buffer *out, int64_t ms)
{
    buffer_append_int(out, ms / 1000);
    if (ms % 1000 != 0) {
        buffer_append_format(out, ".%03d", (int)(ms % 1000));
    }
}

/* Percent, with two digits. */
static void add_average(struct buffer *out, const struct store_extract_row *row)
{
    if (row->known <= 0) {
        buffer_append_text(out, "null");
        return;
    }
    int64_t hundredths = (row->share_ppm + 50 * row->known) / (100 * row->known);
    buffer_append_format(out, "%lld.%02d", (long long)(hundredths / 100), (int)(hundredths % 100));
}

/* The totals up to their events, and what stands behind these. */
static void open_totals(struct buffer *out, const struct store_extract_row *row)
{
    add_number(out, "\"downloadedBytes\":", row->downloaded_bytes);
    add_number(out, ",\"downloads\":", row->downloads);
    buffer_append_text(out, ",\"events\":{");
}

static void close_totals(struct buffer *out, const struct store_extract_row *row)
{
    add_number(out, "},\"finishes\":", row->finishes);
    add_number(out, ",\"loads\":", row->loads);
    buffer_append_text(out, ",\"playEngagement\":");
    add_seconds(out, row->engagement_ms);
    add_number(out, ",\"plays\":", row->plays);
    buffer_append_text(out, ",\"playthroughAverage\":");
    add_average(out, row);
    buffer_append_char(out, '}');
}

static void add_hour(struct buffer *out, const struct store_extract_row *row)
{
    add_number(out, "{\"downloadedBytes\":", row->downloaded_bytes);
    add_number(out, ",\"downloads\":", row->downloads);
    add_number(out, ",\"finishes\":", row->finishes);
    add_number(out, ",\"loads\":", row->loads);
    add_number(out, ",\"plays\":", row->plays);
    buffer_append_char(out, '}');
}

/* ---- Rows. ---- */

static const char *site_id_of(const struct extract_json *j, struct slice key)
{
    for (size_t i = 0; i < sites_count(j->sites); i++) {
        if (slice_is(key, sites_at(j->sites, i)->key)) {
            return sites_at(j->sites, i)->site_id;
        }
    }
    return "";
}

/* What stands before the totals. */
static void add_head(struct extract_json *j, const struct store_extract_row *row)
{
    struct buffer *out = j->out;
    switch (j->shape) {
    case EXTRACT_SHAPE_DAILY:
        add_number(out, "{\"date\":", timezone_day_start_ms(j->zone, (int32_t)row->key));
        buffer_append_text(out, ",\"totals\":{");
        break;
    case EXTRACT_SHAPE_PHOTO:
        add_number(out, "{\"photoId\":\"", row->key);
        buffer_append_text(out, "\",\"totals\":{");
        break;
    case EXTRACT_SHAPE_FLAT:
        add_number(out, "{\"photoId\":\"", row->key);
        buffer_append_text(out, "\",\"siteId\":");
        text_append_json(out, slice_of(site_id_of(j, row->name)));
        buffer_append_char(out, ',');
        break;
    case EXTRACT_SHAPE_TOTALS:
    case EXTRACT_SHAPE_HOURLY:
        buffer_append_char(out, '{');
        break;
    }
}

static void begin_row(struct extract_json *j, const struct store_extract_row *row)
{
    buffer_append_text(j->out, j->row_count++ == 0 ? "" : ",");
    if (j->shape == EXTRACT_SHAPE_HOURLY) {
        add_hour(j->out, row);
        return;
    }
    add_head(j, row);
    open_totals(j->out, row);
    j->row = *row;
    j->is_open = true;
    j->has_events = false;
}

static void end_row(struct extract_json *j)
{
    bool has_frame = j->shape == EXTRACT_SHAPE_DAILY || j->shape == EXTRACT_SHAPE_PHOTO;
    if (j->is_open) {
        close_totals(j->out, &j->row);
        buffer_append_text(j->out, has_frame ? "}" : "");
    }
    j->is_open = false;
}

/* Days and hours in which nothing was counted, up to the one before `before`. */
static void add_missing(struct extract_json *j, int64_t before)
{
    for (; j->has_next && j->next < before; j->next++) {
        const struct store_extract_row none = {.key = j->next};
        begin_row(j, &none);
        end_row(j);
    }
}

void extract_json_begin(struct extract_json *j, enum extract_shape shape, struct buffer *out)
{
    bool is_hourly = shape == EXTRACT_SHAPE_HOURLY;
    *j = (struct extract_json){.shape = shape, .out = out, .has_next = is_hourly};
    j->end = is_hourly ? HOURS : 0;
}

void extract_json_row(struct extract_json *j, const struct store_extract_row *row)
{
    bool is_of_time = j->shape == EXTRACT_SHAPE_DAILY || j->shape == EXTRACT_SHAPE_HOURLY;
    j->total = row->total;
    if (row->place == 0) {
        return;
    }
    if (!j->is_open || row->place != j->row.place) {
        end_row(j);
        if (is_of_time) {
            add_missing(j, row->key);
            j->has_next = true;
            j->next = row->key + 1;
        }
        begin_row(j, row);
    }
    if (row->event.data != NULL && j->is_open) {
        buffer_append_text(j->out, j->has_events ? "," : "");
        text_append_json(j->out, row->event);
        add_number(j->out, ":", row->event_count);
        j->has_events = true;
    }
}

void extract_json_end(struct extract_json *j)
{
    end_row(j);
    add_missing(j, j->end);
    if (j->shape == EXTRACT_SHAPE_TOTALS && j->row_count == 0) {
        const struct store_extract_row none = {.key = 0};
        begin_row(j, &none);
        end_row(j);
    }
}

void extract_json_url(struct buffer *out, const struct store_extract_row *row)
{
    buffer_append_text(out, "{\"url\":");
    text_append_json(out, row->url);
    add_number(out, ",\"loads\":", row->loads);
    add_number(out, ",\"plays\":", row->plays);
    add_number(out, ",\"downloads\":", row->downloads);
    add_number(out, ",\"finishes\":", row->finishes);
    buffer_append_char(out, '}');
}
