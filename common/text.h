/* Text escaped for the formats we write, and numbers read strictly. Pure; any thread. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/buffer.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The three below take s as valid UTF-8 (utf8.h); an absent slice counts as empty.
 *
 * Appends s as the inside of a double-quoted XML attribute, or as character data. Characters that
 * XML 1.0 forbids are left out; TAB, LF and CR become references, so that they come back as they
 * were.
 */
void text_append_xml(struct buffer *b, struct slice s);

/*
 * Appends s as a JSON string with its quotes. It is JavaScript too: `</` becomes `<\/`, U+2028 and
 * U+2029 are escaped.
 */
void text_append_json(struct buffer *b, struct slice s);

/*
 * Appends s as one CSV cell (RFC 4180), quoted where needed. A cell that a spreadsheet would run,
 * one that starts with = + - @ TAB or CR, gets a ' in front: for text only, never for our own
 * numbers.
 */
void text_append_csv(struct buffer *b, struct slice s);

/* Reads s, all of it, as ASCII decimal digits of a value up to max. Leading zeros are allowed. */
bool text_parse_uint(struct slice s, uint64_t max, uint64_t *out);

/*
 * Reads s, all of it, as a decimal number: sign, digits, fraction, exponent ("-1.5", ".5", "3.",
 * "1e3"). No white space, hexadecimal, inf or nan; a value too large for a double is refused. The
 * locale does not matter. Significant digits past the 40th count as zeros.
 */
bool text_parse_double(struct slice s, double *out);

#endif
