#include "common/http_parser.h"

#include "common/http_text.h"

enum { SIZE_DIGITS_MAX = 16 };

enum chunk_state {
    CHUNK_SIZE, /* 0: a zeroed struct starts here */
    CHUNK_SPACE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_OVER
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The functions below take one byte and return 0 or the status of a reject. */
static int expect_byte(struct http_chunks *c, char byte, char wanted, enum chunk_state next)
{
    if (byte != wanted) {
        return 400;
    }
    c->state = next;
    return 0;
}

static int take_size(struct http_chunks *c, char byte, const struct http_limits *limits)
{
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (++c->line > SIZE_DIGITS_MAX) {
            return 400;
        }
        /* total is never past body_max, so nothing here can wrap */
        if (c->left > UINT64_MAX >> 4 ||
            (c->left << 4 | (uint64_t)digit) > limits->body_max - c->total) {
            return 413;
        }
        c->left = c->left << 4 | (uint64_t)digit;
        return 0;
    }
    if (c->line == 0) {
        return 400;
    }
    if (byte == ';') {
        c->state = CHUNK_EXTENSION;
        return 0;
    }
    if (byte == ' ' || byte == '\t') {
        c->state = CHUNK_SPACE;
        return 0;
    }
    return expect_byte(c, byte, '\r', CHUNK_SIZE_LF);
}

/* White space may stand before an extension, and only there. */
static int take_space(struct http_chunks *c, char byte)
{
    if (byte == ' ' || byte == '\t') {
        return 0;
    }
    return expect_byte(c, byte, ';', CHUNK_EXTENSION);
}

static bool is_control(char byte)
{
    return ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
}

static int take_text(struct http_chunks *c, char byte, enum chunk_state at_cr)
{
    if (byte == '\r') {
        c->state = at_cr;
        return 0;
    }
    return is_control(byte) ? 400 : 0;
}

static int take_trailer(struct http_chunks *c, char byte)
{
    if (http_is_token_byte(byte)) {
        c->line++;
        return 0;
    }
    if (c->line == 0) {
        return expect_byte(c, byte, '\r', CHUNK_END_LF);
    }
    return expect_byte(c, byte, ':', CHUNK_TRAILER_VALUE);
}

static int end_size(struct http_chunks *c, char byte)
{
    c->line = 0;
    return expect_byte(c, byte, '\n', c->left == 0 ? CHUNK_TRAILER : CHUNK_DATA);
}

static int end_line(struct http_chunks *c, char byte, enum chunk_state next)
{
    c->line = 0;
    return expect_byte(c, byte, '\n', next);
}

static bool is_framing(enum chunk_state state)
{
    return state == CHUNK_SPACE || state == CHUNK_EXTENSION || state == CHUNK_TRAILER ||
           state == CHUNK_TRAILER_VALUE;
}

static int take_byte(struct http_chunks *c, char byte, const struct http_limits *limits)
{
    enum chunk_state state = (enum chunk_state)c->state;
    if (is_framing(state) && ++c->framing > limits->head_max) {
        return 431;
    }
    switch (state) {
    case CHUNK_SIZE:
        return take_size(c, byte, limits);
    case CHUNK_SPACE:
        return take_space(c, byte);
    case CHUNK_EXTENSION:
        return take_text(c, byte, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return end_size(c, byte);
    case CHUNK_DATA_CR:
        return expect_byte(c, byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return end_line(c, byte, CHUNK_SIZE);
    case CHUNK_TRAILER:
        return take_trailer(c, byte);
    case CHUNK_TRAILER_VALUE:
        return take_text(c, byte, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return end_line(c, byte, CHUNK_TRAILER);
    case CHUNK_END_LF:
        return expect_byte(c, byte, '\n', CHUNK_OVER);
    case CHUNK_DATA:
    case CHUNK_OVER:
        break; /* no byte of theirs comes here */
    }
    return 400;
}

static struct slice take_data(struct http_chunks *c, struct slice rest)
{
    size_t len = c->left < rest.len ? (size_t)c->left : rest.len;
    c->left -= len;
    c->total += len;
    if (c->left == 0) {
        c->state = CHUNK_DATA_CR;
    }
    return slice_make(rest.data, len);
}

enum http_parse_result http_parse_chunks(struct http_chunks *c, struct slice bytes,
                                         const struct http_limits *limits, struct slice *data,
                                         size_t *used, int *status)
{
    *data = slice_make(bytes.data, 0);
    size_t at = 0;
    while (at < bytes.len && c->state != CHUNK_DATA && c->state != CHUNK_OVER) {
        int refused = take_byte(c, bytes.data[at++], limits);
        if (refused != 0) {
            *status = refused;
            return HTTP_PARSE_REJECT;
        }
    }
    if (at < bytes.len && c->state == CHUNK_DATA) {
        *data = take_data(c, slice_make(bytes.data + at, bytes.len - at));
        at += data->len;
    }
    *used = at;
    return c->state == CHUNK_OVER ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}
