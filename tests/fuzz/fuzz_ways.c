/*
 * One report in every way it can be sent. Lines of name=value, as bytes; written as a query, as
 * JSON and as multipart by plain writers, the parsers must find the same in all three, and the same
 * event or the same refusal comes of it.
 */
#include "common/params.h"
#include "ingest/body.h"
#include "ingest/report.h"
#include "ingest/report_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/utf8.h"

enum { FIELDS_MAX = 32 };

#define BOUNDARY "----0123456789fuzz"

struct written {
    struct buffer query, json, multipart;
};

static void append_query(struct buffer *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        buffer_append_format(out, is_plain ? "%c" : c == ' ' ? "+" : "%%%02X", c);
    }
}

/* All of it escaped that can be. */
static void append_json(struct buffer *out, struct slice s)
{
    buffer_append_char(out, '"');
    while (s.len > 0) {
        uint32_t code = 0;
        size_t len = plain_utf8_char(s, &code);
        if (code >= 0x10000) {
            buffer_append_format(out, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
                                 0xDC00 + (code & 0x3FF));
        } else {
            buffer_append_format(out, "\\u%04X", code);
        }
        s = fuzz_after(s, len);
    }
    buffer_append_char(out, '"');
}

static void append_field(struct written *w, struct slice name, struct slice value, bool is_first)
{
    buffer_append_text(&w->query, is_first ? "" : "&");
    append_query(&w->query, name);
    buffer_append_char(&w->query, '=');
    append_query(&w->query, value);

    buffer_append_text(&w->json, is_first ? "{" : ",");
    append_json(&w->json, name);
    buffer_append_char(&w->json, ':');
    append_json(&w->json, value);

    buffer_append_text(&w->multipart, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"");
    buffer_append_slice(&w->multipart, name);
    buffer_append_text(&w->multipart, "\"\r\n\r\n");
    buffer_append_slice(&w->multipart, value);
    buffer_append_text(&w->multipart, "\r\n");
}

/* Values as the contract lets them be: UTF-8; what would end a part is left to another target. */
static bool write_field(struct written *w, struct slice line, bool seen[FIELD_COUNT], bool is_first)
{
    struct buffer text;
    enum field field;
    struct slice value = line, name = fuzz_take(&value, '=');
    if (!field_named(name, &field) || seen[field] || field_is_of_batch(field)) {
        return false;
    }
    buffer_init(&text);
    plain_utf8_repair(value, &text);
    bool is_good = text.len == 0 || memmem(text.data, text.len, BOUNDARY, 18) == NULL;
    if (is_good) {
        append_field(w, name, buffer_slice(&text), is_first);
        seen[field] = true;
    }
    buffer_fini(&text);
    return is_good;
}

static void require_same(const struct fields *a, const struct fields *b)
{
    require(a->fault == b->fault);
    for (int i = 0; i < FIELD_COUNT; i++) {
        require((a->values[i].data == NULL) == (b->values[i].data == NULL));
        require(slice_equal(a->values[i], b->values[i]));
    }
}

static size_t make(const struct fields *f, enum report_path asked, char out[EVENT_SIZE_MAX],
                   struct report_fault *why)
{
    const struct report_context ctx = {.site = {"s", 1}, .ts_ms = 1, .viewer = {"v", 1}};
    struct player_event event;
    if (report_make(f, asked, &ctx, &event, why) != REPORT_OK) {
        return 0;
    }
    event.sequence = 1;
    size_t len = event_encode(&event, out, EVENT_SIZE_MAX);
    require(len > 0);
    return len;
}

static void require_same_event(const struct fields *a, const struct fields *b)
{
    static char one[EVENT_SIZE_MAX], other[EVENT_SIZE_MAX];
    for (int asked = REPORT_PATH_EVENT; asked <= REPORT_PATH_DOWNLOAD; asked++) {
        struct report_fault why[2] = {{"", ""}, {"", ""}};
        size_t len = make(a, (enum report_path)asked, one, &why[0]);
        require(make(b, (enum report_path)asked, other, &why[1]) == len);
        require(memcmp(one, other, len) == 0 && strcmp(why[0].message, why[1].message) == 0);
    }
}

static void check(const struct written *w)
{
    struct slice query = buffer_slice(&w->query), parts = buffer_slice(&w->multipart);
    char *scratch = malloc(params_scratch_size(query.len) + 1);
    char *other_scratch = malloc(params_scratch_size(parts.len) + 1);
    struct fields by_query, by_json, by_parts;
    struct report_json *memory;
    require(scratch != NULL && other_scratch != NULL);
    fields_from_query(&by_query, query, scratch, params_scratch_size(query.len));
    require(report_json_read(&memory, &by_json, buffer_slice(&w->json)) == 0);
    require(body_multipart_fields(&by_parts, slice_of("multipart/form-data; boundary=" BOUNDARY),
                                  parts, other_scratch, params_scratch_size(parts.len)));
    require_same(&by_query, &by_json);
    require_same(&by_query, &by_parts);
    require_same_event(&by_query, &by_json);
    require_same_event(&by_query, &by_parts);
    report_json_free(memory);
    free(scratch);
    free(other_scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct written w = {{0}, {0}, {0}};
    bool seen[FIELD_COUNT] = {false};
    size_t count = 0;
    while (rest.len > 0 && count < FIELDS_MAX) {
        count += write_field(&w, fuzz_take(&rest, '\n'), seen, count == 0) ? 1 : 0;
    }
    buffer_append_text(&w.json, count == 0 ? "{}" : "}");
    buffer_append_text(&w.multipart, "--" BOUNDARY "--\r\n");
    check(&w);
    buffer_fini(&w.query);
    buffer_fini(&w.json);
    buffer_fini(&w.multipart);
    return 0;
}
