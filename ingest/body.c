#include "ingest/body.h"

#include "common/http_text.h"
#include "common/utf8.h"
#include "ingest/header_params.h"

enum { BOUNDARY_MAX = 70 }; /* RFC 2046 */

/* A multipart body being read. */
struct multipart {
    struct slice rest;
    char delimiter[4 + BOUNDARY_MAX]; /* CR LF - - boundary */
    size_t delimiter_len;
    char *scratch;
    size_t scratch_left;
};

static bool starts_json(struct slice body)
{
    for (size_t i = 0; i < body.len; i++) {
        char c = body.data[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return c == '{' || c == '[';
        }
    }
    return false;
}

static struct slice after(struct slice s, size_t used)
{
    return slice_make(s.data + used, s.len - used);
}

static struct slice parameters_of(struct slice header)
{
    return after(header, header_up_to(header, ';').len);
}

static bool find_boundary(struct slice content_type, struct slice *boundary)
{
    return header_parameter(parameters_of(content_type), "boundary", boundary) &&
           boundary->len > 0 && boundary->len <= BOUNDARY_MAX;
}

enum body_kind body_kind_of(struct slice content_type, struct slice body)
{
    struct slice boundary;

    struct slice type = http_trim(header_up_to(content_type, ';'));
    if (type.len == 0 || header_is_word(type, "text/plain")) {
        return starts_json(body) ? BODY_JSON : BODY_FORM;
    }
    if (header_is_word(type, "application/x-www-form-urlencoded")) {
        return BODY_FORM;
    }
    if (header_is_word(type, "application/json")) {
        return BODY_JSON;
    }
    bool is_multipart = header_is_word(type, "multipart/form-data");
    return is_multipart && find_boundary(content_type, &boundary) ? BODY_MULTIPART
                                                                  : BODY_UNSUPPORTED;
}

static bool starts_with(struct slice s, const char *start, size_t len)
{
    return s.len >= len && memcmp(s.data, start, len) == 0;
}

static bool set_delimiter(struct multipart *m, struct slice content_type)
{
    struct slice boundary;
    if (!find_boundary(content_type, &boundary)) {
        return false;
    }
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.len);
    m->delimiter_len = 4 + boundary.len;
    return true;
}

/* Takes what stands before the next delimiter, and the delimiter. */
static bool take_up_to_delimiter(struct multipart *m, struct slice *before)
{
    const char *found =
        m->rest.len == 0 ? NULL : memmem(m->rest.data, m->rest.len, m->delimiter, m->delimiter_len);
    if (found == NULL) {
        return false;
    }
    *before = slice_make(m->rest.data, (size_t)(found - m->rest.data));
    m->rest = after(m->rest, before->len + m->delimiter_len);
    return true;
}

/* The first delimiter may stand at the very start, or after a preamble. */
static bool take_preamble(struct multipart *m)
{
    struct slice preamble;
    if (starts_with(m->rest, m->delimiter + 2, m->delimiter_len - 2)) {
        m->rest = after(m->rest, m->delimiter_len - 2);
        return true;
    }
    return take_up_to_delimiter(m, &preamble);
}

/* Takes a line without its CRLF. */
static bool take_line(struct multipart *m, struct slice *line)
{
    const char *found = m->rest.len == 0 ? NULL : memmem(m->rest.data, m->rest.len, "\r\n", 2);
    if (found == NULL) {
        return false;
    }
    *line = slice_make(m->rest.data, (size_t)(found - m->rest.data));
    m->rest = after(m->rest, line->len + 2);
    return true;
}

/* Reads a part's headers for the name of its field; false for a file or a part without a name. */
static bool take_part_head(struct multipart *m, struct slice *name)
{
    struct slice line, value;
    bool is_named = false;
    while (take_line(m, &line)) {
        if (line.len == 0) {
            return is_named;
        }
        struct slice header = header_up_to(line, ':');
        if (header.len == line.len || !header_is_word(http_trim(header), "content-disposition")) {
            continue;
        }
        struct slice parameters = parameters_of(after(line, header.len + 1));
        if (header_parameter(parameters, "filename", &value) ||
            header_parameter(parameters, "filename*", &value)) {
            return false;
        }
        is_named = header_parameter(parameters, "name", name);
    }
    return false;
}

static struct slice repair(struct multipart *m, struct slice value)
{
    if (utf8_is_valid(value) || utf8_repaired_size(value.len) > m->scratch_left) {
        return value;
    }
    size_t len = utf8_repair(value, m->scratch);
    struct slice repaired = slice_make(m->scratch, len);
    m->scratch += len;
    m->scratch_left -= len;
    return repaired;
}

static bool take_parts(struct multipart *m, struct fields *out)
{
    struct slice line, name, value;
    enum field field;
    while (!starts_with(m->rest, "--", 2)) {
        /* Only white space may stand behind a delimiter on its line. */
        if (!take_line(m, &line) || http_trim(line).len != 0 || !take_part_head(m, &name) ||
            !take_up_to_delimiter(m, &value)) {
            return false;
        }
        if (field_named(name, &field)) {
            fields_put(out, field, repair(m, value));
        }
    }
    return true;
}

bool body_multipart_fields(struct fields *out, struct slice content_type, struct slice body,
                           char *scratch, size_t size)
{
    struct multipart m = {.rest = body, .scratch = scratch, .scratch_left = size};
    fields_init(out);
    if (!set_delimiter(&m, content_type) || !take_preamble(&m) || !take_parts(&m, out)) {
        return false;
    }
    fields_settle(out);
    return true;
}
