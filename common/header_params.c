#include "common/header_params.h"

#include "common/http_text.h"

#include <strings.h>

struct slice header_up_to(struct slice s, char end)
{
    const char *found = s.len == 0 ? NULL : memchr(s.data, end, s.len);
    return found == NULL ? s : slice_make(s.data, (size_t)(found - s.data));
}

bool header_is_word(struct slice text, const char *word)
{
    return text.len == strlen(word) &&
           (text.len == 0 || strncasecmp(text.data, word, text.len) == 0);
}

/* Takes the next item off the pairs, whole with its quotes. False when a quote is left open. */
static bool next_item(struct slice *pairs, struct slice *item)
{
    bool is_quoted = false;
    size_t at = 0;
    for (; at < pairs->len && (is_quoted || pairs->data[at] != ';'); at++) {
        if (pairs->data[at] == '"') {
            is_quoted = !is_quoted;
        } else if (is_quoted && pairs->data[at] == '\\') {
            at++;
        }
    }
    if (is_quoted || at > pairs->len) {
        return false;
    }
    size_t used = at < pairs->len ? at + 1 : at;
    *item = slice_make(pairs->data, at);
    *pairs = slice_make(pairs->data + used, pairs->len - used);
    return true;
}

static struct slice unquote(struct slice s)
{
    if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
        return slice_make(s.data + 1, s.len - 2);
    }
    return s;
}

bool header_parameter(struct slice pairs, const char *name, struct slice *value)
{
    struct slice item;
    while (pairs.len > 0 && next_item(&pairs, &item)) {
        struct slice left = header_up_to(item, '=');
        if (left.len < item.len && header_is_word(http_trim(left), name)) {
            struct slice right = slice_make(item.data + left.len + 1, item.len - left.len - 1);
            *value = unquote(http_trim(right));
            return true;
        }
    }
    return false;
}
