/*
 * HTTP/1.1 requests line by line, over bytes that are all there; what common/http_parser.h is held
 * against. The rules are those of common/contract/README.md, "How strict HTTP is". For tests.
 */
#ifndef TESTS_FUZZ_PLAIN_HTTP_H
#define TESTS_FUZZ_PLAIN_HTTP_H

#include "common/buffer.h"
#include "common/http_parser.h"

enum plain_http { PLAIN_HTTP_GOOD, PLAIN_HTTP_BAD, PLAIN_HTTP_CUT /* its end is not there */ };

/*
 * Reads the head that bytes start with into *out (members as http_parse_head() fills them, but
 * body) and *used. Nothing is written unless it is GOOD.
 */
enum plain_http plain_http_head(struct slice bytes, const struct http_limits *limits,
                                struct http_request *out, size_t *used);

/* Appends the body of the chunks that bytes start with to body; *used is where they are over. */
enum plain_http plain_http_chunks(struct slice bytes, const struct http_limits *limits,
                                  struct buffer *body, size_t *used);

#endif
