/*
 * JSON by the grammar of RFC 8259, one byte after the other: what the parsers and the answers are
 * held against. For tests; recursion ends at depth 2,048, as the parser under test has it.
 */
#ifndef TESTS_FUZZ_PLAIN_JSON_H
#define TESTS_FUZZ_PLAIN_JSON_H

#include "common/buffer.h"
#include "common/slice.h"

struct plain_json {
    const char *at, *end;
    unsigned depth;
};

static inline struct plain_json plain_json(struct slice text)
{
    return (struct plain_json){text.data, text.data + text.len, 0};
}

void plain_json_space(struct plain_json *p);

/* Steps past the byte if it stands there. */
bool plain_json_byte(struct plain_json *p, char byte);

/*
 * Reads a string and appends it, decoded, to out, which may be NULL. False for a malformed one, and
 * for an escaped surrogate without its other half. Bytes past ASCII are taken as they are.
 */
bool plain_json_string(struct plain_json *p, struct buffer *out);

/*
 * Steps past one value with the white space around it. False when it is malformed or a name holds
 * a NUL. *out, unless NULL, is the value without the white space.
 */
bool plain_json_value(struct plain_json *p, struct slice *out);

/* Is text one value and nothing else? */
bool plain_json_is_whole(struct slice text);

/*
 * The next member of an object, or (name NULL) element of an array, that stands at p; first says
 * that none was read yet. False after the last. The text is known to be well-formed.
 */
bool plain_json_next(struct plain_json *p, bool first, struct buffer *name, struct slice *value);

#endif
