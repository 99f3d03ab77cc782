/*
 * A strict HTTP/1.1 request parser (RFC 9110, RFC 9112) over bytes in memory: no allocation, no
 * I/O, no state but what it is given. What is refused and what is served:
 * common/contract/README.md, "How strict HTTP is". Any thread.
 */
#ifndef COMMON_HTTP_PARSER_H
#define COMMON_HTTP_PARSER_H

#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_HEADERS_MAX = 100 };

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_OPTIONS,
    HTTP_OTHER_METHOD /* a valid token that we serve nothing for */
};

/*
 * The headers that are looked up; each is the first line of that name, trimmed, or absent. But of
 * X-Forwarded-For and Forwarded it is the last line, the one the nearest proxy wrote: whoever walks
 * them from the right goes on with the lines before it in `headers`, from the last to the first.
 */
enum http_header_name {
    HTTP_HEADER_ACCEPT,
    HTTP_HEADER_AUTHORIZATION,
    HTTP_HEADER_CONTENT_ENCODING,
    HTTP_HEADER_CONTENT_TYPE,
    HTTP_HEADER_DNT,
    HTTP_HEADER_FORWARDED,
    HTTP_HEADER_HOST,
    HTTP_HEADER_ORIGIN,
    HTTP_HEADER_REFERER,
    HTTP_HEADER_SEC_GPC,
    HTTP_HEADER_USER_AGENT,
    HTTP_HEADER_X_FORWARDED_FOR,
    HTTP_HEADER_COUNT
};

struct http_header {
    struct slice name, value; /* value without the white space around it */
};

/* A request. Slices point into the bytes it was parsed from; body is the caller's to set. */
struct http_request {
    enum http_method method;
    struct slice method_name;
    struct slice target; /* as sent */
    struct slice path;   /* not decoded; "/" for an absolute form without one; "*" for OPTIONS *;
                            the target itself for CONNECT */
    struct slice query;  /* after the first '?', without fragment; absent when there is no '?' */
    struct slice host;   /* of an absolute-form target, else of the Host line; may be empty */
    int minor;           /* HTTP/1.minor, 0 or 1 (1.2 to 1.9 count as 1) */
    bool keep_alive;
    bool chunked;
    bool expect_continue;
    bool has_length;
    uint64_t content_length;
    struct slice known[HTTP_HEADER_COUNT];
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct slice body; /* decoded from chunks; absent when none was sent */
};

struct http_limits {
    size_t request_line_max; /* bytes without the line's end; past it 414 */
    size_t head_max;         /* bytes of the header block, line ends included; past it 431 */
    size_t header_count_max; /* at most HTTP_HEADERS_MAX; past it 431 */
    uint64_t body_max;       /* bytes; past it 413 */
};

/*
 * Splits what stands behind scheme and host into the path ("/" when it is empty) and the query
 * (absent when there is no '?'). A fragment is dropped.
 */
void http_split_target(struct slice target, struct slice *path, struct slice *query);

enum http_parse_result { HTTP_PARSE_DONE, HTTP_PARSE_MORE, HTTP_PARSE_REJECT };

/*
 * Parses one head from the start of bytes. DONE: *out is whole (but body) and *used says how many
 * bytes the head took, empty lines before it included. MORE: the head does not end in bytes.
 * REJECT: *status is the HTTP status to answer before closing (400, 414, 417, 431, 505). A
 * Content-Length past body_max is no reject here: the caller compares. Unless DONE
 * *out is scratch, but for known[]: it holds the lines that are whole before the end or the fault.
 */
enum http_parse_result http_parse_head(struct slice bytes, const struct http_limits *limits,
                                       struct http_request *out, size_t *used, int *status);

/* Where a chunked body stands; zeroed at its start. */
struct http_chunks {
    unsigned state;
    uint64_t left;  /* bytes left of the chunk */
    uint64_t total; /* body bytes so far */
    size_t line;    /* bytes of the size's digits or of the trailer's name being read */
    size_t framing; /* bytes of extensions and trailers so far; past head_max 431 */
};

/*
 * Takes the next bytes of a chunked body, in pieces of any size. Gives the next run of body bytes
 * in *data (may be empty) and what was used of bytes in *used. MORE: call again with the rest, or
 * with what comes. DONE: the body and its trailers are over at *used. REJECT as above (400, 413,
 * 431).
 */
enum http_parse_result http_parse_chunks(struct http_chunks *c, struct slice bytes,
                                         const struct http_limits *limits, struct slice *data,
                                         size_t *used, int *status);

#endif
