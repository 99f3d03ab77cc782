/*
 * The first byte chooses the coding, the rest is the body. What comes out never passes the limit,
 * and the same bytes come out of an inflater that was used before and of a fresh one.
 */
#include "ingest/inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inflater *inflater = inflater_new();
    if (size == 0 || inflater == NULL) {
        inflater_free(inflater);
        return 0;
    }
    enum inflate_coding coding = data[0] % 2 == 0 ? INFLATE_GZIP : INFLATE_DEFLATE;
    struct slice body = slice_make((const char *)data + 1, size - 1);
    struct buffer first;
    struct buffer second;
    buffer_init(&first);
    buffer_init(&second);
    enum inflate_result result = inflate_body(inflater, coding, body, MAX, &first);
    enum inflate_result again = inflate_body(inflater, coding, body, MAX, &second);
    if (first.len > MAX || result != again) {
        abort();
    }
    if (result == INFLATE_OK &&
        (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)) {
        abort();
    }
    buffer_fini(&first);
    buffer_fini(&second);
    inflater_free(inflater);
    return 0;
}
