/*
 * Any bytes as a query: pairs lie inside the areas given, are valid UTF-8, come to an end, and are
 * those that the plain reader finds.
 */
#include "common/params.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/urlencoded.h"

static bool lies_inside(struct slice s, const char *area, size_t size)
{
    uintptr_t at = (uintptr_t)s.data;
    uintptr_t start = (uintptr_t)area;
    return at >= start && at + s.len <= start + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice encoded = fuzz_input(data, size), rest = encoded;
    size_t scratch_size = params_scratch_size(size);
    char *scratch = malloc(scratch_size + 1);
    require(scratch != NULL);
    struct params_cursor c;
    params_start(&c, encoded, scratch, scratch_size);

    struct slice pair[2];
    struct buffer plain[2] = {{0}, {0}};
    while (params_next(&c, &pair[0], &pair[1])) {
        require(plain_urlencoded_next(&rest, &plain[0], &plain[1]));
        require(pair[0].len > 0);
        for (size_t i = 0; i < 2; i++) {
            require(pair[i].data != NULL);
            require(lies_inside(pair[i], encoded.data, size) ||
                    lies_inside(pair[i], scratch, scratch_size));
            require(utf8_is_valid(pair[i]));
            require(slice_equal(pair[i], buffer_slice(&plain[i])));
        }
    }
    require(!plain_urlencoded_next(&rest, &plain[0], &plain[1]));
    buffer_fini(&plain[0]);
    buffer_fini(&plain[1]);
    free(scratch);
    return 0;
}
