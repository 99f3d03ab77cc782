#include "ingest/reply.h"

#include "common/text.h"
#include "ingest/reply_parts.h"

#include <stdio.h>

/* Without Cross-Origin-Resource-Policy a page isolated by COEP gets neither pixel nor script. */
#define COMMON_HEADERS                                                                             \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"                                               \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Cache-Control: no-store\r\n"

static const char *const header_blocks[] = {
    [REPLY_HEADERS_USUAL] = COMMON_HEADERS,
    [REPLY_HEADERS_RETRY] = COMMON_HEADERS "Retry-After: 5\r\n",
    [REPLY_HEADERS_ALLOW] = COMMON_HEADERS "Allow: " REPLY_METHODS "\r\n",
    [REPLY_HEADERS_PREFLIGHT] = COMMON_HEADERS "Allow: " REPLY_METHODS "\r\n",
};

bool reply_choose_form(struct reply_form *out, const struct fields *f, struct slice accept,
                       struct report_fault *why)
{
    const struct reply_wish wish = {f->values[FIELD_FORMAT], f->values[FIELD_RAW],
                                    f->values[FIELD_CALLBACK], f->values[FIELD_VARNAME]};
    const char *bad = NULL;
    if (reply_form_choose(out, &wish, accept, &bad)) {
        return true;
    }
    why->code = "invalid_input";
    (void)snprintf(why->message, sizeof(why->message),
                   "The parameter %s must be a JavaScript name of at most %d bytes.", bad,
                   REPLY_NAME_MAX);
    return false;
}

/* GIF89a, 1 by 1, two colours, the first transparent; one block of LZW: clear, 0, end. */
void reply_append_pixel(struct buffer *out)
{
    static const char gif[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
                              "\x21\xf9\4\1\0\0\0\0"
                              "\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0\x3b";
    buffer_append(out, gif, sizeof gif - 1);
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
    reply_form_open(out, form);
    buffer_append_text(out, "{\"status\":\"ok\",\"message\":\"");
    buffer_append_text(out, message);
    buffer_append_text(out,
                       "\",\"permission_level\":\"" REPLY_LEVEL "\",\"cached\":\"0\",\"report\":{},"
                       "\"p\":\"1\",\"size\":\"1\",\"site\":");
    buffer_append_text(out, site_json);
    buffer_append_text(out, ",\"endpoint\":");
    reply_form_endpoint(out, endpoint);
    buffer_append_char(out, '}');
    reply_form_close(out, form);
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
    reply_form_open(out, form);
    buffer_append_text(out, "{\"status\":\"error\",\"message\":");
    text_append_json(out, slice_of(why->message));
    buffer_append_text(out, ",\"code\":");
    text_append_json(out, slice_of(why->code));
    if (why->kept_id != NULL) {
        buffer_append_format(out, ",\"kept\":\"1\",\"id\":\"%s\"", why->kept_id);
    }
    buffer_append_text(out, ",\"permission_level\":\"" REPLY_LEVEL "\",\"endpoint\":");
    reply_form_endpoint(out, endpoint);
    buffer_append_char(out, '}');
    reply_form_close(out, form);
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
