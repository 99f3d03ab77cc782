#include "consumer/timezone.h"

#include <glib.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUARTER_SECONDS = 15 * 60, DAY_SECONDS = 24 * 60 * 60, SPAN_MAX = 1024, SPAN_COUNT = 8 };

/* Quarter hours [first, end) have one offset. */
struct span {
    int64_t first, end;
    int64_t offset_seconds;
};

struct zone {
    GTimeZone *glib;
    struct span spans[SPAN_COUNT]; /* by the number of the block of SPAN_MAX quarters */
};

/* GLib also takes paths, offsets and POSIX rules; a name is only what the IANA database lists. */
static bool is_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strstr(name, "..") != NULL) {
        return false;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("/_-+.", *at) == NULL) {
            return false;
        }
    }
    return true;
}

static GTimeZone *look_up(const char *name)
{
    return is_name(name) ? g_time_zone_new_identifier(name) : NULL;
}

bool timezone_exists(const char *name)
{
    GTimeZone *glib = look_up(name);
    if (glib == NULL) {
        return false;
    }
    g_time_zone_unref(glib);
    return true;
}

int timezone_open(struct zone **out, const char *name)
{
    GTimeZone *glib = look_up(name);
    if (glib == NULL) {
        return -ENOENT;
    }
    struct zone *z = calloc(1, sizeof(*z));
    if (z == NULL) {
        g_time_zone_unref(glib);
        return -ENOMEM;
    }
    z->glib = glib;
    *out = z;
    return 0;
}

void timezone_close(struct zone *z)
{
    if (z != NULL) {
        g_time_zone_unref(z->glib);
        free(z);
    }
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int32_t timezone_quarter(int64_t ms)
{
    int64_t quarter = floor_divide(ms, TIMEZONE_QUARTER_MS);
    if (quarter > INT32_MAX) {
        return INT32_MAX;
    }
    return quarter < INT32_MIN ? INT32_MIN : (int32_t)quarter;
}

int32_t timezone_hour(int32_t quarter)
{
    return (int32_t)floor_divide(quarter, TIMEZONE_QUARTERS_AN_HOUR);
}

static int interval_at(const struct zone *z, int64_t quarter)
{
    return g_time_zone_find_interval(z->glib, G_TIME_TYPE_UNIVERSAL, quarter * QUARTER_SECONDS);
}

/* The largest aligned span around quarter that no change of the clock cuts. */
static struct span make_span(const struct zone *z, int64_t quarter)
{
    int interval = interval_at(z, quarter);
    int64_t size = SPAN_MAX;
    int64_t first = floor_divide(quarter, size) * size;
    while (size > 1 &&
           (interval_at(z, first) != interval || interval_at(z, first + size - 1) != interval)) {
        size /= 2;
        first = floor_divide(quarter, size) * size;
    }
    return (struct span){first, first + size, g_time_zone_get_offset(z->glib, interval)};
}

static const struct span *span_of(struct zone *z, int64_t quarter)
{
    uint64_t block = (uint64_t)(floor_divide(quarter, SPAN_MAX)) % SPAN_COUNT;
    struct span *s = &z->spans[block];
    if (quarter < s->first || quarter >= s->end) {
        *s = make_span(z, quarter);
    }
    return s;
}

static int32_t day_of(struct zone *z, int64_t quarter)
{
    int64_t offset_seconds = span_of(z, quarter)->offset_seconds;
    return (int32_t)floor_divide(quarter * QUARTER_SECONDS + offset_seconds, DAY_SECONDS);
}

int32_t timezone_day(struct zone *z, int32_t quarter)
{
    return day_of(z, quarter);
}

int32_t timezone_offset_s(struct zone *z, int32_t quarter)
{
    return (int32_t)span_of(z, quarter)->offset_seconds;
}

int32_t timezone_hour_start(struct zone *z, int32_t quarter)
{
    enum { HOUR_SECONDS = 60 * 60 };
    int64_t local = (int64_t)quarter * QUARTER_SECONDS + timezone_offset_s(z, quarter);
    int64_t past = local - floor_divide(local, HOUR_SECONDS) * HOUR_SECONDS;
    return quarter - (int32_t)(past / QUARTER_SECONDS);
}

int64_t timezone_day_start_ms(struct zone *z, int32_t day)
{
    /* No zone is more than 15 hours from UTC. Step by step, since a clock set back at midnight lets
     * a zone see the same midnight twice: the first one is the start. */
    int64_t quarter = ((int64_t)day * TIMEZONE_QUARTERS_A_DAY) - 60;
    while (day_of(z, quarter) < day) {
        quarter++;
    }
    return quarter * TIMEZONE_QUARTER_MS;
}
