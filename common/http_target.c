#include "common/http_head.h"
#include "common/http_text.h"

#include <strings.h>

bool http_host_is_valid(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!http_is_host_byte(host.data[i])) {
            return false;
        }
    }
    return true;
}

/* text up to the first of the byte, or all of it. */
static struct slice before(struct slice text, char byte)
{
    const char *found = text.len == 0 ? NULL : memchr(text.data, byte, text.len);
    return slice_make(text.data, found == NULL ? text.len : (size_t)(found - text.data));
}

void http_split_target(struct slice target, struct slice *path, struct slice *query)
{
    struct slice rest = before(target, '#');
    *path = before(rest, '?');
    *query = (struct slice){NULL, 0};
    if (path->len < rest.len) {
        *query = slice_make(rest.data + path->len + 1, rest.len - path->len - 1);
    }
    if (path->len == 0) {
        *path = slice_of("/");
    }
}

static size_t scheme_len(struct slice target)
{
    if (target.len >= 7 && strncasecmp(target.data, "http://", 7) == 0) {
        return 7;
    }
    if (target.len >= 8 && strncasecmp(target.data, "https://", 8) == 0) {
        return 8;
    }
    return 0;
}

static enum http_parse_result split_absolute(struct http_head *h, size_t scheme)
{
    struct http_request *req = h->req;
    struct slice rest = slice_make(req->target.data + scheme, req->target.len - scheme);
    struct slice host = before(before(before(rest, '#'), '?'), '/');
    if (host.len == 0 || !http_host_is_valid(host)) {
        return http_head_reject(h, 400);
    }
    req->host = host;
    http_split_target(slice_make(rest.data + host.len, rest.len - host.len), &req->path,
                      &req->query);
    return HTTP_PARSE_DONE;
}

enum http_parse_result http_target_split(struct http_head *h)
{
    struct http_request *req = h->req;
    if (req->target.data[0] == '/') {
        http_split_target(req->target, &req->path, &req->query);
        return HTTP_PARSE_DONE;
    }
    size_t scheme = scheme_len(req->target);
    if (scheme > 0) {
        return split_absolute(h, scheme);
    }
    bool is_asterisk = req->method == HTTP_OPTIONS && slice_is(req->target, "*");
    if (!is_asterisk && !slice_is(req->method_name, "CONNECT")) {
        return http_head_reject(h, 400);
    }
    req->path = req->target;
    return HTTP_PARSE_DONE;
}
