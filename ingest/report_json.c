#include "ingest/report_json.h"

#include "common/utf8.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_TEXT_SIZE = 32 }; /* 2^63 and %.17g fit */

struct report_json {
    json_t *root;
    char *repaired; /* the body, when it was no valid UTF-8 */
    char numbers[FIELD_COUNT][NUMBER_TEXT_SIZE];
};

/* What a field may be besides a string. */
enum member_kind { MEMBER_TEXT, MEMBER_INTEGER, MEMBER_SECONDS, MEMBER_SWITCH };

static const unsigned char member_kinds[FIELD_COUNT] = {
    [FIELD_PHOTO_ID] = MEMBER_INTEGER,
    [FIELD_PLAY_TIMESTAMP] = MEMBER_INTEGER,
    [FIELD_BYTES_TOTAL] = MEMBER_INTEGER,
    [FIELD_TIME_START] = MEMBER_SECONDS,
    [FIELD_TIME_END] = MEMBER_SECONDS,
    [FIELD_TIME_TOTAL] = MEMBER_SECONDS,
    [FIELD_TIME_START_CAMEL] = MEMBER_SECONDS,
    [FIELD_TIME_END_CAMEL] = MEMBER_SECONDS,
    [FIELD_TIME_TOTAL_CAMEL] = MEMBER_SECONDS,
    [FIELD_RAW] = MEMBER_SWITCH,
    [FIELD_SKIP] = MEMBER_SWITCH,
};

static void set_fault(struct fields *f, enum fields_fault fault, enum field field)
{
    if (f->fault == FIELDS_GOOD) {
        f->fault = fault;
        f->fault_field = field;
    }
}

/* The member as the text that a query would hold; absent when its type does not fit the field. */
static struct slice member_text(struct report_json *r, enum field field, const json_t *value)
{
    unsigned char kind = member_kinds[field];
    char *number = r->numbers[field];
    if (json_is_string(value)) {
        return slice_make(json_string_value(value), json_string_length(value));
    }
    if (json_is_integer(value) && kind != MEMBER_TEXT) {
        (void)snprintf(number, NUMBER_TEXT_SIZE, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
        return slice_of(number);
    }
    if (json_is_real(value) && kind == MEMBER_SECONDS) {
        (void)snprintf(number, NUMBER_TEXT_SIZE, "%.17g", json_real_value(value));
        return slice_of(number);
    }
    if (json_is_boolean(value) && kind == MEMBER_SWITCH) {
        return slice_of(json_is_true(value) ? "1" : "0");
    }
    return (struct slice){NULL, 0};
}

static void take_members(struct report_json *r, struct fields *f)
{
    const char *key;
    json_t *value;
    enum field field;
    json_object_foreach(r->root, key, value)
    {
        if (json_is_null(value) || !field_named(slice_of(key), &field)) {
            continue;
        }
        struct slice text = member_text(r, field, value);
        if (text.data == NULL) {
            set_fault(f, FIELDS_BAD_TYPE, field);
        } else {
            fields_put(f, field, text);
        }
    }
}

/* The known name that the last string before `end` is: the parser says where it stopped only. */
static enum field name_before(struct slice body, int end)
{
    enum field field;
    size_t last = end < 0 || (size_t)end > body.len ? 0 : (size_t)end;
    while (last > 0 && body.data[last - 1] != '"') {
        last--;
    }
    size_t first = last > 0 ? last - 1 : 0;
    while (first > 0 && body.data[first - 1] != '"') {
        first--;
    }
    if (first == 0 || !field_named(slice_make(body.data + first, last - 1 - first), &field)) {
        return FIELD_COUNT;
    }
    return field;
}

/* Parses into r->root, which stays NULL when the body cannot be read. Returns 0 or -ENOMEM. */
static int parse(struct report_json *r, struct slice body, struct fields *f)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    r->root = json_loadb(body.data, body.len, flags | JSON_REJECT_DUPLICATES, &error);
    if (r->root != NULL) {
        return 0;
    }
    enum json_error_code code = json_error_code(&error);
    if (code == json_error_out_of_memory) {
        return -ENOMEM;
    }
    if (code == json_error_numeric_overflow) {
        set_fault(f, FIELDS_OUT_OF_RANGE, name_before(body, error.position));
    } else if (code == json_error_duplicate_key) {
        set_fault(f, FIELDS_REPEATED, name_before(body, error.position));
        r->root = json_loadb(body.data, body.len, flags, &error); /* for the reply's form */
    } else {
        set_fault(f, FIELDS_NOT_JSON, FIELD_COUNT);
    }
    return 0;
}

static int repair(struct report_json *r, struct slice *body)
{
    if (utf8_is_valid(*body)) {
        return 0;
    }
    r->repaired = malloc(utf8_repaired_size(body->len));
    if (r->repaired == NULL) {
        return -ENOMEM;
    }
    *body = slice_make(r->repaired, utf8_repair(*body, r->repaired));
    return 0;
}

int report_json_read(struct report_json **memory, struct fields *out, struct slice body)
{
    struct report_json *r = calloc(1, sizeof(*r));
    struct fields f;
    fields_init(&f);
    if (r == NULL || repair(r, &body) != 0 || parse(r, body, &f) != 0) {
        report_json_free(r);
        return -ENOMEM;
    }
    if (json_is_object(r->root)) {
        take_members(r, &f);
    } else if (r->root != NULL) {
        set_fault(&f, json_is_array(r->root) ? FIELDS_BATCH : FIELDS_NOT_AN_OBJECT, FIELD_COUNT);
    }
    fields_settle(&f);
    *memory = r;
    *out = f;
    return 0;
}

void report_json_free(struct report_json *memory)
{
    if (memory != NULL) {
        json_decref(memory->root);
        free(memory->repaired);
        free(memory);
    }
}
