/*
 * The page at the consumer's /: files that stand in the program. They hold no numbers, so anyone
 * who reaches the port may have them; the numbers are the API's, and need its token. Pure.
 */
#ifndef CONSUMER_PAGE_H
#define CONSUMER_PAGE_H

#include "common/buffer.h"
#include "common/http_server.h"

struct page_file;

/* The file at a path; NULL when there is none. */
const struct page_file *page_find(struct slice path);

/*
 * Makes the reply to a request for f: gzipped for who takes that (RFC 9110, section 12.5.3), 304
 * without a body for who has it (section 13.1.2). Its header lines stand in headers, which is
 * overwritten and must live until the reply is sent.
 */
struct http_reply page_reply(const struct page_file *f, const struct http_request *req,
                             struct buffer *headers);

#endif
