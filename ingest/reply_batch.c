#include "ingest/reply_batch.h"

#include "ingest/reply_parts.h"

#include <string.h>

static const char *const code_names[] = {
    [REPLY_BATCH_INVALID_INPUT] = "invalid_input",
    [REPLY_BATCH_PERMISSION_DENIED] = "permission_denied",
    [REPLY_BATCH_NO_SUCH_PHOTO] = "no_such_photo",
    [REPLY_BATCH_OVERLOADED] = "overloaded",
};
enum { CODE_COUNT = sizeof code_names / sizeof code_names[0], PACKED_HEAD = 4, PACKED_EACH = 3 };

enum reply_batch_code reply_batch_code_of(const char *code)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (strcmp(code_names[i], code) == 0) {
            return (enum reply_batch_code)i;
        }
    }
    return REPLY_BATCH_INVALID_INPUT;
}

const char *reply_batch_code_name(enum reply_batch_code code)
{
    return code_names[code];
}

void reply_batch_reject(struct reply_batch *b, uint16_t index, const char *code)
{
    b->rejections[b->rejected++] =
        (struct reply_rejection){.index = index, .code = (uint8_t)reply_batch_code_of(code)};
}

static void put_u16(char *out, uint16_t value)
{
    memcpy(out, &value, sizeof value); /* read again by this process only */
}

static uint16_t get_u16(const char *in)
{
    uint16_t value;
    memcpy(&value, in, sizeof value);
    return value;
}

size_t reply_batch_pack(const struct reply_batch *b, char out[REPLY_BATCH_PACKED_MAX])
{
    put_u16(out, b->accepted);
    put_u16(out + 2, b->rejected);
    char *at = out + PACKED_HEAD;
    for (size_t i = 0; i < b->rejected; i++, at += PACKED_EACH) {
        put_u16(at, b->rejections[i].index);
        at[2] = (char)b->rejections[i].code;
    }
    return (size_t)(at - out);
}

bool reply_batch_unpack(struct reply_batch *b, const char *packed, size_t len)
{
    if (len < PACKED_HEAD) {
        return false;
    }
    b->accepted = get_u16(packed);
    b->rejected = get_u16(packed + 2);
    if (b->rejected > REPLY_BATCH_MAX || len != PACKED_HEAD + (size_t)b->rejected * PACKED_EACH) {
        return false;
    }
    const char *at = packed + PACKED_HEAD;
    for (size_t i = 0; i < b->rejected; i++, at += PACKED_EACH) {
        if ((unsigned char)at[2] >= CODE_COUNT) {
            return false;
        }
        b->rejections[i] = (struct reply_rejection){.index = get_u16(at), .code = (uint8_t)at[2]};
    }
    return true;
}

static const char *name_at(const struct reply_batch *b, size_t i)
{
    return code_names[b->rejections[i].code];
}

static void append_message(struct buffer *out, const struct reply_batch *b)
{
    buffer_append_format(out, "%u of %u reports were taken", b->accepted,
                         b->accepted + b->rejected);
}

static void render_xml(struct buffer *out, const struct reply_batch *b)
{
    bool is_ok = b->accepted > 0;
    buffer_append_format(out, "<response status=\"%s\" permission_level=\"" REPLY_LEVEL "\" ",
                         is_ok ? "ok" : "error");
    if (!is_ok) {
        buffer_append_format(out, "code=\"%s\" ", name_at(b, 0));
    }
    buffer_append_text(out, "message=\"");
    append_message(out, b);
    buffer_append_format(out, "\"%s accepted=\"%u\" rejected=\"%u\"", is_ok ? " cached=\"0\"" : "",
                         b->accepted, b->rejected);
    if (b->rejected == 0) {
        buffer_append_text(out, "/>");
        return;
    }
    buffer_append_char(out, '>');
    for (size_t i = 0; i < b->rejected; i++) {
        buffer_append_format(out, "<rejected index=\"%u\" code=\"%s\"/>", b->rejections[i].index,
                             name_at(b, i));
    }
    buffer_append_text(out, "</response>");
}

static void append_counts(struct buffer *out, const struct reply_batch *b)
{
    buffer_append_format(out, ",\"accepted\":\"%u\",\"rejected\":\"%u\",\"rejections\":[",
                         b->accepted, b->rejected);
    for (size_t i = 0; i < b->rejected; i++) {
        buffer_append_format(out, "%s{\"index\":\"%u\",\"code\":\"%s\"}", i == 0 ? "" : ",",
                             b->rejections[i].index, name_at(b, i));
    }
    buffer_append_char(out, ']');
}

static void render_json(struct buffer *out, const struct reply_batch *b, const char *site_json,
                        struct slice endpoint)
{
    bool is_ok = b->accepted > 0;
    buffer_append_format(out, "{\"status\":\"%s\",\"message\":\"", is_ok ? "ok" : "error");
    append_message(out, b);
    if (!is_ok) {
        buffer_append_format(out, "\",\"code\":\"%s", name_at(b, 0));
    }
    buffer_append_text(out, "\",\"permission_level\":\"" REPLY_LEVEL "\"");
    if (is_ok) {
        buffer_append_text(out,
                           ",\"cached\":\"0\",\"report\":{},\"p\":\"1\",\"size\":\"1\",\"site\":");
        buffer_append_text(out, site_json);
    }
    buffer_append_text(out, ",\"endpoint\":");
    reply_form_endpoint(out, endpoint);
    append_counts(out, b);
    buffer_append_char(out, '}');
}

void reply_batch_render(struct buffer *out, const struct reply_form *form,
                        const struct reply_batch *b, const char *site_json, struct slice endpoint)
{
    if (form->format == REPLY_XML) {
        render_xml(out, b);
        return;
    }
    reply_form_open(out, form);
    render_json(out, b, site_json, endpoint);
    reply_form_close(out, form);
}
