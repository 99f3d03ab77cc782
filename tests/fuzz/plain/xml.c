#include "tests/fuzz/plain/xml.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/utf8.h"

static bool starts(struct slice s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}

static bool take(struct slice *s, const char *text)
{
    bool there = starts(*s, text);
    *s = fuzz_after(*s, there ? strlen(text) : 0);
    return there;
}

static struct slice take_name(struct slice *s)
{
    size_t len = 0;
    while (len < s->len && ((s->data[len] >= 'a' && s->data[len] <= 'z') || s->data[len] == '_')) {
        len++;
    }
    struct slice name = slice_make(s->data, len);
    *s = fuzz_after(*s, len);
    return name;
}

/* Steps past characters and references up to the byte end. */
static bool take_text(struct slice *s, char end)
{
    static const char *const references[] = {"&amp;", "&lt;",  "&gt;", "&quot;",
                                             "&#9;",  "&#10;", "&#13;"};
    while (s->len > 0 && s->data[0] != end) {
        bool is_reference = false;
        uint32_t code = 0;
        for (size_t i = 0; i < sizeof references / sizeof *references && !is_reference; i++) {
            is_reference = take(s, references[i]);
        }
        if (is_reference) {
            continue;
        }
        size_t len = plain_utf8_char(*s, &code);
        if (len == 0 || code < ' ' || code == '&' || code == '<' || code == 0xFFFE ||
            code == 0xFFFF) {
            return false;
        }
        *s = fuzz_after(*s, len);
    }
    return s->len > 0;
}

static bool take_attributes(struct slice *s)
{
    while (take(s, " ")) {
        if (take_name(s).len == 0 || !take(s, "=\"") || !take_text(s, '"') || !take(s, "\"")) {
            return false;
        }
    }
    return true;
}

static bool take_element(struct slice *s, unsigned depth)
{
    if (depth > 8 || !take(s, "<")) {
        return false;
    }
    struct slice name = take_name(s), end;
    if (name.len == 0 || !take_attributes(s)) {
        return false;
    }
    if (take(s, "/>")) {
        return true;
    }
    if (!take(s, ">")) {
        return false;
    }
    while (take_text(s, '<') && !starts(*s, "</")) {
        if (!take_element(s, depth + 1)) {
            return false;
        }
    }
    if (!take(s, "</")) {
        return false;
    }
    end = take_name(s);
    return slice_equal(end, name) && take(s, ">");
}

bool plain_xml_is_whole(struct slice text)
{
    return take_element(&text, 0) && text.len == 0;
}
