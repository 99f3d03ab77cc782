#include "common/utf8.h"

static const char replacement[] = {'\xEF', '\xBF', '\xBD'};

/* What the bytes after a lead byte must be; the first of them has bounds of its own. */
struct tail {
    size_t len; /* 0: no lead byte */
    unsigned char least, most;
    uint32_t bits; /* what the lead byte itself gives */
};

static struct tail tail_of(unsigned char lead)
{
    struct tail t = {.least = 0x80, .most = 0xBF};
    if (lead >= 0xC2 && lead <= 0xDF) {
        t.len = 1;
        t.bits = lead & 0x1FU;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        t.len = 2;
        t.bits = lead & 0x0FU;
        t.least = lead == 0xE0 ? 0xA0 : 0x80; /* below: overlong */
        t.most = lead == 0xED ? 0x9F : 0xBF;  /* above: surrogates */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        t.len = 3;
        t.bits = lead & 0x07U;
        t.least = lead == 0xF0 ? 0x90 : 0x80; /* below: overlong */
        t.most = lead == 0xF4 ? 0x8F : 0xBF;  /* above: past U+10FFFF */
    }
    return t;
}

/*
 * Reads the character at p (len > 0). Returns how many bytes it has and true in *valid; or false
 * and how many bytes belong to the broken character, at least 1.
 */
static size_t scan(const char *p, size_t len, uint32_t *code, bool *valid)
{
    unsigned char lead = (unsigned char)p[0];
    *valid = false;
    if (lead < 0x80) {
        *valid = true;
        *code = lead;
        return 1;
    }
    struct tail t = tail_of(lead);
    uint32_t bits = t.bits;
    for (size_t i = 1; i <= t.len; i++) {
        if (i == len) {
            return i;
        }
        unsigned char c = (unsigned char)p[i];
        if (c < t.least || c > t.most) {
            return i;
        }
        bits = bits << 6 | (c & 0x3FU);
        t.least = 0x80;
        t.most = 0xBF;
    }
    *valid = t.len > 0;
    *code = bits;
    return t.len + 1;
}

/* The length of the ASCII run at the start of p, eight bytes at a time: most of what comes is
 * ASCII. */
static size_t ascii_run(const char *p, size_t len)
{
    size_t i = 0;
    for (; len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    while (i < len && (unsigned char)p[i] < 0x80) {
        i++;
    }
    return i;
}

size_t utf8_decode(struct slice s, uint32_t *out)
{
    if (s.len == 0) {
        return 0;
    }
    uint32_t code = 0;
    bool valid = false;
    size_t len = scan(s.data, s.len, &code, &valid);
    if (!valid) {
        return 0;
    }
    *out = code;
    return len;
}

bool utf8_is_valid(struct slice s)
{
    size_t at = 0;
    while (at < s.len) {
        at += ascii_run(s.data + at, s.len - at);
        if (at == s.len) {
            return true;
        }
        uint32_t code = 0;
        bool valid = false;
        at += scan(s.data + at, s.len - at, &code, &valid);
        if (!valid) {
            return false;
        }
    }
    return true;
}

struct slice utf8_cut(struct slice s, size_t max_len)
{
    if (s.len <= max_len) {
        return s;
    }
    size_t len = max_len;
    while (len > 0 && ((unsigned char)s.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_make(s.data, len);
}

size_t utf8_repair(struct slice s, char *out)
{
    size_t written = 0;
    for (size_t at = 0; at < s.len;) {
        uint32_t code = 0;
        bool valid = false;
        size_t len = scan(s.data + at, s.len - at, &code, &valid);
        if (valid) {
            memmove(out + written, s.data + at, len); /* near the end of a shared room both meet */
            written += len;
        } else {
            memcpy(out + written, replacement, sizeof replacement);
            written += sizeof replacement;
        }
        at += len;
    }
    return written;
}
