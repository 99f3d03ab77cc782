/* Any bytes as a sketch: what is read can be written, read again, counted and added to. */
#include "consumer/sketch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct sketch *a, const struct sketch *b)
{
    static char x[SKETCH_BYTES_MAX], y[SKETCH_BYTES_MAX];
    size_t len = sketch_encode(a, x);
    if (len > sizeof x || sketch_encode(b, y) != len || memcmp(x, y, len) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[SKETCH_BYTES_MAX];
    static struct sketch *s, *read;
    if (s == NULL) { /* made once; the fuzzer ends with them */
        s = sketch_new();
        read = sketch_new();
    }
    if (!sketch_decode(s, slice_make((const char *)data, size))) {
        return sketch_count(s) == 0 ? 0 : (abort(), 0);
    }
    size_t len = sketch_encode(s, bytes);
    if (!sketch_decode(read, slice_make(bytes, len))) {
        abort();
    }
    check_same(s, read);
    sketch_merge(read, s); /* it has all of that already */
    check_same(s, read);
    uint64_t hash = (uint64_t)size * 0x9E3779B97F4A7C15U;
    (void)sketch_add(s, hash); /* it may be there */
    if (sketch_add(s, hash) || sketch_count(s) == 0) {
        abort();
    }
    return 0;
}
