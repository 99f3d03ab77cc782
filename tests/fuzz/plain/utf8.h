/* UTF-8 by its definition, by trying out; what common/utf8.h is held against. For tests. */
#ifndef TESTS_FUZZ_PLAIN_UTF8_H
#define TESTS_FUZZ_PLAIN_UTF8_H

#include "common/buffer.h"
#include "common/slice.h"

#include <stdint.h>

/* The length of the character that s starts with and its code, or 0 when there is none. */
size_t plain_utf8_char(struct slice s, uint32_t *code);

bool plain_utf8_is_valid(struct slice s);

/* Appends s with each maximal start of a character that does not go on as one U+FFFD. */
void plain_utf8_repair(struct slice s, struct buffer *out);

#endif
