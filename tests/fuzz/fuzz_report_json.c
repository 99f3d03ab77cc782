/* Whatever JSON makes a report must make an event that readers of the topic can decode. */
#include "ingest/report.h"
#include "ingest/report_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fields *f, enum report_path asked)
{
    static char out[EVENT_SIZE_MAX];
    const struct report_context ctx = {.site = {"s", 1}, .ts_ms = 1};
    struct player_event made, read;
    struct report_fault why;
    if (report_make(f, asked, &ctx, &made, &why) != REPORT_OK) {
        return;
    }
    made.sequence = 1;
    size_t len = event_encode(&made, out, sizeof(out));
    if (len == 0 || event_decode(slice_make(out, len), &read) != EVENT_DECODE_OK ||
        read.photo_id != made.photo_id || !slice_equal(read.source, made.source)) {
        abort();
    }
}

/* A batch that opens gives as many reports as it counts. */
static void check_batch(struct slice text)
{
    struct report_batch *b;
    enum fields_fault fault;
    struct fields f;
    if (report_batch_open(&b, &fault, text) != 0 || b == NULL) {
        return;
    }
    for (size_t i = 0; i < report_batch_count(b); i++) {
        if (report_batch_next(b, &f) != 0) {
            break;
        }
        if (f.fault == FIELDS_NOT_JSON) {
            abort(); /* the whole did parse */
        }
        check(&f, REPORT_PATH_EVENT);
        check(&f, REPORT_PATH_PLAY);
    }
    report_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_batch(slice_make((const char *)data, size));
    struct report_json *memory;
    struct fields f;
    if (report_json_read(&memory, &f, slice_make((const char *)data, size)) != 0) {
        return 0;
    }
    check(&f, REPORT_PATH_EVENT);
    check(&f, REPORT_PATH_PLAY);
    report_json_free(memory);
    return 0;
}
