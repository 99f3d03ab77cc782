/*
 * Any bytes as a report in JSON, and as a batch of them. A plain reader of RFC 8259 says whether it
 * is JSON and what its members are; each report of a batch is read as if it had come alone; and
 * whatever makes a report makes an event that readers of the topic can decode.
 */
#include "common/utf8.h"
#include "ingest/report.h"
#include "ingest/report_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/json.h"

static void check_event(const struct fields *f, enum report_path asked)
{
    static char out[EVENT_SIZE_MAX];
    const struct report_context ctx = {.site = {"s", 1}, .ts_ms = 1};
    struct player_event made, read;
    struct report_fault why;
    if (report_make(f, asked, &ctx, &made, &why) != REPORT_OK) {
        return;
    }
    require(f->fault == FIELDS_GOOD);
    made.sequence = 1;
    size_t len = event_encode(&made, out, sizeof(out));
    require(len > 0 && event_decode(slice_make(out, len), &read) == EVENT_DECODE_OK);
    require(read.photo_id == made.photo_id && slice_equal(read.source, made.source));
}

static double number_of(struct slice s)
{
    char *text = fuzz_text(s), *end = NULL;
    double number = strtod(text, &end);
    require(s.len > 0 && end == text + s.len);
    free(text);
    return number;
}

/* What a member's value is to say, as text; numbers as they stand. */
static struct slice plain_text(struct slice value, struct buffer *decoded)
{
    struct plain_json p = plain_json(value);
    if (value.data[0] == '"') {
        buffer_reset(decoded);
        require(plain_json_string(&p, decoded));
        return buffer_slice(decoded);
    }
    return slice_is(value, "true")    ? slice_of("1")
           : slice_is(value, "false") ? slice_of("0")
                                      : value;
}

/* Each known member is in the fields; for the other spellings any of the two will do. */
static void check_members(struct slice object, const struct fields *f)
{
    struct plain_json p = plain_json(object);
    struct buffer name, decoded;
    struct slice value;
    enum field field;
    buffer_init(&name);
    buffer_init(&decoded);
    for (bool first = true; plain_json_next(&p, first, &name, &value); first = false) {
        bool is_known = field_named(buffer_slice(&name), &field);
        bool is_spelling = is_known && (field >= FIELD_TIME_START_CAMEL ||
                                        (field >= FIELD_TIME_START && field <= FIELD_TIME_TOTAL) ||
                                        field == FIELD_SESSION_ID);
        if (!is_known || is_spelling || slice_is(value, "null")) {
            continue;
        }
        struct slice text = plain_text(value, &decoded), found = f->values[field];
        if (field_is_of_batch(field) && value.data[0] != '"') {
            require(found.data == NULL);
        } else if (value.data[0] == '"') {
            require(found.data != NULL && slice_equal(found, text));
        } else {
            double difference = number_of(found) - number_of(text);
            require(!(difference < 0) && !(difference > 0));
        }
    }
    buffer_fini(&name);
    buffer_fini(&decoded);
}

/* The fault and the members, by the plain reader. text is valid UTF-8. */
static void check_report(struct slice text, const struct fields *f)
{
    bool is_json = plain_json_is_whole(text);
    bool was_parsed = f->fault == FIELDS_GOOD || f->fault == FIELDS_BAD_TYPE ||
                      f->fault == FIELDS_NOT_AN_OBJECT || f->fault == FIELDS_BATCH ||
                      f->fault == FIELDS_HOLD_NUL;
    require(is_json ? f->fault != FIELDS_NOT_JSON : !was_parsed);
    struct slice value = {NULL, 0};
    struct plain_json p = plain_json(text);
    if (f->fault == FIELDS_GOOD) {
        require(plain_json_value(&p, &value) && value.data[0] == '{');
        check_members(value, f);
    }
    for (int i = 0; i < FIELD_COUNT; i++) {
        require(utf8_is_valid(f->values[i]));
    }
}

static bool are_same(const struct fields *a, const struct fields *b)
{
    bool same = a->fault == b->fault;
    for (int i = 0; i < FIELD_COUNT; i++) {
        bool are_there = (a->values[i].data == NULL) == (b->values[i].data == NULL);
        same = same && are_there && slice_equal(a->values[i], b->values[i]);
    }
    return same;
}

static void check_alone(struct slice text, const struct fields *f)
{
    struct report_json *memory;
    struct fields alone;
    require(report_json_read(&memory, &alone, text) == 0);
    /* An array within an array is one that is no object, alone it is a batch: both say
     * FIELDS_BATCH. */
    require(are_same(&alone, f));
    report_json_free(memory);
}

static void check_batch(struct slice text)
{
    struct report_batch *b;
    enum fields_fault fault;
    struct fields f;
    require(report_batch_open(&b, &fault, text) == 0 && (b == NULL) == (fault != FIELDS_GOOD));
    if (b == NULL) {
        return;
    }
    require(plain_json_is_whole(text));
    struct plain_json p = plain_json(text);
    struct slice element;
    size_t count = 0;
    for (; plain_json_next(&p, count == 0, NULL, &element); count++) {
        require(count < report_batch_count(b) && report_batch_next(b, &f) == 0);
        check_alone(element, &f);
        check_event(&f, REPORT_PATH_EVENT);
        check_event(&f, REPORT_PATH_PLAY);
    }
    require(count == report_batch_count(b));
    report_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *repaired = malloc(utf8_repaired_size(size) + 1);
    require(repaired != NULL);
    struct slice raw = fuzz_input(data, size);
    struct slice text = slice_make(repaired, utf8_repair(raw, repaired));
    struct report_json *memory;
    struct fields f;
    require(report_json_read(&memory, &f, raw) == 0);
    check_report(text, &f);
    check_event(&f, REPORT_PATH_EVENT);
    check_event(&f, REPORT_PATH_PLAY);
    check_event(&f, REPORT_PATH_DOWNLOAD);
    report_json_free(memory);
    check_batch(text);
    free(repaired);
    return 0;
}
