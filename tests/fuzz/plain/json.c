#include "tests/fuzz/plain/json.h"

#include <stdint.h>

enum { DEPTH_MAX = 2048 };

void plain_json_space(struct plain_json *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) != NULL && *p->at != '\0') {
        p->at++;
    }
}

bool plain_json_byte(struct plain_json *p, char byte)
{
    bool there = p->at < p->end && *p->at == byte;
    p->at += there ? 1 : 0;
    return there;
}

static bool word(struct plain_json *p, const char *text)
{
    size_t len = strlen(text);
    bool there = (size_t)(p->end - p->at) >= len && memcmp(p->at, text, len) == 0;
    p->at += there ? len : 0;
    return there;
}

static bool digits(struct plain_json *p)
{
    const char *start = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        p->at++;
    }
    return p->at > start;
}

static bool number(struct plain_json *p)
{
    (void)plain_json_byte(p, '-');
    if (!plain_json_byte(p, '0') && !digits(p)) {
        return false;
    }
    if (plain_json_byte(p, '.') && !digits(p)) {
        return false;
    }
    if (!plain_json_byte(p, 'e') && !plain_json_byte(p, 'E')) {
        return true;
    }
    if (!plain_json_byte(p, '+')) {
        (void)plain_json_byte(p, '-');
    }
    return digits(p);
}

static bool hex4(struct plain_json *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        static const char hex[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = p->at < p->end && *p->at != '\0' ? strchr(hex, *p->at) : NULL;
        if (found == NULL) {
            return false;
        }
        *out = *out * 16 + (uint32_t)((found - hex) % 16);
        p->at++;
    }
    return true;
}

static void append_code(struct buffer *out, uint32_t code)
{
    if (out == NULL) {
        return;
    }
    if (code < 0x80) {
        buffer_append_char(out, (char)code);
    } else if (code < 0x800) {
        buffer_append_char(out, (char)(0xC0 | code >> 6));
        buffer_append_char(out, (char)(0x80 | (code & 63)));
    } else {
        if (code >= 0x10000) {
            buffer_append_char(out, (char)(0xF0 | code >> 18));
            buffer_append_char(out, (char)(0x80 | (code >> 12 & 63)));
        } else {
            buffer_append_char(out, (char)(0xE0 | code >> 12));
        }
        buffer_append_char(out, (char)(0x80 | (code >> 6 & 63)));
        buffer_append_char(out, (char)(0x80 | (code & 63)));
    }
}

static bool escape(struct plain_json *p, struct buffer *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    if (!plain_json_byte(p, 'u')) {
        const char *found = p->at < p->end && *p->at != '\0' ? strchr(names, *p->at) : NULL;
        if (found == NULL) {
            return false;
        }
        p->at++;
        append_code(out, (unsigned char)values[found - names]);
        return true;
    }
    if (!hex4(p, &code) || (code >= 0xDC00 && code <= 0xDFFF)) {
        return false;
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (!word(p, "\\u") || !hex4(p, &low) || low < 0xDC00 || low > 0xDFFF) {
            return false;
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_code(out, code);
    return true;
}

bool plain_json_string(struct plain_json *p, struct buffer *out)
{
    if (!plain_json_byte(p, '"')) {
        return false;
    }
    while (!plain_json_byte(p, '"')) {
        if (p->at == p->end || (unsigned char)*p->at < ' ') {
            return false;
        }
        if (plain_json_byte(p, '\\')) {
            if (!escape(p, out)) {
                return false;
            }
        } else {
            if (out != NULL) {
                buffer_append_char(out, *p->at);
            }
            p->at++;
        }
    }
    return true;
}

/* A name and its colon. */
static bool member_name(struct plain_json *p)
{
    struct buffer name;
    buffer_init(&name);
    plain_json_space(p);
    bool good =
        plain_json_string(p, &name) && (name.len == 0 || memchr(name.data, '\0', name.len) == NULL);
    buffer_fini(&name);
    plain_json_space(p);
    return good && plain_json_byte(p, ':');
}

static bool container(struct plain_json *p, char end, bool has_names)
{
    p->at++;
    plain_json_space(p);
    if (plain_json_byte(p, end)) {
        return true;
    }
    do {
        if ((has_names && !member_name(p)) || !plain_json_value(p, NULL)) {
            return false;
        }
    } while (plain_json_byte(p, ','));
    return plain_json_byte(p, end);
}

static bool bare_value(struct plain_json *p)
{
    switch (p->at == p->end ? '\0' : *p->at) {
    case '{':
        return container(p, '}', true);
    case '[':
        return container(p, ']', false);
    case '"':
        return plain_json_string(p, NULL);
    default:
        return word(p, "true") || word(p, "false") || word(p, "null") || number(p);
    }
}

bool plain_json_value(struct plain_json *p, struct slice *out)
{
    if (++p->depth > DEPTH_MAX) {
        return false;
    }
    plain_json_space(p);
    const char *start = p->at;
    if (!bare_value(p)) {
        return false;
    }
    if (out != NULL) {
        *out = slice_make(start, (size_t)(p->at - start));
    }
    plain_json_space(p);
    p->depth--;
    return true;
}

bool plain_json_is_whole(struct slice text)
{
    struct plain_json p = plain_json(text);
    return plain_json_value(&p, NULL) && p.at == p.end;
}

bool plain_json_next(struct plain_json *p, bool first, struct buffer *name, struct slice *value)
{
    if (first) {
        plain_json_space(p);
        p->at++; /* the bracket */
        plain_json_space(p);
        if (p->at < p->end && (*p->at == ']' || *p->at == '}')) {
            return false;
        }
    } else if (!plain_json_byte(p, ',')) {
        return false;
    }
    if (name != NULL) {
        buffer_reset(name);
        plain_json_space(p);
        if (!plain_json_string(p, name)) {
            return false;
        }
        plain_json_space(p);
        (void)plain_json_byte(p, ':'); /* it stands there: the text is well-formed */
    }
    return plain_json_value(p, value);
}
