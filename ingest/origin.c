#include "ingest/origin.h"

#include "common/http_text.h"
#include "common/text.h"
#include "ingest/address.h"

enum { HOST_MAX = 253, PORT_MAX = 65535, PORT_HTTP = 80, PORT_HTTPS = 443 };

struct parts {
    struct slice scheme, host; /* host: an IPv6 address in its brackets */
    struct slice port;         /* absent when there is none */
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The text up to the first such byte; all of it when there is none. */
static struct slice up_to(struct slice text, char byte)
{
    const char *end = text.len == 0 ? NULL : memchr(text.data, byte, text.len);
    return end == NULL ? text : slice_make(text.data, (size_t)(end - text.data));
}

static struct slice behind(struct slice text, size_t len)
{
    return slice_make(text.data + len, text.len - len);
}

static bool split(struct slice text, struct parts *out)
{
    const char *mark = memmem(text.data, text.len, "://", 3);
    if (mark == NULL) {
        return false;
    }
    *out = (struct parts){.scheme = slice_make(text.data, (size_t)(mark - text.data))};
    struct slice rest = behind(text, out->scheme.len + 3);
    bool is_bracketed = rest.len > 0 && rest.data[0] == '[';
    out->host = up_to(rest, is_bracketed ? ']' : ':');
    out->host.len += is_bracketed && out->host.len < rest.len; /* the bracket too */
    rest = behind(rest, out->host.len);
    if (rest.len > 0 && rest.data[0] != ':') {
        return false;
    }
    out->port = rest.len > 0 ? behind(rest, 1) : slice_make(NULL, 0);
    return true;
}

static bool is_scheme(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!is_alpha(c) && (i == 0 || (!is_digit(c) && c != '+' && c != '-' && c != '.'))) {
            return false;
        }
    }
    return text.len > 0;
}

/* A name between dots. International ones are ASCII in a serialisation: xn--... */
static bool is_label(struct slice text, bool *is_number)
{
    *is_number = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_') {
            return false;
        }
        *is_number = *is_number && is_digit(c);
    }
    return text.len > 0;
}

/* As browsers have it, a host whose last name is a number is an IPv4 address. */
static bool is_name_or_ipv4(struct slice host)
{
    bool is_number = false;
    struct slice rest = host;
    for (;;) {
        struct slice label = up_to(rest, '.');
        if (!is_label(label, &is_number)) {
            return false;
        }
        if (label.len == rest.len) {
            break;
        }
        rest = behind(rest, label.len + 1);
    }
    struct client_address address;
    return host.len <= HOST_MAX && (!is_number || address_parse(host, &address));
}

/* An IPv4 address in an IPv6 one is refused: browsers write it otherwise than our library. */
static bool append_ipv6(struct buffer *out, struct slice host)
{
    struct client_address address;
    char text[ADDRESS_TEXT_SIZE];
    if (host.len < 2 || host.data[host.len - 1] != ']' ||
        memchr(host.data, ':', host.len) == NULL ||
        !address_parse(slice_make(host.data + 1, host.len - 2), &address) ||
        address_is_ipv4(&address)) {
        return false;
    }
    buffer_append_char(out, '[');
    buffer_append_slice(out, address_write(&address, text));
    buffer_append_char(out, ']');
    return true;
}

static void append_lower(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        buffer_append_char(out, (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c));
    }
}

static bool append_host(struct buffer *out, struct slice host)
{
    if (host.len > 0 && host.data[0] == '[') {
        return append_ipv6(out, host);
    }
    append_lower(out, host);
    return is_name_or_ipv4(host);
}

static bool append_port(struct buffer *out, const struct parts *p)
{
    uint64_t port = 0;
    if (p->port.data == NULL) {
        return true;
    }
    if (!text_parse_uint(p->port, PORT_MAX, &port) || port == 0) {
        return false;
    }
    if (port != (http_is_word(p->scheme, "https")  ? PORT_HTTPS
                 : http_is_word(p->scheme, "http") ? PORT_HTTP
                                                   : 0)) {
        buffer_append_char(out, ':');
        buffer_append_uint(out, port);
    }
    return true;
}

bool origin_serialise(struct buffer *out, struct slice text)
{
    struct parts p;
    if (!split(text, &p) || !is_scheme(p.scheme)) {
        return false;
    }
    append_lower(out, p.scheme);
    buffer_append_text(out, "://");
    return append_host(out, p.host) && append_port(out, &p);
}
