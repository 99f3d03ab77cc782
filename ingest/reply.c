#include "ingest/reply.h"

#include "common/http_text.h"
#include "common/text.h"
#include "common/utf8.h"
#include "ingest/header_params.h"
#include "ingest/reply_parts.h"

#include <stdio.h>

/* Without Cross-Origin-Resource-Policy a page isolated by COEP gets neither pixel nor script. */
#define COMMON_HEADERS                                                                             \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"                                               \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Cache-Control: no-store\r\n"

enum { PACKED_FORMAT, PACKED_ACCEPT, PACKED_LEN, PACKED_NAME };

static const char *const header_blocks[] = {
    [REPLY_HEADERS_USUAL] = COMMON_HEADERS,
    [REPLY_HEADERS_RETRY] = COMMON_HEADERS "Retry-After: 5\r\n",
    [REPLY_HEADERS_ALLOW] = COMMON_HEADERS "Allow: " REPLY_METHODS "\r\n",
    [REPLY_HEADERS_PREFLIGHT] = COMMON_HEADERS "Allow: " REPLY_METHODS "\r\n",
};

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

static bool check_name(struct slice name, enum field field, struct report_fault *why)
{
    if (name.len == 0 || is_script_name(name)) {
        return true;
    }
    why->code = "invalid_input";
    (void)snprintf(why->message, sizeof(why->message),
                   "The parameter %s must be a JavaScript name of at most %d bytes.",
                   field_name(field), REPLY_NAME_MAX);
    return false;
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

bool reply_form_choose(struct reply_form *out, const struct fields *f, struct slice accept,
                       struct report_fault *why)
{
    struct slice callback = f->values[FIELD_CALLBACK], varname = f->values[FIELD_VARNAME];
    reply_form_init(out);
    out->accept_json = callback.len == 0 && accepts_json(accept);
    if (!check_name(callback, FIELD_CALLBACK, why) || !check_name(varname, FIELD_VARNAME, why)) {
        out->format = REPLY_JSON;
        return false;
    }
    if (callback.len > 0) {
        set_name(out, REPLY_CALLBACK, callback);
    } else if (!slice_is(f->values[FIELD_FORMAT], "json")) {
        out->format = REPLY_XML;
    } else if (f->values[FIELD_RAW].data == NULL && varname.len > 0) {
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

const char *reply_content_type(const struct reply_form *form)
{
    if (form->format == REPLY_XML) {
        return "text/xml; charset=utf-8";
    }
    if (form->format == REPLY_PIXEL) {
        return "image/gif";
    }
    return form->accept_json ? "application/json" : "text/javascript; charset=utf-8";
}

/* GIF89a, 1 by 1, two colours, the first transparent; one block of LZW: clear, 0, end. */
void reply_append_pixel(struct buffer *out)
{
    static const char gif[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
                              "\x21\xf9\4\1\0\0\0\0"
                              "\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0\x3b";
    buffer_append(out, gif, sizeof gif - 1);
}

/* What stands before the object; the comment keeps the reply from starting with the caller's bytes.
 */
void reply_open_json(struct buffer *out, const struct reply_form *form)
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

void reply_close_json(struct buffer *out, const struct reply_form *form)
{
    if (form->format == REPLY_CALLBACK) {
        buffer_append_text(out, ");");
    }
}

/* A path is usually ASCII; one that is no UTF-8 is repaired by a buffer of its own. */
void reply_append_endpoint(struct buffer *out, struct slice endpoint)
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

static const char *reported(enum event_kind kind)
{
    switch (kind) {
    case EVENT_KIND_EVENT:
        break;
    case EVENT_KIND_PLAY:
        return "The play was reported";
    case EVENT_KIND_DOWNLOAD:
        return "The download was reported";
    }
    return "The event was reported";
}

void reply_ok(struct buffer *out, const struct reply_form *form, enum event_kind kind,
              const char *site_json, struct slice endpoint)
{
    const char *message = reported(kind);
    if (form->format == REPLY_PIXEL) {
        reply_append_pixel(out);
        return;
    }
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "<response status=\"ok\" permission_level=\"" REPLY_LEVEL
                                "\" message=\"");
        buffer_append_text(out, message);
        buffer_append_text(out, "\" cached=\"0\"/>");
        return;
    }
    reply_open_json(out, form);
    buffer_append_text(out, "{\"status\":\"ok\",\"message\":\"");
    buffer_append_text(out, message);
    buffer_append_text(out,
                       "\",\"permission_level\":\"" REPLY_LEVEL "\",\"cached\":\"0\",\"report\":{},"
                       "\"p\":\"1\",\"size\":\"1\",\"site\":");
    buffer_append_text(out, site_json);
    buffer_append_text(out, ",\"endpoint\":");
    reply_append_endpoint(out, endpoint);
    buffer_append_char(out, '}');
    reply_close_json(out, form);
}

struct refusal {
    const char *code, *message;
    const char *kept_id; /* of an event that is kept all the same, or NULL */
};

static void append_error(struct buffer *out, const struct reply_form *form,
                         const struct refusal *why, struct slice endpoint)
{
    if (form->format == REPLY_PIXEL) {
        reply_append_pixel(out);
        return;
    }
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "<response status=\"error\" permission_level=\"" REPLY_LEVEL
                                "\" code=\"");
        text_append_xml(out, slice_of(why->code));
        buffer_append_text(out, "\" message=\"");
        text_append_xml(out, slice_of(why->message));
        if (why->kept_id != NULL) {
            buffer_append_format(out, "\" kept=\"1\" id=\"%s", why->kept_id);
        }
        buffer_append_text(out, "\"/>");
        return;
    }
    reply_open_json(out, form);
    buffer_append_text(out, "{\"status\":\"error\",\"message\":");
    text_append_json(out, slice_of(why->message));
    buffer_append_text(out, ",\"code\":");
    text_append_json(out, slice_of(why->code));
    if (why->kept_id != NULL) {
        buffer_append_format(out, ",\"kept\":\"1\",\"id\":\"%s\"", why->kept_id);
    }
    buffer_append_text(out, ",\"permission_level\":\"" REPLY_LEVEL "\",\"endpoint\":");
    reply_append_endpoint(out, endpoint);
    buffer_append_char(out, '}');
    reply_close_json(out, form);
}

void reply_error(struct buffer *out, const struct reply_form *form, const char *code,
                 const char *message, struct slice endpoint)
{
    const struct refusal why = {code, message, NULL};
    append_error(out, form, &why, endpoint);
}

void reply_unconfirmed(struct buffer *out, const struct reply_form *form, const char *id,
                       struct slice endpoint)
{
    const struct refusal why = {
        "unconfirmed", "The report is kept and will count; it was not confirmed in time.", id};
    append_error(out, form, &why, endpoint);
}

struct slice reply_headers(enum reply_headers which)
{
    return slice_of(header_blocks[which]);
}
