#include "consumer/page.h"

#include "common/http_text.h"
#include "consumer/page_files.h"

#include <string.h>

/* The page asks its own origin only, and nobody may frame it. */
static const char policy[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-cache\r\n"
    "Vary: Accept-Encoding\r\n";

const struct page_file *page_find(struct slice path)
{
    for (size_t i = 0; i < page_file_count; i++) {
        if (slice_is(path, page_files[i].path)) {
            return &page_files[i];
        }
    }
    return NULL;
}

/* Whether a parameter of a coding says that it is not wanted: q=0, q=0.0, q=0.00, q=0.000. */
static bool is_zero(struct slice parameters)
{
    size_t at = 0;
    while (at < parameters.len && strchr("; \t", parameters.data[at]) != NULL) {
        at++;
    }
    struct slice q = slice_make(parameters.data + at, parameters.len - at);
    if (q.len < 3 || (q.data[0] | 0x20) != 'q' || q.data[1] != '=') {
        return false;
    }
    for (size_t i = 2; i < q.len; i++) {
        if (q.data[i] != '0' && q.data[i] != '.') {
            return false;
        }
    }
    return true;
}

/* What an item of Accept-Encoding says of gzip: -1 = nothing, 0 = not wanted, 1 = wanted. */
static int says_of_gzip(struct slice item)
{
    size_t len = 0;
    while (len < item.len && strchr("; \t", item.data[len]) == NULL) {
        len++;
    }
    struct slice coding = slice_make(item.data, len);
    if (!http_is_word(coding, "gzip") && !http_is_word(coding, "x-gzip")) {
        return -1;
    }
    return is_zero(slice_make(item.data + len, item.len - len)) ? 0 : 1;
}

static bool takes_gzip(const struct http_request *req)
{
    for (size_t i = 0; i < req->header_count; i++) {
        struct slice list = req->headers[i].value, item;
        if (!http_is_word(req->headers[i].name, "accept-encoding")) {
            continue;
        }
        while (http_next_item(&list, &item)) {
            int says = says_of_gzip(item);
            if (says >= 0) {
                return says == 1;
            }
        }
    }
    return false;
}

/* Weak comparison: the gzipped bytes are the same page. */
static bool has_it(const struct http_request *req, const char *digest)
{
    for (size_t i = 0; i < req->header_count; i++) {
        struct slice list = req->headers[i].value, item;
        if (!http_is_word(req->headers[i].name, "if-none-match")) {
            continue;
        }
        while (http_next_item(&list, &item)) {
            size_t skip = item.len > 2 && memcmp(item.data, "W/", 2) == 0 ? 2 : 0;
            struct slice tag = slice_make(item.data + skip, item.len - skip);
            bool same =
                tag.len == strlen(digest) + 2 && memcmp(tag.data + 1, digest, strlen(digest)) == 0;
            if (same || slice_is(tag, "*")) {
                return true;
            }
        }
    }
    return false;
}

struct http_reply page_reply(const struct page_file *f, const struct http_request *req,
                             struct buffer *headers)
{
    bool is_gzip = takes_gzip(req);
    struct http_reply reply = {.status = 200, .content_type = f->content_type};
    buffer_reset(headers);
    buffer_append_text(headers, policy);
    buffer_append_format(headers, "ETag: W/\"%s\"\r\n", f->digest);
    if (has_it(req, f->digest)) {
        reply.status = 304;
        reply.content_type = NULL;
    } else if (is_gzip) {
        buffer_append_text(headers, "Content-Encoding: gzip\r\n");
        reply.body = slice_make((const char *)f->gzip, f->gzip_len);
    } else {
        reply.body = slice_make((const char *)f->plain, f->plain_len);
    }
    reply.headers = buffer_slice(headers);
    return reply;
}
