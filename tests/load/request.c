#include "tests/load/request.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PARAM_MAX = 20, NUMBER_SIZE = 32 };

struct param {
    const char *name, *value;
    bool is_number; /* a JSON report sends it bare */
};

struct params {
    struct param list[PARAM_MAX];
    size_t count;
    char photo_id[NUMBER_SIZE], start[NUMBER_SIZE], end[NUMBER_SIZE], total[NUMBER_SIZE];
    char stamp[NUMBER_SIZE];
};

static void add(struct params *p, const char *name, const char *value)
{
    p->list[p->count++] = (struct param){name, value, false};
}

static void add_number(struct params *p, const char *name, const char *value)
{
    p->list[p->count++] = (struct param){name, value, true};
}

/* Flash says timeStart, the HTML5 player now this and now that, the others what the document says.
 */
static bool is_camel(const struct load_report *r, unsigned which)
{
    enum form form = r->session->form;
    return form == FORM_FLASH || (form == FORM_HTML5 && (r->whim >> which & 1) != 0);
}

static void add_times(struct params *p, const struct load_report *r)
{
    (void)snprintf(p->start, sizeof p->start, "%.10g", r->start);
    (void)snprintf(p->end, sizeof p->end, "%.10g", r->end);
    (void)snprintf(p->total, sizeof p->total, "%.10g", r->total);
    add_number(p, is_camel(r, 0) ? "timeStart" : "time_start", p->start);
    add_number(p, is_camel(r, 1) ? "timeEnd" : "time_end", p->end);
    add_number(p, is_camel(r, 2) ? "timeTotal" : "time_total", p->total);
}

static void add_player(struct params *p, const struct load_report *r)
{
    bool is_flash = r->session->form == FORM_FLASH;
    add(p, "user_player_type", is_flash ? "flash" : "html5");
    add(p, "user_player_version", is_flash ? "WIN 11,4,402,287" : "");
    add(p, "user_player_resolution", (r->whim >> 3 & 1) != 0 ? "1920x1080" : "");
}

static void add_reply_form(struct params *p, const struct load_report *r,
                           struct reply_wanted *wanted)
{
    switch (r->session->form) {
    case FORM_FLASH:
        add(p, "raw", "t");
        add(p, "format", "json");
        wanted->form = REPLY_FORM_JSON;
        break;
    case FORM_POST:
        add(p, "raw", "1");
        add(p, "format", "json");
        wanted->form = REPLY_FORM_JSON;
        break;
    case FORM_HTML5:
        (void)snprintf(wanted->callback, sizeof wanted->callback, "window.ignore");
        wanted->form = REPLY_FORM_CALLBACK;
        break;
    case FORM_JSONP:
        (void)snprintf(wanted->callback, sizeof wanted->callback, "jQuery%u_%u",
                       (unsigned)(r->whim >> 32), (unsigned)(r->whim >> 8 & 0xffffff));
        (void)snprintf(p->stamp, sizeof p->stamp, "%u", (unsigned)(r->whim >> 40));
        wanted->form = REPLY_FORM_CALLBACK;
        break;
    case FORM_JSON:
    case FORM_BEACON:
        wanted->form = (r->whim >> 4 & 1) != 0 ? REPLY_FORM_JSON : REPLY_FORM_XML;
        if (wanted->form == REPLY_FORM_JSON) {
            add(p, "format", "json");
        }
        break;
    case FORM_XML:
    case FORM_COUNT:
        wanted->form = REPLY_FORM_XML;
        break;
    }
    if (wanted->form == REPLY_FORM_CALLBACK) {
        add(p, "callback", wanted->callback);
    }
    if (p->stamp[0] != '\0') {
        add(p, "_", p->stamp);
    }
}

static void fill_params(struct params *p, const struct load_report *r, const char *report_id,
                        struct reply_wanted *wanted)
{
    const struct session *s = r->session;
    p->count = 0;
    p->stamp[0] = '\0';
    (void)snprintf(p->photo_id, sizeof p->photo_id, "%llu", (unsigned long long)s->photo_id);
    add_number(p, "photo_id", p->photo_id);
    if (r->event == EVENT_PLAY) {
        add_times(p, r);
    } else {
        add(p, "event", event_name(r->event));
    }
    if (source_sent(s->source) != NULL) {
        add(p, "source", source_sent(s->source));
    }
    if (s->uuid[0] != '\0') {
        add(p, "uuid", s->uuid);
    }
    add(p, "report_id", report_id);
    add_player(p, r);
    if (s->form == FORM_HTML5) {
        add(p, "type", "clip");
        add(p, "referer", "https://www.example.org/videos?page=1&tab=new");
    }
    add_reply_form(p, r, wanted);
}

static void append_encoded(struct buffer *out, const char *text, const char *space)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c) || strchr("-_.~", *c) != NULL) {
            buffer_append_char(out, *c);
        } else if (*c == ' ') {
            buffer_append_text(out, space);
        } else {
            buffer_append_format(out, "%%%02X", (unsigned char)*c);
        }
    }
}

/* Scripts write a space as %20, forms as +. */
static void append_form(struct buffer *out, const struct params *p, const char *space)
{
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0) {
            buffer_append_char(out, '&');
        }
        append_encoded(out, p->list[i].name, space);
        buffer_append_char(out, '=');
        append_encoded(out, p->list[i].value, space);
    }
}

/* The names and values used here hold no control characters. */
static void append_json_text(struct buffer *out, const char *text)
{
    buffer_append_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            buffer_append_char(out, '\\');
        }
        buffer_append_char(out, *c);
    }
    buffer_append_char(out, '"');
}

static void append_json(struct buffer *out, const struct params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct param *param = &p->list[i];
        buffer_append_char(out, i == 0 ? '{' : ',');
        append_json_text(out, param->name);
        buffer_append_char(out, ':');
        if (param->is_number) {
            buffer_append_text(out, param->value);
        } else {
            append_json_text(out, param->value);
        }
    }
    buffer_append_char(out, '}');
}

/* Some players report events by the other method; without times it is an event all the same. */
static const char *path_of(const struct load_report *r)
{
    bool is_play = r->event == EVENT_PLAY || (r->whim >> 5 & 7) == 0;
    return is_play ? "/api/analytics/report/play" : "/api/analytics/report/event";
}

static void append_head_lines(struct buffer *out, const struct load_report *r, const char *host)
{
    buffer_append_format(out,
                         " HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n"
                         "Referer: https://player.example.org/v/%llu\r\n",
                         host, user_agent_name(r->session->user_agent),
                         (unsigned long long)r->session->photo_id);
}

static void write_get(struct buffer *out, const struct load_report *r, const char *host,
                      const struct params *p)
{
    buffer_append_format(out, "GET %s?", path_of(r));
    append_form(out, p, "%20");
    append_head_lines(out, r, host);
    buffer_append_text(out, "\r\n");
}

static void write_post(struct buffer *out, const struct load_report *r, const char *host,
                       const struct params *p)
{
    enum form form = r->session->form;
    bool is_json = form == FORM_JSON || (form == FORM_BEACON && (r->whim >> 6 & 1) != 0);
    const char *type = form == FORM_JSON     ? "application/json"
                       : form == FORM_BEACON ? "text/plain;charset=UTF-8"
                                             : "application/x-www-form-urlencoded";
    struct buffer body;
    buffer_init(&body);
    if (is_json) {
        append_json(&body, p);
    } else {
        append_form(&body, p, "+");
    }
    buffer_append_format(out, "POST %s", path_of(r));
    append_head_lines(out, r, host);
    buffer_append_format(out,
                         "Origin: https://player.example.org\r\nContent-Type: %s\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         type, body.len);
    buffer_append_slice(out, buffer_slice(&body));
    out->failed |= buffer_failed(&body);
    buffer_fini(&body);
}

void request_write(struct buffer *out, const struct load_report *r, const char *host,
                   const char *report_id, struct reply_wanted *wanted)
{
    struct params p;
    fill_params(&p, r, report_id, wanted);
    switch (r->session->form) {
    case FORM_FLASH:
    case FORM_HTML5:
    case FORM_JSONP:
    case FORM_XML:
        write_get(out, r, host, &p);
        break;
    case FORM_BEACON:
    case FORM_POST:
    case FORM_JSON:
    case FORM_COUNT:
        write_post(out, r, host, &p);
        break;
    }
}
