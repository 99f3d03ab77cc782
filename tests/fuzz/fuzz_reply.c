/*
 * How an answer is asked for, and what it mirrors. Lines: callback, varname, format and raw,
 * Accept, endpoint; the rest is a query to be echoed. Names are taken when they match the pattern;
 * whatever is asked, the answer is well-formed in its form and holds what it was given.
 */
#include "common/params.h"
#include "common/sites.h"
#include "common/utf8.h"
#include "ingest/reply.h"
#include "ingest/reply_batch.h"
#include "ingest/reply_facts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/json.h"
#include "tests/fuzz/plain/urlencoded.h"
#include "tests/fuzz/plain/utf8.h"
#include "tests/fuzz/plain/xml.h"

#include <regex.h>
#include <strings.h>

enum { ECHO_MAX = 100 };

#define NAME "[A-Za-z_$][A-Za-z0-9_$]*(\\[[0-9]+\\])*"

static bool is_script_name(struct slice s)
{
    static regex_t pattern;
    static bool is_made;
    if (!is_made) {
        require(regcomp(&pattern, "^" NAME "(\\." NAME ")*$", REG_EXTENDED | REG_NOSUB) == 0);
        is_made = true;
    }
    char *text = fuzz_text(s);
    bool is_match =
        s.len <= 128 && strlen(text) == s.len && regexec(&pattern, text, 0, NULL, 0) == 0;
    free(text);
    return is_match;
}

static bool accepts_json(struct slice accept)
{
    while (accept.len > 0) {
        struct slice range = fuzz_take(&accept, ','), type = fuzz_take(&range, ';');
        while (type.len > 0 && (type.data[0] == ' ' || type.data[0] == '\t')) {
            type = fuzz_after(type, 1);
        }
        while (type.len > 0 &&
               (type.data[type.len - 1] == ' ' || type.data[type.len - 1] == '\t')) {
            type.len--;
        }
        if (type.len == 16 && strncasecmp(type.data, "application/json", 16) == 0) {
            return true;
        }
    }
    return false;
}

static enum reply_format plain_format(const struct fields *f, bool is_good)
{
    if (!is_good) {
        return REPLY_JSON;
    }
    if (f->values[FIELD_CALLBACK].len > 0) {
        return REPLY_CALLBACK;
    }
    if (!slice_is(f->values[FIELD_FORMAT], "json")) {
        return REPLY_XML;
    }
    bool is_variable = f->values[FIELD_RAW].data == NULL && f->values[FIELD_VARNAME].len > 0;
    return is_variable ? REPLY_VARIABLE : REPLY_JSON;
}

static void check_form(const struct reply_form *form, const struct fields *f, struct slice accept,
                       bool was_good)
{
    struct slice callback = f->values[FIELD_CALLBACK], varname = f->values[FIELD_VARNAME];
    bool is_good = (callback.len == 0 || is_script_name(callback)) &&
                   (varname.len == 0 || is_script_name(varname));
    require(was_good == is_good && form->format == plain_format(f, is_good));
    require(form->accept_json == (callback.len == 0 && accepts_json(accept)));
    struct slice name = form->format == REPLY_CALLBACK   ? callback
                        : form->format == REPLY_VARIABLE ? varname
                                                         : slice_of("");
    require(slice_equal(slice_make(form->name, form->name_len), name));

    char packed[REPLY_FORM_PACKED_MAX];
    struct reply_form back;
    size_t len = reply_form_pack(form, packed);
    require(reply_form_unpack(&back, packed, len) == len);
    require(memcmp(&back, form, sizeof back) == 0);
    require(len == 0 || reply_form_unpack(&back, packed, len - 1) == 0);
}

/* Takes off what stands around the object. */
static struct slice object_of(const struct reply_form *form, struct slice body)
{
    char before[REPLY_NAME_MAX + 16];
    const char *after = form->format == REPLY_CALLBACK ? ");" : "";
    int len = form->format == REPLY_CALLBACK
                  ? snprintf(before, sizeof before, "/**/%.*s(", form->name_len, form->name)
              : form->format == REPLY_VARIABLE
                  ? snprintf(before, sizeof before, "var %.*s = ", form->name_len, form->name)
                  : snprintf(before, sizeof before, "%s", "");
    size_t around = (size_t)len + strlen(after);
    require(body.len >= around && memcmp(body.data, before, (size_t)len) == 0);
    require(memcmp(body.data + body.len - strlen(after), after, strlen(after)) == 0);
    return slice_make(body.data + len, body.len - around);
}

/* The member of an object; false when it has none. */
static bool find_member(struct slice object, const char *wanted, struct slice *value)
{
    struct plain_json p = plain_json(object);
    struct buffer name;
    bool is_found = false;
    buffer_init(&name);
    for (bool first = true; !is_found && plain_json_next(&p, first, &name, value); first = false) {
        is_found = slice_is(buffer_slice(&name), wanted);
    }
    buffer_fini(&name);
    return is_found;
}

static void require_string(struct slice json, struct slice wanted)
{
    struct plain_json p = plain_json(json);
    struct buffer text;
    buffer_init(&text);
    require(plain_json_string(&p, &text) && p.at == p.end);
    require(slice_equal(buffer_slice(&text), wanted));
    buffer_fini(&text);
}

/* Well-formed; and the endpoint of JSON is the one asked for. */
static void check_body(const struct reply_form *form, struct slice body, struct slice endpoint)
{
    struct slice value = {NULL, 0};
    if (form->format == REPLY_XML) {
        require(plain_xml_is_whole(body));
        return;
    }
    struct slice object = object_of(form, body);
    require(plain_json_is_whole(object) && find_member(object, "endpoint", &value));
    require_string(value, endpoint);
    require(memmem(body.data, body.len, "</", 2) == NULL);
}

static void check_echo_json(struct slice object, struct slice query)
{
    struct slice echo, value = {NULL, 0}, seen;
    struct buffer pair[2] = {{0}, {0}}, name;
    require(find_member(object, "echo", &echo));
    struct plain_json p = plain_json(echo);
    buffer_init(&name);
    bool first = true;
    for (size_t i = 0; i < ECHO_MAX && plain_urlencoded_next(&query, &pair[0], &pair[1]); i++) {
        struct plain_json before = plain_json(echo);
        bool is_new = true;
        for (bool start = true; before.at < p.at && plain_json_next(&before, start, &name, &seen);
             start = false) {
            is_new = is_new && !slice_equal(buffer_slice(&name), buffer_slice(&pair[0]));
        }
        if (is_new) {
            require(plain_json_next(&p, first, &name, &value));
            require(slice_equal(buffer_slice(&name), buffer_slice(&pair[0])));
            require_string(value, buffer_slice(&pair[1]));
            first = false;
        }
    }
    require(!plain_json_next(&p, first, &name, &value));
    buffer_fini(&pair[0]);
    buffer_fini(&pair[1]);
    buffer_fini(&name);
}

static void check_echo(const struct reply_form *form, const struct site *site,
                       struct slice endpoint, struct slice query)
{
    size_t size = 2 * params_scratch_size(query.len);
    char *scratch = malloc(size + 1);
    struct buffer out, plain;
    require(scratch != NULL);
    buffer_init(&out);
    buffer_init(&plain);
    reply_echo(&out, form, site, endpoint, query, scratch, size);
    plain_utf8_repair(endpoint, &plain);
    check_body(form, buffer_slice(&out), buffer_slice(&plain));
    /* A NUL in a name is no JSON that the plain reader takes; XML has none. */
    if (form->format != REPLY_XML) {
        check_echo_json(object_of(form, buffer_slice(&out)), query);
    }
    buffer_fini(&out);
    buffer_fini(&plain);
    free(scratch);
}

static void check_answers(const struct reply_form *form, const struct site *site,
                          struct slice endpoint, const struct report_fault *why)
{
    struct buffer out, plain;
    buffer_init(&out);
    buffer_init(&plain);
    plain_utf8_repair(endpoint, &plain);
    for (int what = 0; what < 6; what++) {
        buffer_reset(&out);
        if (what < 3) {
            reply_ok(&out, form, (enum event_kind)what, site->json, endpoint);
        } else if (what == 3) {
            reply_error(&out, form, "invalid_input", why->message, endpoint);
        } else if (what == 4) {
            reply_unconfirmed(&out, form, "0123456789abcdef-0000000000000001", endpoint);
        } else {
            reply_site(&out, form, site, endpoint);
        }
        check_body(form, buffer_slice(&out), buffer_slice(&plain));
    }
    buffer_fini(&out);
    buffer_fini(&plain);
}

static const struct site *any_site(void)
{
    static struct sites *sites;
    struct error err = {""};
    require(sites != NULL || sites_load(&sites, "", &err) == 0);
    return sites_at(sites, 0);
}

/* Fields come decoded: as valid UTF-8. */
static struct slice take_field(struct slice *rest, struct buffer *room)
{
    plain_utf8_repair(fuzz_take(rest, '\n'), room);
    return room->len == 0 ? slice_make(NULL, 0) : buffer_slice(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct buffer rooms[2] = {{0}, {0}};
    struct report_fault why = {"", "a < b & \"c\""};
    struct fields f;
    struct reply_form form;
    fields_init(&f);
    f.values[FIELD_CALLBACK] = take_field(&rest, &rooms[0]);
    f.values[FIELD_VARNAME] = take_field(&rest, &rooms[1]);
    struct slice flags = fuzz_take(&rest, '\n');
    bool is_json = memchr(flags.data, 'j', flags.len) != NULL;
    f.values[FIELD_FORMAT] = slice_of(is_json ? "json" : "xml");
    f.values[FIELD_RAW] = slice_of(memchr(flags.data, 'r', flags.len) != NULL ? "" : NULL);
    struct slice accept = fuzz_take(&rest, '\n'), endpoint = fuzz_take(&rest, '\n');
    bool was_good = reply_choose_form(&form, &f, accept, &why);
    check_form(&form, &f, accept, was_good);
    check_answers(&form, any_site(), endpoint, &why);
    if (memchr(rest.data, '\0', rest.len) == NULL &&
        memmem(rest.data, rest.len, "%00", 3) == NULL) {
        check_echo(&form, any_site(), endpoint, rest);
    }
    buffer_fini(&rooms[0]);
    buffer_fini(&rooms[1]);
    return 0;
}
