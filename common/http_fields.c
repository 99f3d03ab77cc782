#include "common/http_head.h"
#include "common/http_text.h"

/* What a field does besides standing in `headers`: one of enum http_header_name, or one of these.
 */
enum {
    FIELD_CONNECTION = HTTP_HEADER_COUNT,
    FIELD_CONTENT_LENGTH,
    FIELD_EXPECT,
    FIELD_TRANSFER_ENCODING,
    FIELD_NONE
};

enum { FIELD_NAME_MAX = 17 };

struct field {
    const char *name;
    int id;
};

/* By the length of the name, so that most names are passed over without a comparison. */
static const struct field FIELDS[FIELD_NAME_MAX + 1][3] = {
    [3] = {{"dnt", HTTP_HEADER_DNT}},
    [4] = {{"host", HTTP_HEADER_HOST}},
    [6] = {{"accept", HTTP_HEADER_ACCEPT},
           {"origin", HTTP_HEADER_ORIGIN},
           {"expect", FIELD_EXPECT}},
    [7] = {{"referer", HTTP_HEADER_REFERER}, {"sec-gpc", HTTP_HEADER_SEC_GPC}},
    [9] = {{"forwarded", HTTP_HEADER_FORWARDED}},
    [10] = {{"user-agent", HTTP_HEADER_USER_AGENT}, {"connection", FIELD_CONNECTION}},
    [12] = {{"content-type", HTTP_HEADER_CONTENT_TYPE}},
    [13] = {{"authorization", HTTP_HEADER_AUTHORIZATION}},
    [14] = {{"content-length", FIELD_CONTENT_LENGTH}},
    [15] = {{"x-forwarded-for", HTTP_HEADER_X_FORWARDED_FOR}},
    [16] = {{"content-encoding", HTTP_HEADER_CONTENT_ENCODING}},
    [17] = {{"transfer-encoding", FIELD_TRANSFER_ENCODING}},
};

static int field_id(struct slice name)
{
    if (name.len > FIELD_NAME_MAX) {
        return FIELD_NONE;
    }
    const struct field *same_len = FIELDS[name.len];
    for (size_t i = 0; i < 3 && same_len[i].name != NULL; i++) {
        if (http_is_word(name, same_len[i].name)) {
            return same_len[i].id;
        }
    }
    return FIELD_NONE;
}

static enum http_parse_result take_length(struct http_head *h, struct slice value)
{
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';
        if (digit > 9 || length > ((uint64_t)INT64_MAX - digit) / 10) {
            return http_head_reject(h, 400);
        }
        length = length * 10 + digit;
    }
    if (value.len == 0 || (h->req->has_length && h->req->content_length != length)) {
        return http_head_reject(h, 400);
    }
    h->req->has_length = true;
    h->req->content_length = length;
    return HTTP_PARSE_DONE;
}

static enum http_parse_result take_coding(struct http_head *h, struct slice value)
{
    if (h->has_coding || !http_is_word(value, "chunked")) {
        return http_head_reject(h, 400);
    }
    h->has_coding = true;
    h->req->chunked = true;
    return HTTP_PARSE_DONE;
}

static void take_connection(struct http_head *h, struct slice list)
{
    struct slice item;
    while (http_next_item(&list, &item)) {
        h->says_close = h->says_close || http_is_word(item, "close");
        h->says_keep_alive = h->says_keep_alive || http_is_word(item, "keep-alive");
    }
}

static void take_expect(struct http_head *h, struct slice value)
{
    if (http_is_word(value, "100-continue")) {
        h->req->expect_continue = true;
    } else {
        h->expects_other = true;
    }
}

static enum http_parse_result take_known(struct http_head *h, int id, struct slice value)
{
    bool last_counts = id == HTTP_HEADER_FORWARDED || id == HTTP_HEADER_X_FORWARDED_FOR;
    if (id == HTTP_HEADER_HOST) {
        h->host_count++;
        if (h->host_count > 1 || !http_host_is_valid(value)) {
            return http_head_reject(h, 400);
        }
    }
    if (last_counts || h->req->known[id].data == NULL) {
        h->req->known[id] = value;
    }
    return HTTP_PARSE_DONE;
}

enum http_parse_result http_field_take(struct http_head *h, struct slice name, struct slice value)
{
    int id = field_id(name);
    switch (id) {
    case FIELD_NONE:
        return HTTP_PARSE_DONE;
    case FIELD_CONTENT_LENGTH:
        return take_length(h, value);
    case FIELD_TRANSFER_ENCODING:
        return take_coding(h, value);
    case FIELD_CONNECTION:
        take_connection(h, value);
        return HTTP_PARSE_DONE;
    case FIELD_EXPECT:
        take_expect(h, value);
        return HTTP_PARSE_DONE;
    default:
        return take_known(h, id, value);
    }
}

enum http_parse_result http_fields_finish(struct http_head *h)
{
    struct http_request *req = h->req;
    if (req->minor == 1 && h->host_count == 0) {
        return http_head_reject(h, 400);
    }
    /* Both, or chunks of a client whose proxies may not know them: where the body ends is a guess.
     */
    if (req->chunked && (req->has_length || req->minor == 0)) {
        return http_head_reject(h, 400);
    }
    if (h->expects_other) {
        return http_head_reject(h, 417);
    }
    if (req->minor == 0) {
        req->expect_continue = false; /* a 1.0 client does not know of interim answers */
    }
    req->keep_alive = !h->says_close && (req->minor == 1 || h->says_keep_alive);
    if (req->host.data == NULL) {
        req->host = req->known[HTTP_HEADER_HOST];
    }
    return HTTP_PARSE_DONE;
}
