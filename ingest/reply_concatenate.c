#include "ingest/reply_concatenate.h"

#include "common/text.h"
#include "ingest/reply_parts.h"

void reply_concatenate_inner(struct reply_form *out, const struct reply_form *form)
{
    reply_form_init(out);
    if (form->format != REPLY_XML) {
        out->format = REPLY_JSON;
    }
}

void reply_concatenate_open(struct buffer *out, const struct reply_form *form)
{
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "<response status=\"ok\" permission_level=\"" REPLY_LEVEL
                                "\" message=\"\" cached=\"0\">");
    } else {
        reply_form_open(out, form);
        buffer_append_char(out, '{');
    }
}

void reply_concatenate_begin(struct buffer *out, const struct reply_form *form, struct slice name,
                             bool is_first)
{
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "<method name=\"");
        text_append_xml(out, name);
        buffer_append_text(out, "\">");
    } else {
        buffer_append_text(out, is_first ? "" : ",");
        text_append_json(out, name);
        buffer_append_char(out, ':');
    }
}

void reply_concatenate_end(struct buffer *out, const struct reply_form *form)
{
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "</method>");
    }
}

void reply_concatenate_close(struct buffer *out, const struct reply_form *form)
{
    if (form->format == REPLY_XML) {
        buffer_append_text(out, "</response>");
    } else {
        buffer_append_char(out, '}');
        reply_form_close(out, form);
    }
}
