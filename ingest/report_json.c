#include "ingest/report_json.h"

#include "common/utf8.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_TEXT_SIZE = 32 }; /* 2^63 and %.17g fit */

struct report_json {
    json_t *root;
    json_t *signs;  /* the same with its integers as reals, if one of them may be -0; or NULL */
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

/* jansson (2.14) drops the sign of an integer 0; as a real it keeps it. */
static bool is_negative_zero(const struct report_json *r, const char *key, const json_t *value)
{
    return json_integer_value(value) == 0 &&
           signbit(json_real_value(json_object_get(r->signs, key)));
}

/* The member as the text that a query would hold; absent when its type does not fit the field. */
static struct slice member_text(struct report_json *r, const char *key, enum field field,
                                const json_t *value)
{
    unsigned char kind = member_kinds[field];
    char *number = r->numbers[field];
    if (json_is_string(value)) {
        return slice_make(json_string_value(value), json_string_length(value));
    }
    if (json_is_integer(value) && kind != MEMBER_TEXT) {
        (void)snprintf(number, NUMBER_TEXT_SIZE, "%s%" JSON_INTEGER_FORMAT,
                       is_negative_zero(r, key, value) ? "-" : "", json_integer_value(value));
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
        struct slice text = member_text(r, key, field, value);
        if (text.data == NULL && !field_is_of_batch(field)) {
            set_fault(f, FIELDS_BAD_TYPE, field);
        } else if (text.data != NULL) {
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

/* jansson (2.14) drops a NUL behind a number; JSON has none (RFC 8259, 2 and 7). */
static bool holds_nul(struct slice text)
{
    return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

/* May a member be -0? In a string it may only look so; the hyphen of a uuid does not. */
static bool may_hold_negative_zero(struct slice text)
{
    static const char before[] = {':', ' ', '\t', '\r', '\n'};
    const char *at = text.data, *end = text.data + text.len;
    while ((at = memmem(at, (size_t)(end - at), "-0", 2)) != NULL) {
        if (at > text.data && memchr(before, at[-1], sizeof before) != NULL) {
            return true;
        }
        at += 2;
    }
    return false;
}

enum { DECODE_FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL };

/* Returns 0 or -ENOMEM: the text has been read once already. */
static int read_signs(struct report_json *r, struct slice text)
{
    if (!json_is_object(r->root) || !may_hold_negative_zero(text)) {
        return 0;
    }
    r->signs = json_loadb(text.data, text.len, DECODE_FLAGS | JSON_DECODE_INT_AS_REAL, NULL);
    return r->signs == NULL ? -ENOMEM : 0;
}

/*
 * Parses into r->root, which stays NULL when the text cannot be read. With JSON_DISABLE_EOF_CHECK
 * in more_flags it takes one value, and *used says how far it went. Returns 0 or -ENOMEM.
 */
static int parse(struct report_json *r, struct slice text, size_t more_flags, struct fields *f,
                 size_t *used)
{
    *used = 0;
    const size_t flags = DECODE_FLAGS | more_flags;
    json_error_t error;
    if (holds_nul(text)) {
        set_fault(f, FIELDS_NOT_JSON, FIELD_COUNT);
        return 0;
    }
    r->root = json_loadb(text.data, text.len, flags | JSON_REJECT_DUPLICATES, &error);
    if (r->root == NULL) {
        enum json_error_code code = json_error_code(&error);
        if (code == json_error_out_of_memory) {
            return -ENOMEM;
        }
        if (code == json_error_numeric_overflow) {
            set_fault(f, FIELDS_OUT_OF_RANGE, name_before(text, error.position));
        } else if (code == json_error_duplicate_key) {
            set_fault(f, FIELDS_REPEATED, name_before(text, error.position));
        } else {
            set_fault(f, FIELDS_NOT_JSON, FIELD_COUNT);
            return 0;
        }
        /* Read all the same for the reply's form, and to find the end. */
        r->root = json_loadb(text.data, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    }
    *used = r->root == NULL || error.position < 0 ? 0 : (size_t)error.position;
    return f->fault == FIELDS_GOOD ? read_signs(r, slice_make(text.data, *used)) : 0;
}

/* Makes *text valid UTF-8; *repaired is what it then points into, or NULL. */
static int repair(char **repaired, struct slice *text)
{
    *repaired = NULL;
    if (utf8_is_valid(*text)) {
        return 0;
    }
    *repaired = malloc(utf8_repaired_size(text->len));
    if (*repaired == NULL) {
        return -ENOMEM;
    }
    *text = slice_make(*repaired, utf8_repair(*text, *repaired));
    return 0;
}

/* What a parsed value is as a report. */
static void take_value(struct report_json *r, struct fields *f)
{
    if (json_is_object(r->root)) {
        take_members(r, f);
    } else if (r->root != NULL) {
        set_fault(f, json_is_array(r->root) ? FIELDS_BATCH : FIELDS_NOT_AN_OBJECT, FIELD_COUNT);
    }
    fields_settle(f);
}

int report_json_read(struct report_json **memory, struct fields *out, struct slice body)
{
    struct report_json *r = calloc(1, sizeof(*r));
    struct fields f;
    fields_init(&f);
    size_t used;
    if (r == NULL || repair(&r->repaired, &body) != 0 || parse(r, body, 0, &f, &used) != 0) {
        report_json_free(r);
        return -ENOMEM;
    }
    take_value(r, &f);
    *memory = r;
    *out = f;
    return 0;
}

bool report_json_next(const struct report_json *memory, void **at, struct slice *name,
                      struct slice *value)
{
    json_t *root = memory->root;
    do {
        *at = *at == NULL ? json_object_iter(root) : json_object_iter_next(root, *at);
    } while (*at != NULL && !json_is_string(json_object_iter_value(*at)));
    if (*at == NULL) {
        return false;
    }
    const json_t *text = json_object_iter_value(*at);
    *name = slice_of(json_object_iter_key(*at));
    *value = slice_make(json_string_value(text), json_string_length(text));
    return true;
}

static void forget_values(struct report_json *r)
{
    json_decref(r->root);
    json_decref(r->signs);
    r->root = r->signs = NULL;
}

void report_json_free(struct report_json *memory)
{
    if (memory != NULL) {
        forget_values(memory);
        free(memory->repaired);
        free(memory);
    }
}

struct report_batch {
    struct slice rest; /* from the next report on */
    size_t count;
    char *repaired;
    struct report_json current;
};

static struct slice skip(struct slice text, const char *bytes)
{
    while (text.len > 0 && memchr(bytes, text.data[0], strlen(bytes)) != NULL) {
        text = slice_make(text.data + 1, text.len - 1);
    }
    return text;
}

/* Counts the reports; the whole must parse, so that none of a broken batch is taken. */
static int count_reports(struct slice text, size_t *count, enum fields_fault *fault)
{
    if (holds_nul(text)) {
        *fault = FIELDS_NOT_JSON;
        return 0;
    }
    json_error_t error;
    json_t *root = json_loadb(text.data, text.len, DECODE_FLAGS | JSON_DECODE_INT_AS_REAL, &error);
    *fault = FIELDS_GOOD;
    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return -ENOMEM;
    }
    if (root == NULL) {
        *fault = FIELDS_NOT_JSON;
    } else if (!json_is_array(root)) {
        *fault = FIELDS_NOT_AN_OBJECT;
    }
    *count = json_array_size(root);
    json_decref(root);
    return 0;
}

int report_batch_open(struct report_batch **out, enum fields_fault *fault, struct slice text)
{
    struct report_batch *b = calloc(1, sizeof *b);
    enum fields_fault found;
    if (b == NULL || repair(&b->repaired, &text) != 0 ||
        count_reports(text, &b->count, &found) != 0) {
        report_batch_free(b);
        return -ENOMEM;
    }
    if (found != FIELDS_GOOD) {
        report_batch_free(b);
        b = NULL;
    } else {
        text = skip(text, " \t\r\n"); /* to the bracket, and then past it */
        b->rest = skip(slice_make(text.data + 1, text.len - 1), " \t\r\n");
    }
    *fault = found;
    *out = b;
    return 0;
}

size_t report_batch_count(const struct report_batch *b)
{
    return b->count;
}

int report_batch_next(struct report_batch *b, struct fields *out)
{
    size_t used = 0;
    fields_init(out);
    forget_values(&b->current);
    if (parse(&b->current, b->rest, JSON_DISABLE_EOF_CHECK, out, &used) != 0) {
        return -ENOMEM;
    }
    take_value(&b->current, out);
    b->rest = skip(slice_make(b->rest.data + used, b->rest.len - used), " \t\r\n,");
    return 0;
}

void report_batch_free(struct report_batch *b)
{
    if (b == NULL) {
        return;
    }
    forget_values(&b->current);
    free(b->repaired);
    free(b);
}
