#include "tests/fuzz/plain/utf8.h"

size_t plain_utf8_char(struct slice s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s.len == 0) {
        return 0;
    }
    unsigned char lead = (unsigned char)s.data[0];
    size_t len = lead < 0x80       ? 1
                 : lead >> 5 == 6  ? 2
                 : lead >> 4 == 14 ? 3
                 : lead >> 3 == 30 ? 4
                                   : 0;
    if (len == 0 || len > s.len) {
        return 0;
    }
    uint32_t value = len == 1 ? lead : lead & ((1U << (7 - len)) - 1);
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)s.data[i];
        if (next >> 6 != 2) {
            return 0;
        }
        value = value * 64 + (next & 63U);
    }
    if (value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code = value;
    return len;
}

bool plain_utf8_is_valid(struct slice s)
{
    while (s.len > 0) {
        uint32_t code;
        size_t len = plain_utf8_char(s, &code);
        if (len == 0) {
            return false;
        }
        s = slice_make(s.data + len, s.len - len);
    }
    return true;
}

/* Can more bytes make a character of these? */
static bool is_start(const char *bytes, size_t len)
{
    char whole[4] = {0};
    uint32_t code;
    memcpy(whole, bytes, len);
    for (int second = 0x80; second < 0xC0; second++) {
        for (size_t i = len; i < sizeof whole; i++) {
            whole[i] = (char)(i == 1 ? second : 0x80);
        }
        for (size_t total = len + 1; total <= sizeof whole; total++) {
            if (plain_utf8_char(slice_make(whole, total), &code) == total) {
                return true;
            }
        }
    }
    return false;
}

void plain_utf8_repair(struct slice s, struct buffer *out)
{
    while (s.len > 0) {
        uint32_t code;
        size_t len = plain_utf8_char(s, &code);
        if (len > 0) {
            buffer_append(out, s.data, len);
        } else {
            buffer_append_text(out, "\xEF\xBF\xBD");
            len = 1;
            while (len < 3 && len < s.len && is_start(s.data, len + 1)) {
                len++;
            }
        }
        s = slice_make(s.data + len, s.len - len);
    }
}
