#include "ingest/reply_facts.h"

#include "common/params.h"
#include "common/sites.h"
#include "common/text.h"
#include "ingest/reply_parts.h"

static void open_xml(struct buffer *out)
{
    buffer_append_text(out, "<response status=\"ok\" permission_level=\"" REPLY_LEVEL
                            "\" message=\"\" cached=\"0\">");
}

static void open_ok(struct buffer *out, const struct reply_form *form)
{
    reply_form_open(out, form);
    buffer_append_text(out,
                       "{\"status\":\"ok\",\"message\":\"\",\"permission_level\":\"" REPLY_LEVEL
                       "\",\"cached\":\"0\",");
}

static void close_ok(struct buffer *out, const struct reply_form *form, const struct site *site,
                     struct slice endpoint)
{
    buffer_append_text(out, ",\"p\":\"1\",\"size\":\"1\",\"site\":");
    buffer_append_text(out, site->json);
    buffer_append_text(out, ",\"endpoint\":");
    reply_form_endpoint(out, endpoint);
    buffer_append_char(out, '}');
    reply_form_close(out, form);
}

static void append_attribute(struct buffer *out, const char *name, const char *value)
{
    buffer_append_format(out, " %s=\"", name);
    text_append_xml(out, slice_of(value));
    buffer_append_char(out, '"');
}

void reply_site(struct buffer *out, const struct reply_form *form, const struct site *site,
                struct slice endpoint)
{
    if (form->format != REPLY_XML) {
        open_ok(out, form);
        buffer_append_text(out, "\"report\":{}");
        close_ok(out, form, site, endpoint);
        return;
    }
    open_xml(out);
    buffer_append_text(out, "<site");
    append_attribute(out, "site_id", site->site_id);
    append_attribute(out, "site_name", site->site_name);
    append_attribute(out, "product_key", site->product_key);
    append_attribute(out, "domain", site->domain);
    append_attribute(out, "allow_signup_p", site->allow_signup ? "1" : "0");
    buffer_append_text(out, "/></response>");
}

/* Whether the name came before what is read now: JSON has each once. */
static bool is_repeated(struct slice encoded, size_t before, struct slice name, char *scratch,
                        size_t size)
{
    struct params_cursor c;
    struct slice other, value;
    params_start(&c, encoded, scratch, size);
    for (size_t i = 0; i < before && params_next(&c, &other, &value); i++) {
        if (slice_equal(other, name)) {
            return true;
        }
    }
    return false;
}

enum { ECHO_MAX = 100 }; /* parameters mirrored: looking for repeats grows by their square */

static void echo_json(struct buffer *out, struct slice encoded, char *scratch, size_t size)
{
    struct params_cursor c;
    struct slice name, value;
    size_t half = size / 2;
    params_start(&c, encoded, scratch, half);
    buffer_append_text(out, "\"echo\":{");
    bool any = false;
    for (size_t i = 0; i < ECHO_MAX && params_next(&c, &name, &value); i++) {
        if (is_repeated(encoded, i, name, scratch + half, half)) {
            continue;
        }
        buffer_append_text(out, any ? "," : "");
        text_append_json(out, name);
        buffer_append_char(out, ':');
        text_append_json(out, value);
        any = true;
    }
    buffer_append_char(out, '}');
}

static void echo_xml(struct buffer *out, struct slice encoded, char *scratch, size_t size)
{
    struct params_cursor c;
    struct slice name, value;
    params_start(&c, encoded, scratch, size);
    for (size_t i = 0; i < ECHO_MAX && params_next(&c, &name, &value); i++) {
        buffer_append_text(out, "<parameter name=\"");
        text_append_xml(out, name);
        buffer_append_text(out, "\" value=\"");
        text_append_xml(out, value);
        buffer_append_text(out, "\"/>");
    }
}

void reply_echo(struct buffer *out, const struct reply_form *form, const struct site *site,
                struct slice endpoint, struct slice encoded, char *scratch, size_t size)
{
    if (form->format == REPLY_XML) {
        open_xml(out);
        echo_xml(out, encoded, scratch, size);
        buffer_append_text(out, "</response>");
        return;
    }
    open_ok(out, form);
    echo_json(out, encoded, scratch, size);
    close_ok(out, form, site, endpoint);
}
