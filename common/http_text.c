#include "common/http_text.h"

/* 1: of a token; 2: of a host. The bytes past ASCII are neither. */
/* clang-format off */
const unsigned char http_byte_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    0, 3, 0, 1, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 0, /* 0x20 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 0, 2, 0, 0, /* 0x30 */
    0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* 0x40 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 0, 2, 1, 3, /* 0x50 */
    1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* 0x60 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 1, 0, 3, 0, /* 0x70 */
};
/* clang-format on */

static const uint64_t EACH_BYTE = 0x0101010101010101U;

/* Is any of the eight bytes less than `least` (at most 128), or DEL? */
static bool has_other(uint64_t word, unsigned least)
{
    uint64_t high = EACH_BYTE * 0x80U;
    uint64_t less = (word - EACH_BYTE * least) & ~word & high;
    uint64_t del = word ^ (EACH_BYTE * 0x7fU);
    del = (del - EACH_BYTE) & ~del & high;
    return (less | del) != 0;
}

const char *http_skip_text(const char *at, const char *end, unsigned least)
{
    uint64_t word = 0;
    while (end - at >= (ptrdiff_t)sizeof word) {
        memcpy(&word, at, sizeof word);
        if (has_other(word, least)) {
            break;
        }
        at += sizeof word;
    }
    while (at < end && (unsigned char)*at >= least && *at != 0x7f) {
        at++;
    }
    return at;
}

bool http_is_word(struct slice text, const char *lower)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        char folded = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        if (folded != lower[i]) { /* lower[i] may be its NUL: no text of a head holds one */
            return false;
        }
    }
    return lower[text.len] == '\0';
}

struct slice http_trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

bool http_next_item(struct slice *list, struct slice *item)
{
    if (list->data == NULL) {
        return false;
    }
    const char *comma = list->len == 0 ? NULL : memchr(list->data, ',', list->len);
    size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
    *item = http_trim(slice_make(list->data, len));
    *list = comma == NULL ? slice_make(NULL, 0) : slice_make(comma + 1, list->len - len - 1);
    return true;
}
