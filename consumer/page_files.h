/* The files of the page, as the build has put them into the program. */
#ifndef CONSUMER_PAGE_FILES_H
#define CONSUMER_PAGE_FILES_H

#include <stddef.h>

struct page_file {
    const char *path, *content_type;
    const char *digest; /* of the plain bytes; for ETag */
    const unsigned char *plain;
    size_t plain_len;
    const unsigned char *gzip; /* the same, compressed (RFC 1952) */
    size_t gzip_len;
};

extern const struct page_file page_files[];
extern const size_t page_file_count;

#endif
