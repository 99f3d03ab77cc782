/* Any bytes as a query: pairs lie inside the areas given, are valid UTF-8, and come to an end. */
#include "common/params.h"

#include "common/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool lies_inside(struct slice s, const char *area, size_t size)
{
    uintptr_t at = (uintptr_t)s.data;
    uintptr_t start = (uintptr_t)area;
    return at >= start && at + s.len <= start + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *encoded = (const char *)data;
    size_t scratch_size = params_scratch_size(size);
    char *scratch = malloc(scratch_size + 1);
    demand(scratch != NULL);
    struct params_cursor c;
    params_start(&c, slice_make(encoded, size), scratch, scratch_size);

    struct slice pair[2];
    size_t pairs = 0;
    while (params_next(&c, &pair[0], &pair[1])) {
        demand(++pairs <= size);
        demand(pair[0].len > 0);
        for (size_t i = 0; i < 2; i++) {
            demand(pair[i].data != NULL);
            demand(lies_inside(pair[i], encoded, size) ||
                   lies_inside(pair[i], scratch, scratch_size));
            demand(utf8_is_valid(pair[i]));
        }
    }
    free(scratch);
    return 0;
}
