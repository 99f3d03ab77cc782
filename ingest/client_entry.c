#include "ingest/client_entry.h"

#include "common/http_text.h"
#include "common/text.h"

/* A port, or the name that Forwarded lets stand for one. */
static bool is_port(struct slice text)
{
    uint64_t number;
    if (text.len > 1 && text.data[0] == '_') {
        for (size_t i = 1; i < text.len; i++) {
            if (!http_is_token_byte(text.data[i])) {
                return false;
            }
        }
        return true;
    }
    return text.len <= 5 && text_parse_uint(text, UINT16_MAX, &number);
}

/* What stands behind an address: nothing, or a colon and a port. */
static bool is_port_or_nothing(struct slice text)
{
    return text.len == 0 ||
           (text.data[0] == ':' && is_port(slice_make(text.data + 1, text.len - 1)));
}

static bool parse_bracketed(struct slice text, struct client_address *out)
{
    const char *end = memchr(text.data, ']', text.len);
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - text.data) - 1;
    struct slice inside = slice_make(text.data + 1, len);
    struct slice behind = slice_make(end + 1, text.len - len - 2);
    return inside.len > 0 && memchr(inside.data, ':', inside.len) != NULL &&
           is_port_or_nothing(behind) && address_parse(inside, out);
}

bool client_entry_parse(struct slice text, struct client_address *out)
{
    if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"') {
        text = http_trim(slice_make(text.data + 1, text.len - 2));
    }
    if (text.len == 0) {
        return false;
    }
    if (text.data[0] == '[') {
        return parse_bracketed(text, out);
    }
    const char *colon = memchr(text.data, ':', text.len);
    size_t len = colon == NULL ? text.len : (size_t)(colon - text.data);
    struct slice behind = slice_make(text.data + len, text.len - len);
    bool is_ipv6 = behind.len > 1 && memchr(behind.data + 1, ':', behind.len - 1) != NULL;
    if (is_ipv6) {
        return address_parse(text, out);
    }
    return is_port_or_nothing(behind) && address_parse(slice_make(text.data, len), out);
}

bool client_entry_last(struct slice *list, struct slice *entry)
{
    bool is_quoted = false;
    if (list->data == NULL) {
        return false;
    }
    size_t at = list->len;
    for (; at > 0 && (is_quoted || list->data[at - 1] != ','); at--) {
        bool is_escaped = at > 1 && list->data[at - 2] == '\\';
        if (list->data[at - 1] == '"' && !is_escaped) {
            is_quoted = !is_quoted;
        }
    }
    *entry = http_trim(slice_make(list->data + at, list->len - at));
    *list = at == 0 ? slice_make(NULL, 0) : slice_make(list->data, at - 1);
    return true;
}
