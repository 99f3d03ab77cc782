/*
 * The first line is the Content-Type, the rest the body. Fields of forms lie inside the body or the
 * scratch, and are valid UTF-8.
 */
#include "common/params.h"
#include "common/utf8.h"
#include "ingest/body.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fields *f)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (!utf8_is_valid(f->values[i])) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    if (end == NULL) {
        return 0;
    }
    struct slice type = slice_make((const char *)data, (size_t)(end - data));
    struct slice body = slice_make((const char *)end + 1, size - type.len - 1);
    size_t scratch_size = params_scratch_size(body.len);
    char *scratch = malloc(scratch_size + 1);
    struct fields f;
    if (scratch == NULL) {
        return 0;
    }
    enum body_kind kind = body_kind_of(type, body);
    if (kind == BODY_FORM) {
        fields_from_query(&f, body, scratch, scratch_size);
        check(&f);
    } else if (kind == BODY_MULTIPART &&
               body_multipart_fields(&f, type, body, scratch, scratch_size)) {
        check(&f);
    }
    free(scratch);
    return 0;
}
