/*
 * The first line is the Content-Type, the rest the body. What kind of body it is does not depend on
 * more than it may, and the fields of a multipart body are those that a plain reader finds: one
 * that looks for the delimiters first, and then into each part.
 */
#include "common/params.h"
#include "common/utf8.h"
#include "ingest/body.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/utf8.h"

#include <strings.h>

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = fuzz_after(s, 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static bool is_word(struct slice s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

/* Takes a pair up to the next semicolon that is not in quotes. False when a quote stays open. */
static bool take_pair(struct slice *rest, struct slice *pair)
{
    bool is_quoted = false;
    size_t at = 0;
    while (at < rest->len && (is_quoted || rest->data[at] != ';')) {
        bool is_escape = is_quoted && rest->data[at] == '\\';
        is_quoted = rest->data[at] == '"' ? !is_quoted : is_quoted;
        at += is_escape ? 2 : 1;
    }
    if (is_quoted || at > rest->len) {
        return false;
    }
    *pair = slice_make(rest->data, at);
    *rest = fuzz_after(*rest, at < rest->len ? at + 1 : at);
    return true;
}

/* The first parameter of that name behind the first semicolon of a header. */
static bool plain_parameter(struct slice header, const char *name, struct slice *value)
{
    struct slice pair;
    (void)fuzz_take(&header, ';');
    while (header.len > 0 && take_pair(&header, &pair)) {
        struct slice right = pair, left = fuzz_take(&right, '=');
        if (left.len < pair.len && is_word(trim(left), name)) {
            right = trim(right);
            bool is_quoted =
                right.len >= 2 && right.data[0] == '"' && right.data[right.len - 1] == '"';
            *value = is_quoted ? slice_make(right.data + 1, right.len - 2) : right;
            return true;
        }
    }
    return false;
}

static bool take_up_to(struct slice *rest, struct slice end, struct slice *out)
{
    const char *found = rest->len == 0 ? NULL : memmem(rest->data, rest->len, end.data, end.len);
    if (found == NULL) {
        return false;
    }
    *out = slice_make(rest->data, (size_t)(found - rest->data));
    *rest = fuzz_after(*rest, out->len + end.len);
    return true;
}

/* A part without its delimiters: the rest of the delimiter's line, headers, an empty line, text. */
static bool plain_part(struct slice part, struct slice *name)
{
    struct slice line, ignored;
    bool is_named = false;
    if (!take_up_to(&part, slice_of("\r\n"), &line) || trim(line).len > 0) {
        return false;
    }
    while (take_up_to(&part, slice_of("\r\n"), &line)) {
        if (line.len == 0) {
            name[1] = part;
            return is_named;
        }
        struct slice header = line, field = fuzz_take(&header, ':');
        if (field.len == line.len || !is_word(trim(field), "content-disposition")) {
            continue;
        }
        if (plain_parameter(header, "filename", &ignored) ||
            plain_parameter(header, "filename*", &ignored)) {
            return false;
        }
        is_named = plain_parameter(header, "name", name);
    }
    return false;
}

/* Reads the whole; repaired holds the values. False: 415. */
static bool plain_multipart(struct slice type, struct slice body, struct buffer repaired[],
                            struct fields *out)
{
    struct slice boundary = {NULL, 0}, part, pair[2], delimiter;
    char text[80];
    enum field field;
    fields_init(out);
    if (!plain_parameter(type, "boundary", &boundary) || boundary.len == 0 || boundary.len > 70) {
        return false;
    }
    int len = snprintf(text, sizeof text, "\r\n--%.*s", (int)boundary.len, boundary.data);
    delimiter = slice_make(text, (size_t)len);
    struct slice first = fuzz_after(delimiter, 2);
    bool is_first = body.len >= first.len && memcmp(body.data, first.data, first.len) == 0;
    if (is_first) {
        body = fuzz_after(body, first.len);
    } else if (!take_up_to(&body, delimiter, &part)) {
        return false;
    }
    while (body.len < 2 || memcmp(body.data, "--", 2) != 0) {
        if (!take_up_to(&body, delimiter, &part) || !plain_part(part, pair)) {
            return false;
        }
        if (field_named(pair[0], &field) && out->values[field].data == NULL) {
            plain_utf8_repair(pair[1], &repaired[field]);
            fields_put(out, field,
                       slice_make(repaired[field].len == 0 ? "" : repaired[field].data,
                                  repaired[field].len));
        }
    }
    fields_settle(out);
    return true;
}

static void check_multipart(struct slice type, struct slice body, char *scratch, size_t size)
{
    struct buffer repaired[FIELD_COUNT] = {{0}};
    struct fields f, plain;
    bool is_good = body_multipart_fields(&f, type, body, scratch, size);
    if (memchr(type.data, '\0', type.len) == NULL) { /* else the plain delimiter ends there */
        require(plain_multipart(type, body, repaired, &plain) == is_good);
        for (int i = 0; is_good && i < FIELD_COUNT; i++) {
            require(utf8_is_valid(f.values[i]) && slice_equal(f.values[i], plain.values[i]));
            require((f.values[i].data == NULL) == (plain.values[i].data == NULL));
        }
        require(!is_good || f.fault == plain.fault);
    }
    for (int i = 0; i < FIELD_COUNT; i++) {
        buffer_fini(&repaired[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = fuzz_input(data, size), type = fuzz_take(&body, '\n');
    size_t scratch_size = params_scratch_size(body.len);
    char *scratch = malloc(scratch_size + 1);
    require(scratch != NULL);
    enum body_kind kind = body_kind_of(type, body), empty = body_kind_of(type, slice_make(NULL, 0));
    require((kind == BODY_UNSUPPORTED) == (empty == BODY_UNSUPPORTED));
    require((kind == BODY_MULTIPART) == (empty == BODY_MULTIPART));
    if (kind == BODY_MULTIPART) {
        check_multipart(type, body, scratch, scratch_size);
    }
    free(scratch);
    return 0;
}
