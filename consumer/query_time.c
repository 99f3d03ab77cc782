#include "consumer/query_time.h"

#include "common/text.h"

#include <ctype.h>
#include <time.h>

enum { DAY_SECONDS = 24 * 60 * 60 };

/* Reads exactly `digits` digits at *at and steps past them. */
static bool read_digits(struct slice text, size_t *at, size_t digits, int *out)
{
    if (text.len - *at < digits) {
        return false;
    }
    int value = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = text.data[*at + i];
        if (!isdigit((unsigned char)c)) {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *out = value;
    return true;
}

static bool read_char(struct slice text, size_t *at, char c)
{
    if (*at >= text.len || text.data[*at] != c) {
        return false;
    }
    (*at)++;
    return true;
}

static bool read_date(struct slice text, size_t *at, int32_t *out)
{
    int year, month, day;
    if (!read_digits(text, at, 4, &year) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &month) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &day)) {
        return false;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    time_t midnight = timegm(&date);
    if (date.tm_mday != day) {
        return false; /* the month has no such day: it was made one of the next month */
    }
    *out = (int32_t)(midnight / DAY_SECONDS);
    return true;
}

/* HH:MM[:SS[.f...]] as ms of the day. */
static bool read_clock(struct slice text, size_t *at, int64_t *out)
{
    int hour, minute, second = 0;
    if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    int64_t fraction_ms = 0;
    if (read_char(text, at, ':')) {
        if (!read_digits(text, at, 2, &second) || second > 59) {
            return false;
        }
        if (read_char(text, at, '.')) {
            int digit;
            if (!read_digits(text, at, 1, &digit)) {
                return false;
            }
            fraction_ms = digit * 100;
            for (int unit = 10; read_digits(text, at, 1, &digit); unit /= 10) {
                fraction_ms += digit * unit;
            }
        }
    }
    *out = (hour * 60 + minute) * 60000 + second * 1000 + fraction_ms;
    return true;
}

/* Nothing or Z for UTC, else +HH:MM or +HHMM. A '+' that was sent bare has become a space. */
static bool read_offset(struct slice text, size_t *at, int64_t *out_ms)
{
    *out_ms = 0;
    if (*at == text.len || read_char(text, at, 'Z')) {
        return true;
    }
    int sign = read_char(text, at, '-') ? -1 : 1;
    if (sign == 1 && !read_char(text, at, '+') && !read_char(text, at, ' ')) {
        return false;
    }
    int hours, minutes;
    if (!read_digits(text, at, 2, &hours)) {
        return false;
    }
    (void)read_char(text, at, ':'); /* may be there or not */
    if (!read_digits(text, at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

static bool read_iso(struct slice text, struct query_edge *out)
{
    size_t at = 0;
    int32_t date;
    if (!read_date(text, &at, &date)) {
        return false;
    }
    int64_t midnight_ms = (int64_t)date * QUERY_TIME_DAY_MS;
    if (at == text.len) {
        *out = (struct query_edge){.kind = QUERY_EDGE_DATE, .date = date, .ms = midnight_ms};
        return true;
    }
    int64_t clock_ms, offset_ms;
    if (!read_char(text, &at, 'T') || !read_clock(text, &at, &clock_ms) ||
        !read_offset(text, &at, &offset_ms) || at != text.len) {
        return false;
    }
    *out = (struct query_edge){.kind = QUERY_EDGE_TIME, .ms = midnight_ms + clock_ms - offset_ms};
    return true;
}

static bool read_age(struct slice text, int64_t *out_ms)
{
    if (text.len < 3 || text.data[0] != '-') {
        return false;
    }
    char unit = text.data[text.len - 1];
    int64_t unit_ms = unit == 'd' ? QUERY_TIME_DAY_MS : unit == 'h' ? 3600000 : 60000;
    if (unit != 'd' && unit != 'h' && unit != 'm') {
        return false;
    }
    uint64_t count;
    struct slice digits = slice_make(text.data + 1, text.len - 2);
    if (!text_parse_uint(digits, (uint64_t)(QUERY_TIME_LAST_MS / unit_ms), &count)) {
        return false;
    }
    *out_ms = (int64_t)count * unit_ms;
    return true;
}

bool query_time_read(struct slice text, int64_t now_ms, struct query_edge *out)
{
    int64_t age_ms;
    uint64_t ms;
    if (slice_is(text, "all")) {
        *out = (struct query_edge){.kind = QUERY_EDGE_OPEN};
        return true;
    }
    if (slice_is(text, "now")) {
        *out = (struct query_edge){.kind = QUERY_EDGE_TIME, .ms = now_ms};
        return true;
    }
    if (read_age(text, &age_ms)) {
        *out = (struct query_edge){.kind = QUERY_EDGE_TIME, .ms = now_ms - age_ms};
        return true;
    }
    if (text_parse_uint(text, (uint64_t)QUERY_TIME_LAST_MS, &ms)) {
        *out = (struct query_edge){.kind = QUERY_EDGE_TIME, .ms = (int64_t)ms};
        return true;
    }
    return read_iso(text, out);
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void query_time_write_date(struct buffer *out, int64_t day)
{
    time_t midnight = (time_t)day * DAY_SECONDS;
    struct tm date = {0};
    (void)gmtime_r(&midnight, &date); /* fails only past the year 2^31 */
    buffer_append_format(out, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

static void write_clock(struct buffer *out, int64_t ms)
{
    int64_t day = floor_divide(ms, QUERY_TIME_DAY_MS);
    int64_t rest = ms - day * QUERY_TIME_DAY_MS;
    query_time_write_date(out, day);
    buffer_append_format(out, "T%02d:%02d:%02d", (int)(rest / 3600000), (int)(rest / 60000 % 60),
                         (int)(rest / 1000 % 60));
    if (rest % 1000 != 0) {
        buffer_append_format(out, ".%03d", (int)(rest % 1000));
    }
}

void query_time_write_local(struct buffer *out, int64_t ms, int32_t offset_s)
{
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    write_clock(out, ms + (int64_t)offset_s * 1000);
    buffer_append_format(out, "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void query_time_write(struct buffer *out, int64_t ms)
{
    write_clock(out, ms);
    buffer_append_char(out, 'Z');
}
