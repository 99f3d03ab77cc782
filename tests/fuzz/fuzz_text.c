/*
 * Any bytes as a number, and as a text that is escaped: numbers are read as the C library reads
 * them, and what is escaped comes back from a plain reader of the format.
 */
#include "common/text.h"
#include "common/utf8.h"
#include "consumer/letter.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain/json.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <regex.h>

static bool is_digits(struct slice s)
{
    bool is_good = s.len > 0;
    for (size_t i = 0; i < s.len; i++) {
        is_good = is_good && s.data[i] >= '0' && s.data[i] <= '9';
    }
    return is_good;
}

static bool is_number(const char *text)
{
    static regex_t pattern;
    static bool is_made;
    if (!is_made) {
        require(regcomp(&pattern, "^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$",
                        REG_EXTENDED | REG_NOSUB) == 0);
        is_made = true;
    }
    return regexec(&pattern, text, 0, NULL, 0) == 0;
}

static void check_uint(struct slice s, uint64_t max)
{
    char *text = fuzz_text(s);
    errno = 0;
    unsigned long long plain = strtoull(text, NULL, 10);
    bool is_good = is_digits(s) && errno == 0 && plain <= max;
    free(text);
    uint64_t value = 7;
    require(text_parse_uint(s, max, &value) == is_good);
    require(value == (is_good ? plain : 7));
}

static void check_letter_number(struct slice s)
{
    uint64_t plain = 0;
    int64_t value = 0;
    require(letter_number(s, &value) == text_parse_uint(s, INT64_MAX, &plain));
    require(value == (int64_t)plain);
}

/* Bit by bit what strtod() says, but for digits past the 40th, which count as zeros. */
static void check_double(struct slice s)
{
    double value = 7;
    bool is_read = text_parse_double(s, &value);
    char *text = fuzz_text(s);
    bool is_good = strlen(text) == s.len && is_number(text);
    double plain = is_good ? strtod(text, NULL) : 7;
    free(text);
    if (s.len <= 40) {
        require(is_read == (is_good && !isinf(plain)));
        require(!is_read || memcmp(&value, &plain, sizeof value) == 0);
    } else if (is_read) {
        require(is_good && isfinite(value));
        require(fabs(value - plain) <= fabs(plain) * 1e-15 + DBL_TRUE_MIN);
    }
}

static void check_json(struct slice s)
{
    struct buffer out, back;
    buffer_init(&out);
    buffer_init(&back);
    text_append_json(&out, s);
    struct plain_json p = plain_json(buffer_slice(&out));
    require(plain_json_string(&p, &back) && p.at == p.end);
    require(slice_equal(buffer_slice(&back), s));
    require(memmem(out.data, out.len, "</", 2) == NULL);
    require(memmem(out.data, out.len, "\xE2\x80\xA8", 3) == NULL);
    require(memmem(out.data, out.len, "\xE2\x80\xA9", 3) == NULL);
    buffer_fini(&out);
    buffer_fini(&back);
}

static void undo_xml(struct slice s, struct buffer *out)
{
    static const char *const escapes[][2] = {{"&amp;", "&"},  {"&lt;", "<"},   {"&gt;", ">"},
                                             {"&#9;", "\t"},  {"&#10;", "\n"}, {"&#13;", "\r"},
                                             {"&quot;", "\""}};
    while (s.len > 0) {
        size_t used = 1;
        const char *meant = NULL;
        for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
            size_t len = strlen(escapes[i][0]);
            if (s.len >= len && memcmp(s.data, escapes[i][0], len) == 0) {
                used = len;
                meant = escapes[i][1];
            }
        }
        /* What is not escaped must not be markup, nor what XML 1.0 forbids or normalises. */
        require(meant != NULL || strchr("&<>\"", s.data[0]) == NULL);
        require(meant != NULL || (unsigned char)s.data[0] >= ' ');
        buffer_append(out, meant == NULL ? s.data : meant, 1);
        s = fuzz_after(s, used);
    }
}

static void check_xml(struct slice s)
{
    struct buffer out, back, kept;
    buffer_init(&out);
    buffer_init(&back);
    buffer_init(&kept);
    text_append_xml(&out, s);
    undo_xml(buffer_slice(&out), &back);
    for (struct slice rest = s; rest.len > 0;) {
        uint32_t code = 0;
        size_t len = utf8_decode(rest, &code);
        bool is_allowed = code >= ' ' ? code != 0xFFFE && code != 0xFFFF
                                      : code == '\t' || code == '\n' || code == '\r';
        buffer_append(&kept, rest.data, is_allowed ? len : 0);
        rest = fuzz_after(rest, len);
    }
    require(slice_equal(buffer_slice(&back), buffer_slice(&kept)));
    buffer_fini(&out);
    buffer_fini(&back);
    buffer_fini(&kept);
}

static bool holds_any(struct slice s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '\0' && strchr(set, s.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Quoted where RFC 4180 wants it, each quote twice; what a spreadsheet would run has a ' in front.
 */
static void check_csv(struct slice s)
{
    struct buffer out;
    buffer_init(&out);
    text_append_csv(&out, s);
    struct slice cell = buffer_slice(&out);
    bool is_quoted = cell.len > 0 && cell.data[0] == '"';
    bool runs = s.len > 0 && holds_any(slice_make(s.data, 1), "=+-@\t\r");
    if (!is_quoted) {
        require(!runs && slice_equal(cell, s) && !holds_any(s, "\",\r\n"));
        buffer_fini(&out);
        return;
    }
    size_t at = 1;
    require(!runs || cell.data[at++] == '\'');
    for (size_t i = 0; i < s.len; i++) {
        require(cell.data[at++] == s.data[i]);
        require(s.data[i] != '"' || cell.data[at++] == '"');
    }
    require(at + 1 == cell.len && cell.data[at] == '"');
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = fuzz_input(data, size);
    check_uint(s, INT64_MAX);
    check_uint(s, UINT64_MAX);
    check_uint(s, 65535);
    check_letter_number(s);
    check_double(s);
    char *repaired = malloc(utf8_repaired_size(size) + 1);
    require(repaired != NULL);
    struct slice text = slice_make(repaired, utf8_repair(s, repaired));
    check_json(text);
    check_xml(text);
    check_csv(text);
    free(repaired);
    return 0;
}
