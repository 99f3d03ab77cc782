#include "common/reply_form.h"

#include "common/header_params.h"
#include "common/http_text.h"
#include "common/text.h"
#include "common/utf8.h"

enum { PACKED_FORMAT, PACKED_ACCEPT, PACKED_LEN, PACKED_NAME };

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Steps over `[digits]`; returns at itself when something else stands there. */
static size_t skip_index(struct slice s, size_t at)
{
    size_t end = at;
    if (end == s.len || s.data[end] != '[') {
        return at;
    }
    for (end++; end < s.len && is_digit(s.data[end]); end++) {
    }
    return end > at + 1 && end < s.len && s.data[end] == ']' ? end + 1 : at;
}

/* Identifiers joined by dots, each with any number of [digits] behind it. */
static bool is_script_name(struct slice s)
{
    size_t at = 0;
    if (s.len > REPLY_NAME_MAX) {
        return false;
    }
    for (;;) {
        if (at == s.len || !is_name_start(s.data[at])) {
            return false;
        }
        while (at < s.len && (is_name_start(s.data[at]) || is_digit(s.data[at]))) {
            at++;
        }
        for (size_t next = skip_index(s, at); next != at; next = skip_index(s, at)) {
            at = next;
        }
        if (at == s.len) {
            return true;
        }
        if (s.data[at++] != '.') {
            return false;
        }
    }
}

/* An empty one is as none. */
static bool is_good_name(struct slice name)
{
    return name.len == 0 || is_script_name(name);
}

static bool accepts_json(struct slice accept)
{
    struct slice range;
    while (http_next_item(&accept, &range)) {
        if (header_is_word(http_trim(header_up_to(range, ';')), "application/json")) {
            return true;
        }
    }
    return false;
}

static void set_name(struct reply_form *form, enum reply_format format, struct slice name)
{
    form->format = (uint8_t)format;
    form->name_len = (uint8_t)name.len;
    memcpy(form->name, name.data, name.len);
}

void reply_form_init(struct reply_form *out)
{
    memset(out, 0, sizeof(*out));
    out->format = REPLY_XML;
}

bool reply_form_choose(struct reply_form *out, const struct reply_wish *wish, struct slice accept,
                       const char **bad)
{
    struct slice callback = wish->callback, varname = wish->varname;
    reply_form_init(out);
    out->accept_json = callback.len == 0 && accepts_json(accept);
    if (!is_good_name(callback) || !is_good_name(varname)) {
        *bad = is_good_name(callback) ? "varname" : "callback";
        out->format = REPLY_JSON;
        return false;
    }
    if (callback.len > 0) {
        set_name(out, REPLY_CALLBACK, callback);
    } else if (!slice_is(wish->format, "json")) {
        out->format = REPLY_XML;
    } else if (wish->raw.data == NULL && varname.len > 0) {
        set_name(out, REPLY_VARIABLE, varname);
    } else {
        out->format = REPLY_JSON;
    }
    return true;
}

size_t reply_form_pack(const struct reply_form *form, char out[REPLY_FORM_PACKED_MAX])
{
    out[PACKED_FORMAT] = (char)form->format;
    out[PACKED_ACCEPT] = (char)form->accept_json;
    out[PACKED_LEN] = (char)form->name_len;
    memcpy(out + PACKED_NAME, form->name, form->name_len);
    return PACKED_NAME + (size_t)form->name_len;
}

size_t reply_form_unpack(struct reply_form *form, const char *packed, size_t len)
{
    if (len < PACKED_NAME) {
        return 0;
    }
    size_t name_len = (uint8_t)packed[PACKED_LEN];
    if (name_len > REPLY_NAME_MAX || name_len > len - PACKED_NAME) {
        return 0;
    }
    reply_form_init(form);
    form->format = (uint8_t)packed[PACKED_FORMAT];
    form->accept_json = packed[PACKED_ACCEPT] != 0;
    form->name_len = (uint8_t)name_len;
    memcpy(form->name, packed + PACKED_NAME, name_len);
    return PACKED_NAME + name_len;
}

const char *reply_form_content_type(const struct reply_form *form)
{
    if (form->format == REPLY_XML) {
        return "text/xml; charset=utf-8";
    }
    if (form->format == REPLY_PIXEL) {
        return "image/gif";
    }
    return form->accept_json ? "application/json" : "text/javascript; charset=utf-8";
}

/* What stands before the object; the comment keeps the reply from starting with the caller's bytes.
 */
void reply_form_open(struct buffer *out, const struct reply_form *form)
{
    struct slice name = slice_make(form->name, form->name_len);
    if (form->format == REPLY_CALLBACK) {
        buffer_append_text(out, "/**/");
        buffer_append_slice(out, name);
        buffer_append_char(out, '(');
    } else if (form->format == REPLY_VARIABLE) {
        buffer_append_text(out, "var ");
        buffer_append_slice(out, name);
        buffer_append_text(out, " = ");
    }
}

void reply_form_close(struct buffer *out, const struct reply_form *form)
{
    if (form->format == REPLY_CALLBACK) {
        buffer_append_text(out, ");");
    }
}

/* A path is usually ASCII; one that is no UTF-8 is repaired by a buffer of its own. */
void reply_form_endpoint(struct buffer *out, struct slice endpoint)
{
    if (utf8_is_valid(endpoint)) {
        text_append_json(out, endpoint);
        return;
    }
    struct buffer repaired;
    buffer_init(&repaired);
    if (buffer_reserve(&repaired, utf8_repaired_size(endpoint.len))) {
        repaired.len = utf8_repair(endpoint, repaired.data);
        text_append_json(out, buffer_slice(&repaired));
    } else {
        out->failed = true;
    }
    buffer_fini(&repaired);
}
