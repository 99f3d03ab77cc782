#include "ingest/body.h"

#include "common/header_params.h"
#include "common/http_text.h"
#include "common/utf8.h"

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
           boundary->len > 0 && boundary->len <= BODY_BOUNDARY_MAX;
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

static bool set_delimiter(struct body_parts *p, struct slice content_type)
{
    struct slice boundary;
    if (!find_boundary(content_type, &boundary)) {
        return false;
    }
    memcpy(p->delimiter, "\r\n--", 4);
    memcpy(p->delimiter + 4, boundary.data, boundary.len);
    p->delimiter_len = 4 + boundary.len;
    return true;
}

/* Takes what stands before the next delimiter, and the delimiter. */
static bool take_up_to_delimiter(struct body_parts *p, struct slice *before)
{
    const char *found =
        p->rest.len == 0 ? NULL : memmem(p->rest.data, p->rest.len, p->delimiter, p->delimiter_len);
    if (found == NULL) {
        return false;
    }
    *before = slice_make(p->rest.data, (size_t)(found - p->rest.data));
    p->rest = after(p->rest, before->len + p->delimiter_len);
    return true;
}

/* The first delimiter may stand at the very start, or after a preamble. */
static bool take_preamble(struct body_parts *p)
{
    struct slice preamble;
    if (starts_with(p->rest, p->delimiter + 2, p->delimiter_len - 2)) {
        p->rest = after(p->rest, p->delimiter_len - 2);
        return true;
    }
    return take_up_to_delimiter(p, &preamble);
}

/* Takes a line off a part, without its CRLF. */
static bool take_line(struct slice *part, struct slice *line)
{
    const char *found = part->len == 0 ? NULL : memmem(part->data, part->len, "\r\n", 2);
    if (found == NULL) {
        return false;
    }
    *line = slice_make(part->data, (size_t)(found - part->data));
    *part = after(*part, line->len + 2);
    return true;
}

/* Reads a part's headers for the name of its field; false for a file or a part without a name. */
static bool take_part_head(struct slice *part, struct slice *name)
{
    struct slice line, value;
    bool is_named = false;
    while (take_line(part, &line)) {
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

static struct slice repair(struct body_parts *p, struct slice value)
{
    if (utf8_is_valid(value) || utf8_repaired_size(value.len) > p->scratch_left) {
        return value;
    }
    size_t len = utf8_repair(value, p->scratch);
    struct slice repaired = slice_make(p->scratch, len);
    p->scratch += len;
    p->scratch_left -= len;
    return repaired;
}

/*
 * Takes a part and the delimiter behind it, wherever that stands, also among the headers. Only
 * white space may stand behind a delimiter on its line.
 */
static bool take_part(struct body_parts *p, struct slice *name, struct slice *value)
{
    struct slice line;
    return take_up_to_delimiter(p, value) && take_line(value, &line) && http_trim(line).len == 0 &&
           take_part_head(value, name);
}

void body_parts_start(struct body_parts *p, struct slice content_type, struct slice body,
                      char *scratch, size_t size)
{
    *p = (struct body_parts){.rest = body, .scratch = scratch, .scratch_left = size};
    p->is_broken = !set_delimiter(p, content_type) || !take_preamble(p);
}

bool body_parts_next(struct body_parts *p, struct slice *name, struct slice *value)
{
    if (p->is_broken || starts_with(p->rest, "--", 2)) {
        return false;
    }
    if (!take_part(p, name, value)) {
        p->is_broken = true;
        return false;
    }
    *name = repair(p, *name);
    *value = repair(p, *value);
    return true;
}

bool body_multipart_fields(struct fields *out, struct slice content_type, struct slice body,
                           char *scratch, size_t size)
{
    struct body_parts parts;
    struct slice name, value;
    enum field field;
    fields_init(out);
    body_parts_start(&parts, content_type, body, scratch, size);
    while (body_parts_next(&parts, &name, &value)) {
        if (field_named(name, &field)) {
            fields_put(out, field, value);
        }
    }
    if (!parts.is_broken) {
        fields_settle(out);
    }
    return !parts.is_broken;
}
