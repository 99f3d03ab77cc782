#include "consumer/referer.h"

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static char lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && is_space(s.data[0])) {
        s = slice_make(s.data + 1, s.len - 1);
    }
    while (s.len > 0 && is_space(s.data[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* How many bytes stand before the first of two; len if there is none. */
static size_t length_before(struct slice s, char first, char second)
{
    size_t at = 0;
    while (at < s.len && s.data[at] != first && s.data[at] != second) {
        at++;
    }
    return at;
}

static bool starts_with(struct slice s, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len && i < s.len; i++) {
        if (lower(s.data[i]) != text[i]) {
            return false;
        }
    }
    return s.len >= len;
}

static void append_lower(struct buffer *b, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        buffer_append_char(b, lower(s.data[i]));
    }
}

/* Without user info, which ends at the last @. */
static struct slice without_user(struct slice authority)
{
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.data[i - 1] == '@') {
            return slice_make(authority.data + i, authority.len - i);
        }
    }
    return authority;
}

/* How long the host is: without a port, if what stands behind the last colon is one. */
static size_t host_length(struct slice authority)
{
    size_t len = authority.len, at = len;
    while (at > 0 && authority.data[at - 1] >= '0' && authority.data[at - 1] <= '9') {
        at--;
    }
    if (at > 0 && authority.data[at - 1] == ':') {
        len = at - 1;
    }
    while (len > 0 && authority.data[len - 1] == '.') {
        len--;
    }
    return len;
}

bool referer_page(struct slice referer, struct buffer *url, struct slice *domain)
{
    struct slice rest = trim(referer);
    const char *scheme = starts_with(rest, "https://")  ? "https://"
                         : starts_with(rest, "http://") ? "http://"
                                                        : NULL;
    buffer_reset(url);
    if (scheme == NULL) {
        return false;
    }
    size_t start = strlen(scheme);
    rest = slice_make(rest.data + start, rest.len - start);
    rest.len = length_before(rest, '#', '#');
    size_t cut = length_before(rest, '/', '?');
    struct slice path = slice_make(rest.data + cut, rest.len - cut);
    struct slice authority = without_user(slice_make(rest.data, cut));
    size_t host_len = host_length(authority);
    buffer_append_text(url, scheme);
    append_lower(url, authority);
    if (path.len == 0 || path.data[0] != '/') {
        buffer_append_char(url, '/');
    }
    buffer_append_slice(url, path);
    if (host_len == 0 || buffer_failed(url)) {
        return false;
    }
    *domain = slice_make(url->data + start, host_len);
    return true;
}
