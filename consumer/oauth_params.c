#include "consumer/oauth_params.h"

#include "common/params.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static const char *const field_names[OAUTH_FIELD_COUNT] = {
    [OAUTH_CONSUMER_KEY] = "oauth_consumer_key",
    [OAUTH_TOKEN] = "oauth_token",
    [OAUTH_SIGNATURE_METHOD] = "oauth_signature_method",
    [OAUTH_SIGNATURE] = "oauth_signature",
    [OAUTH_TIMESTAMP] = "oauth_timestamp",
    [OAUTH_NONCE] = "oauth_nonce",
    [OAUTH_VERSION] = "oauth_version",
};

static const char header_is_malformed[] = "the Authorization header is malformed";
static const char out_of_memory[] = "out of memory";

void oauth_params_init(struct oauth_params *p)
{
    buffer_init(&p->text);
    buffer_init(&p->scratch);
    p->count = 0;
}

void oauth_params_fini(struct oauth_params *p)
{
    buffer_fini(&p->text);
    buffer_fini(&p->scratch);
}

void oauth_encode(struct buffer *out, struct slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < 0x80 && (isalnum(c) || memchr("-._~", c, 4) != NULL)) {
            buffer_append_char(out, (char)c);
        } else {
            const char coded[] = {'%', hex[c >> 4], hex[c & 15]};
            buffer_append(out, coded, sizeof coded);
        }
    }
}

static struct slice piece_of(const struct oauth_params *p, struct oauth_piece piece)
{
    return buffer_part(&p->text, piece.start, piece.len);
}

struct slice oauth_params_field(const struct oauth_params *p, enum oauth_field field)
{
    return p->has[field] ? piece_of(p, p->fields[field]) : slice_make(NULL, 0);
}

static struct oauth_piece keep(struct buffer *text, struct slice s, bool encoded)
{
    struct oauth_piece piece = {.start = text->len};
    if (encoded) {
        oauth_encode(text, s);
    } else {
        buffer_append_slice(text, s);
    }
    piece.len = text->len - piece.start;
    return piece;
}

/* Takes one parameter, decoded. Returns NULL or what is wrong. */
static const char *add(struct oauth_params *p, struct slice name, struct slice value)
{
    for (enum oauth_field f = 0; f < OAUTH_FIELD_COUNT; f++) {
        if (!slice_is(name, field_names[f])) {
            continue;
        }
        if (p->has[f]) {
            return "a parameter of OAuth is given twice";
        }
        p->has[f] = true;
        p->fields[f] = keep(&p->text, value, false);
        if (f == OAUTH_SIGNATURE) {
            return NULL; /* it does not sign itself */
        }
    }
    if (p->count == OAUTH_PARAMS_MAX) {
        return "there are too many parameters";
    }
    p->pairs[p->count].name = keep(&p->text, name, true);
    p->pairs[p->count++].value = keep(&p->text, value, true);
    return NULL;
}

static const char *read_form(struct oauth_params *p, struct slice form)
{
    struct params_cursor cursor;
    struct slice name, value;
    buffer_reset(&p->scratch);
    if (!buffer_reserve(&p->scratch, params_scratch_size(form.len) + 1)) {
        return out_of_memory;
    }
    params_start(&cursor, form, p->scratch.data, p->scratch.capacity);
    const char *wrong = NULL;
    while (wrong == NULL && params_next(&cursor, &name, &value)) {
        wrong = add(p, name, value);
    }
    return wrong;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX, as the values in the header are written (section 3.5.1), to the end of out. */
static bool decode(struct buffer *out, struct slice s, struct oauth_piece *piece)
{
    piece->start = out->len;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '%') {
            buffer_append_char(out, s.data[i]);
            continue;
        }
        int high = i + 2 < s.len ? hex_value(s.data[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_value(s.data[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        buffer_append_char(out, (char)(high << 4 | low));
        i += 2;
    }
    piece->len = out->len - piece->start;
    return true;
}

static void skip(struct slice *s, const char *set)
{
    while (s->len > 0 && memchr(set, s->data[0], strlen(set)) != NULL) {
        *s = slice_make(s->data + 1, s->len - 1);
    }
}

/* Cuts s at the next c, which must be there; what stands before it goes to *out. */
static bool cut(struct slice *s, char c, struct slice *out)
{
    const char *at = s->len == 0 ? NULL : memchr(s->data, c, s->len);
    if (at == NULL) {
        return false;
    }
    *out = slice_make(s->data, (size_t)(at - s->data));
    *s = slice_make(at + 1, s->len - out->len - 1);
    return true;
}

/* name="value", name="value" behind the scheme. */
static const char *read_header(struct oauth_params *p, struct slice rest)
{
    struct slice name, value;
    struct oauth_piece name_piece, value_piece;
    buffer_reset(&p->scratch);
    for (skip(&rest, " \t,"); rest.len > 0; skip(&rest, " \t,")) {
        if (!cut(&rest, '=', &name) || rest.len == 0 || rest.data[0] != '"') {
            return header_is_malformed;
        }
        rest = slice_make(rest.data + 1, rest.len - 1);
        if (!cut(&rest, '"', &value) || !decode(&p->scratch, name, &name_piece) ||
            !decode(&p->scratch, value, &value_piece)) {
            return header_is_malformed;
        }
        if (buffer_failed(&p->scratch)) {
            return out_of_memory;
        }
        name = buffer_part(&p->scratch, name_piece.start, name_piece.len);
        value = buffer_part(&p->scratch, value_piece.start, value_piece.len);
        const char *wrong = slice_is(name, "realm") ? NULL : add(p, name, value);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

static int compare_pieces(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By name, then by value, both encoded (section 3.4.1.3.2). */
static int compare_pairs(const void *left, const void *right, void *arg)
{
    const struct oauth_params *p = arg;
    const struct oauth_piece *a = left, *b = right; /* name, then value */
    int order = compare_pieces(piece_of(p, a[0]), piece_of(p, b[0]));
    return order != 0 ? order : compare_pieces(piece_of(p, a[1]), piece_of(p, b[1]));
}

const char *oauth_params_read(struct oauth_params *p, const struct oauth_request *r)
{
    static const char scheme[] = "OAuth ";
    const size_t scheme_len = sizeof scheme - 1;
    const char *wrong = NULL;
    buffer_reset(&p->text);
    p->count = 0;
    memset(p->has, 0, sizeof p->has);
    struct slice header = r->authorization;
    if (header.len >= scheme_len && strncasecmp(header.data, scheme, scheme_len) == 0) {
        wrong = read_header(p, slice_make(header.data + scheme_len, header.len - scheme_len));
    }
    wrong = wrong == NULL ? read_form(p, r->query) : wrong;
    wrong = wrong == NULL ? read_form(p, r->form) : wrong;
    if (wrong == NULL && buffer_failed(&p->text)) {
        wrong = out_of_memory;
    }
    if (wrong == NULL) {
        qsort_r(p->pairs, p->count, sizeof p->pairs[0], compare_pairs, p);
    }
    return wrong;
}

void oauth_params_write(const struct oauth_params *p, struct buffer *out)
{
    for (size_t i = 0; i < p->count; i++) {
        buffer_append_text(out, i == 0 ? "" : "%26");
        oauth_encode(out, piece_of(p, p->pairs[i].name));
        buffer_append_text(out, "%3D");
        oauth_encode(out, piece_of(p, p->pairs[i].value));
    }
}
