/* Content-Encoding of request bodies, by zlib. Pure; each inflater belongs to one thread. */
#ifndef INGEST_INFLATE_H
#define INGEST_INFLATE_H

#include "common/buffer.h"
#include "common/slice.h"

struct inflater;

enum inflate_coding {
    INFLATE_IDENTITY, /* the body is as it is */
    INFLATE_GZIP,     /* RFC 1952; several members are one body */
    INFLATE_DEFLATE,  /* RFC 1950; also RFC 1951 alone, as some senders understand the name */
    INFLATE_UNKNOWN   /* answer 415; so is a list of codings */
};

enum inflate_result {
    INFLATE_OK,
    INFLATE_DAMAGED,   /* cut short, wrong checksum, bytes behind the end */
    INFLATE_TOO_LARGE, /* more than max bytes come out */
    INFLATE_NO_MEMORY
};

/* What a Content-Encoding header names (RFC 9110, 8.4.1); absent or empty is identity. */
enum inflate_coding inflate_coding_of(struct slice content_encoding);

/* Returns NULL when memory runs out. It holds some 40 KiB once it was used. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *i);

/*
 * Decodes body, coded in gzip or deflate, into out, which is reset first and never grows past max
 * bytes: a bomb costs what max costs. On a failure out holds nothing of use.
 */
enum inflate_result inflate_body(struct inflater *i, enum inflate_coding coding, struct slice body,
                                 size_t max, struct buffer *out);

/* The version of the zlib that runs, as it names itself. */
const char *inflate_library(void);

#endif
