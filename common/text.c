#include "common/text.h"

#include <math.h>
#include <stdlib.h>

enum {
    DIGITS_KEPT = 40,       /* a double is told apart by 17; the rest only settles ties */
    EXPONENT_LIMIT = 100000 /* far past every double, far below overflow of int */
};

/* The way a format writes what must not stand as it is; NULL: it may. *len is how much of p it
 * takes. */
typedef const char *text_escape_fn(const char *p, size_t left, char *room, size_t *len);

static void append_escaped(struct buffer *b, struct slice s, text_escape_fn *escape)
{
    size_t plain = 0; /* where the bytes start that go out as they are */
    char room[8];
    for (size_t at = 0; at < s.len;) {
        size_t len = 1;
        const char *written = escape(s.data + at, s.len - at, room, &len);
        if (written != NULL) {
            buffer_append(b, s.data + plain, at - plain);
            buffer_append_text(b, written);
            plain = at + len;
        }
        at += len;
    }
    if (s.len > plain) {
        buffer_append(b, s.data + plain, s.len - plain);
    }
}

static const char *escape_xml(const char *p, size_t left, char *room, size_t *len)
{
    (void)room;
    switch (p[0]) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    case '\xEF': /* U+FFFE and U+FFFF are EF BF BE and EF BF BF */
        if (left >= 3 && p[1] == '\xBF' && (p[2] == '\xBE' || p[2] == '\xBF')) {
            *len = 3;
            return "";
        }
        return NULL;
    default:
        return (unsigned char)p[0] < ' ' ? "" : NULL;
    }
}

static const char *escape_json(const char *p, size_t left, char *room, size_t *len)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)p[0];
    if (c < ' ') {
        memcpy(room, "\\u00", 4);
        room[4] = hex[c >> 4];
        room[5] = hex[c & 15];
        room[6] = '\0';
        return room;
    }
    switch (p[0]) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '<': /* never an end of the script element around it */
        if (left >= 2 && p[1] == '/') {
            *len = 2;
            return "<\\/";
        }
        return NULL;
    case '\xE2': /* line ends to JavaScript before 2019: E2 80 A8 and E2 80 A9 */
        if (left >= 3 && p[1] == '\x80' && (p[2] == '\xA8' || p[2] == '\xA9')) {
            *len = 3;
            return p[2] == '\xA8' ? "\\u2028" : "\\u2029";
        }
        return NULL;
    default:
        return NULL;
    }
}

static const char *escape_csv(const char *p, size_t left, char *room, size_t *len)
{
    (void)left;
    (void)room;
    (void)len;
    return p[0] == '"' ? "\"\"" : NULL;
}

void text_append_xml(struct buffer *b, struct slice s)
{
    append_escaped(b, s, escape_xml);
}

void text_append_json(struct buffer *b, struct slice s)
{
    buffer_append_char(b, '"');
    append_escaped(b, s, escape_json);
    buffer_append_char(b, '"');
}

static bool holds_any(struct slice s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '\0' && strchr(set, s.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

void text_append_csv(struct buffer *b, struct slice s)
{
    bool runs = s.len > 0 && holds_any(slice_make(s.data, 1), "=+-@\t\r");
    bool quoted = runs || holds_any(s, "\",\r\n");
    if (!quoted) {
        buffer_append_slice(b, s);
        return;
    }
    buffer_append_text(b, runs ? "\"'" : "\"");
    append_escaped(b, s, escape_csv);
    buffer_append_char(b, '"');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_parse_uint(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.data[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(s.data[i] - '0');
        if (digit > max || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (s.len == 0) {
        return false;
    }
    *out = value;
    return true;
}

/* A decimal number as an integer of its significant digits and a power of ten. */
struct decimal {
    const char *at, *end;
    char digits[DIGITS_KEPT];
    size_t count;
    int exponent;
};

static bool skip_one(struct decimal *d, char c)
{
    bool there = d->at < d->end && *d->at == c;
    d->at += there ? 1 : 0;
    return there;
}

/* Takes a run of digits; returns whether there was one. */
static bool take_digits(struct decimal *d, bool fraction)
{
    const char *start = d->at;
    for (; d->at < d->end && is_digit(*d->at); d->at++) {
        bool kept = d->count < DIGITS_KEPT;
        if (kept && (d->count > 0 || *d->at != '0')) {
            d->digits[d->count++] = *d->at;
        }
        int step = fraction && kept ? -1 : !fraction && !kept ? 1 : 0;
        if (abs(d->exponent) < EXPONENT_LIMIT) {
            d->exponent += step;
        }
    }
    return d->at > start;
}

static bool take_exponent(struct decimal *d)
{
    if (!skip_one(d, 'e') && !skip_one(d, 'E')) {
        return true;
    }
    bool negative = skip_one(d, '-');
    if (!negative) {
        (void)skip_one(d, '+'); /* it may be there and says nothing */
    }
    const char *start = d->at;
    int value = 0;
    for (; d->at < d->end && is_digit(*d->at); d->at++) {
        value = value < EXPONENT_LIMIT ? value * 10 + (*d->at - '0') : value;
    }
    d->exponent += negative ? -value : value;
    return d->at > start;
}

/* Writes "123e-1" for 12.3: without a decimal point strtod() is the same in every locale. */
static double decimal_value(const struct decimal *d)
{
    char text[DIGITS_KEPT + 16];
    size_t len = d->count;
    memcpy(text, d->digits, len);
    text[len++] = 'e';
    text[len++] = d->exponent < 0 ? '-' : '+';
    int rest = abs(d->exponent);
    int unit = 1;
    while (rest / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        text[len++] = (char)('0' + rest / unit % 10);
    }
    text[len] = '\0';
    return d->count == 0 ? 0.0 : strtod(text, NULL);
}

bool text_parse_double(struct slice s, double *out)
{
    if (s.len == 0) {
        return false;
    }
    struct decimal d = {.at = s.data, .end = s.data + s.len};
    bool negative = skip_one(&d, '-');
    if (!negative) {
        (void)skip_one(&d, '+'); /* it may be there and says nothing */
    }
    bool whole = take_digits(&d, false);
    bool fraction = skip_one(&d, '.') && take_digits(&d, true);
    if ((!whole && !fraction) || !take_exponent(&d) || d.at != d.end) {
        return false;
    }
    double value = decimal_value(&d);
    if (isinf(value)) {
        return false;
    }
    *out = negative ? -value : value;
    return true;
}
