/* The bytes and words that an HTTP head is made of; for the parser's own files. Pure. */
#ifndef COMMON_HTTP_TEXT_H
#define COMMON_HTTP_TEXT_H

#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>

extern const unsigned char http_byte_class[256];

static inline bool http_is_token_byte(char c)
{
    return (http_byte_class[(unsigned char)c] & 1U) != 0;
}

static inline bool http_is_host_byte(char c)
{
    return (http_byte_class[(unsigned char)c] & 2U) != 0;
}

/* The first byte from at that is less than `least` (at most 128) or DEL; end when there is none. */
const char *http_skip_text(const char *at, const char *end, unsigned least);

/* Is text the word, whatever its case? lower is in lower case. */
bool http_is_word(struct slice text, const char *lower);

/* text without the spaces and tabs around it. */
struct slice http_trim(struct slice text);

/* Takes the next item, trimmed, off a comma-separated list. Returns false when it is over. */
bool http_next_item(struct slice *list, struct slice *item);

#endif
