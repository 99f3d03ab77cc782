/* The byte form of a viewing: drawn in viewing.h. */
#include "consumer/varint.h"
#include "consumer/viewing.h"

enum {
    FLAG_TRAFFIC = 3, /* two bits */
    FLAG_DERIVED = 1 << 2,
    FLAG_OTHER_PHOTO = 1 << 3,
    FLAG_FINISHED = 1 << 4,
    FLAG_HAS_LAST = 1 << 5,
    FLAGS_ALL = (1 << 6) - 1
};

/* Bounds what is read, so that no sum of it can overflow; what is written is far below. */
static const uint64_t TIME_MAX = UINT64_C(1) << 44, TOTAL_MAX = UINT64_C(1) << 32;

static unsigned flags_of(const struct viewing *v)
{
    return (v->fixed.traffic & (unsigned)FLAG_TRAFFIC) | (v->fixed.is_derived ? FLAG_DERIVED : 0U) |
           (v->fixed.is_other_photo ? FLAG_OTHER_PHOTO : 0U) |
           (v->is_finished ? FLAG_FINISHED : 0U) | (v->has_last ? FLAG_HAS_LAST : 0U);
}

static char *put_line(char *out, const struct ranges *r)
{
    int64_t end_ms = 0;
    out = varint_put(out, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        out = varint_put(out, (uint64_t)(r->at[i].start_ms - end_ms));
        out = varint_put(out, (uint64_t)(r->at[i].end_ms - r->at[i].start_ms));
        end_ms = r->at[i].end_ms;
    }
    return out;
}

size_t viewing_encode(const struct viewing *v, char out[VIEWING_BYTES_MAX])
{
    char *at = out;
    *at++ = VIEWING_VERSION;
    *at++ = (char)flags_of(v);
    at = varint_put(at, v->fixed.source);
    at = varint_put(at, v->fixed.domain);
    at = varint_put(at, v->fixed.url);
    at = varint_put(at, (uint64_t)v->home_ms);
    at = varint_put(at, (uint64_t)(v->last_ms - v->home_ms));
    at = varint_put(at, varint_of_signed(v->clock_ms - v->last_ms));
    at = varint_put(at, varint_of_signed(v->day));
    at = varint_put(at, (uint64_t)v->total_ms);
    if (v->has_last) {
        at = varint_put(at, (uint64_t)v->last.start_ms);
        at = varint_put(at, (uint64_t)(v->last.end_ms - v->last.start_ms));
    }
    at = put_line(at, &v->line);
    at = put_line(at, &v->live_line);
    return (size_t)(at - out);
}

/* ---- Reading: every number within its bounds, or nothing. ---- */

static bool get_up_to(struct slice *in, uint64_t most, uint64_t *value)
{
    return varint_get(in, value) && *value <= most;
}

static bool get_id(struct slice *in, uint32_t *id)
{
    uint64_t value = 0;
    bool is_good = get_up_to(in, UINT32_MAX, &value);
    *id = (uint32_t)value;
    return is_good;
}

/* Adds a number to *ms; a sum past what ms can hold is refused. */
static bool get_time(struct slice *in, int64_t *ms)
{
    uint64_t value = 0;
    return get_up_to(in, INT64_MAX, &value) && !__builtin_add_overflow(*ms, (int64_t)value, ms);
}

/* The same for a difference of either sign; no time is below 0. */
static bool get_difference(struct slice *in, int64_t *ms)
{
    uint64_t value = 0;
    return varint_get(in, &value) && !__builtin_add_overflow(*ms, varint_to_signed(value), ms) &&
           *ms >= 0;
}

static bool get_day(struct slice *in, int32_t *day)
{
    uint64_t value = 0;
    if (!varint_get(in, &value)) {
        return false;
    }
    int64_t number = varint_to_signed(value);
    *day = (int32_t)number;
    return number == *day;
}

static bool get_range(struct slice *in, int64_t from_ms, struct range *out)
{
    uint64_t before = 0, length = 0;
    if (!get_up_to(in, TIME_MAX, &before) || !get_up_to(in, TIME_MAX, &length)) {
        return false;
    }
    out->start_ms = from_ms + (int64_t)before;
    out->end_ms = out->start_ms + (int64_t)length;
    return out->end_ms <= (int64_t)TIME_MAX;
}

/* least_hole_ms: intervals nearer than that would be one. */
static bool get_line(struct slice *in, int64_t least_hole_ms, struct ranges *r)
{
    uint64_t count = 0;
    int64_t end_ms = 0;
    if (!get_up_to(in, RANGES_MAX, &count)) {
        return false;
    }
    r->count = (uint32_t)count;
    for (uint32_t i = 0; i < r->count; i++) {
        if (!get_range(in, end_ms, &r->at[i]) ||
            (i > 0 && r->at[i].start_ms - end_ms < least_hole_ms)) {
            return false;
        }
        end_ms = r->at[i].end_ms;
    }
    return true;
}

static bool get_fixed(struct slice *in, unsigned flags, struct viewing_fixed *f)
{
    f->traffic = flags & FLAG_TRAFFIC;
    f->is_derived = (flags & FLAG_DERIVED) != 0;
    f->is_other_photo = (flags & FLAG_OTHER_PHOTO) != 0;
    return get_id(in, &f->source) && get_id(in, &f->domain) && get_id(in, &f->url);
}

static bool get_times(struct slice *in, struct viewing *v)
{
    uint64_t total = 0;
    v->home_ms = 0;
    if (!get_time(in, &v->home_ms)) {
        return false;
    }
    v->last_ms = v->home_ms;
    if (!get_time(in, &v->last_ms)) {
        return false;
    }
    v->clock_ms = v->last_ms;
    bool is_good = get_difference(in, &v->clock_ms) && get_day(in, &v->day) &&
                   get_up_to(in, TOTAL_MAX, &total);
    v->total_ms = (int64_t)total;
    return is_good;
}

bool viewing_decode(struct slice bytes, struct viewing *out)
{
    if (bytes.len < 2 || bytes.data[0] != VIEWING_VERSION) {
        return false;
    }
    unsigned flags = (unsigned char)bytes.data[1];
    struct slice in = slice_make(bytes.data + 2, bytes.len - 2);
    out->is_finished = (flags & FLAG_FINISHED) != 0;
    out->has_last = (flags & FLAG_HAS_LAST) != 0;
    return (flags & ~(unsigned)FLAGS_ALL) == 0 && get_fixed(&in, flags, &out->fixed) &&
           get_times(&in, out) && (!out->has_last || get_range(&in, 0, &out->last)) &&
           get_line(&in, 1, &out->line) &&
           get_line(&in, VIEWING_LIVE_WITHIN_MS + 1, &out->live_line) && in.len == 0;
}
