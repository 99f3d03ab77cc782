/* Where the parsing of one request head stands; for the parser's own files. */
#ifndef COMMON_HTTP_HEAD_H
#define COMMON_HTTP_HEAD_H

#include "common/http_parser.h"

struct http_head {
    const char *at, *end; /* what is left of the bytes */
    const struct http_limits *limits;
    struct http_request *req;
    int status; /* of a reject */
    unsigned host_count;
    bool has_coding, says_close, says_keep_alive, expects_other;
};

/* In these files DONE says: go on. */
static inline enum http_parse_result http_head_reject(struct http_head *h, int status)
{
    h->status = status;
    return HTTP_PARSE_REJECT;
}

/* Splits the target of the request line into host, path and query. */
enum http_parse_result http_target_split(struct http_head *h);

/* Notes what a header line says; value is trimmed. */
enum http_parse_result http_field_take(struct http_head *h, struct slice name, struct slice value);

/* Judges the fields together once the head is over. */
enum http_parse_result http_fields_finish(struct http_head *h);

/* May host stand in a Host line? The empty one may. */
bool http_host_is_valid(struct slice host);

#endif
