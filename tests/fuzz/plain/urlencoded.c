#include "tests/fuzz/plain/urlencoded.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/utf8.h"

#include <ctype.h>

static void decode(struct slice s, struct buffer *out)
{
    struct buffer bytes;
    buffer_init(&bytes);
    for (size_t i = 0; i < s.len; i++) {
        bool is_escape = s.data[i] == '%' && i + 2 < s.len &&
                         isxdigit((unsigned char)s.data[i + 1]) != 0 &&
                         isxdigit((unsigned char)s.data[i + 2]) != 0;
        if (is_escape) {
            const char hex[3] = {s.data[i + 1], s.data[i + 2], '\0'};
            buffer_append_char(&bytes, (char)strtol(hex, NULL, 16));
            i += 2;
        } else {
            buffer_append_char(&bytes, s.data[i] == '+' ? ' ' : s.data[i]);
        }
    }
    buffer_reset(out);
    plain_utf8_repair(buffer_slice(&bytes), out);
    buffer_fini(&bytes);
}

bool plain_urlencoded_next(struct slice *rest, struct buffer *name, struct buffer *value)
{
    while (rest->len > 0) {
        struct slice pair = fuzz_take(rest, '&');
        struct slice left = fuzz_take(&pair, '=');
        if (left.len > 0) {
            decode(left, name);
            decode(pair, value);
            return true;
        }
    }
    return false;
}
