/*
 * Lines of a header that tells addresses: the first byte chooses which, each line of the rest is
 * one of it. Who is found is whom a plain walk finds, where quotes leave no doubt; and whatever a
 * client writes, the entry that a trusted proxy puts behind it is the one believed.
 */
#include "ingest/client.h"
#include "ingest/client_entry.h"
#include "tests/fuzz/fuzz.h"

#include <netinet/in.h>
#include <regex.h>
#include <strings.h>

#define PROXIES "0.0.0.0,10.0.0.0/8"
#define GROUPS 4

static const struct {
    enum http_header_name known;
    const char *name, *appended;
} headers[] = {
    {HTTP_HEADER_X_FORWARDED_FOR, "X-Forwarded-For", ",2001:db8::77, 10.0.0.1"},
    {HTTP_HEADER_FORWARDED, "Forwarded", ", for=\"[2001:db8::77]:1\";proto=https"},
};

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = fuzz_after(s, 1);
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* An address with what may stand around it: the forms one by one. */
static bool plain_node(struct slice s, struct client_address *out)
{
    static const char *const forms[] = {
        "^([0-9.]+)(:([0-9]{1,5}|_[!#$%&'*+.^_`|~0-9A-Za-z-]+))?$",
        "^\\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\\](:([0-9]{1,5}|_[!#$%&'*+.^_`|~0-9A-Za-z-]+))?$",
        "^([0-9A-Fa-f.]*:[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*)()()$"};
    static regex_t patterns[3];
    static bool are_made;
    for (size_t i = 0; !are_made && i < 3; i++) {
        require(regcomp(&patterns[i], forms[i], REG_EXTENDED) == 0);
    }
    are_made = true;
    if (s.len >= 2 && s.data[0] == '"' && s.data[s.len - 1] == '"') {
        s = trim(slice_make(s.data + 1, s.len - 2));
    }
    char *text = fuzz_text(s);
    regmatch_t at[GROUPS];
    bool is_good = false;
    for (size_t i = 0; i < 3 && !is_good && strlen(text) == s.len; i++) {
        is_good = regexec(&patterns[i], text, GROUPS, at, 0) == 0;
        is_good =
            is_good && (at[3].rm_so < 0 || strtol(text + at[3].rm_so, NULL, 10) <= 65535) &&
            address_parse(slice_make(text + at[1].rm_so, (size_t)(at[1].rm_eo - at[1].rm_so)), out);
    }
    free(text);
    return is_good;
}

/* The value of for= among the pairs of an entry, as it stands. */
static bool plain_for(struct slice entry, struct slice *node)
{
    while (entry.len > 0) {
        struct slice right = fuzz_take(&entry, ';'), left = trim(fuzz_take(&right, '='));
        bool has_equals = right.data != left.data + left.len && right.data[-1] == '=';
        if (has_equals && left.len == 3 && strncasecmp(left.data, "for", 3) == 0) {
            *node = trim(right);
            if (node->len >= 2 && node->data[0] == '"' && node->data[node->len - 1] == '"') {
                *node = slice_make(node->data + 1, node->len - 2);
            }
            return true;
        }
    }
    return false;
}

/* From the front: the last address that is no proxy, and if all are the first of them. */
static void plain_line(const struct network_list *p, bool is_forwarded, struct slice line,
                       struct client_address *found, bool *is_over)
{
    struct client_address first = {.known = false}, last = {.known = false}, a;
    while (line.len > 0) {
        struct slice node = trim(fuzz_take(&line, ','));
        if ((is_forwarded && !plain_for(node, &node)) || !plain_node(node, &a)) {
            continue;
        }
        first = first.known ? first : a;
        last = network_list_holds(p, &a) ? last : a;
    }
    if (!*is_over && first.known) {
        *found = last.known ? last : first;
        *is_over = last.known;
    }
}

enum { LINES_MAX = 8 };

static size_t take_lines(struct slice rest, size_t which, struct http_request *req)
{
    size_t count = 0;
    memset(req->known, 0, sizeof req->known);
    while (count < LINES_MAX && rest.len > 0) {
        struct slice value = trim(fuzz_take(&rest, '\n'));
        req->headers[count++] =
            (struct http_header){.name = slice_of(headers[which].name), .value = value};
        req->known[headers[which].known] = value;
    }
    req->header_count = count;
    return count;
}

static struct client_address find(const struct network_list *p, const struct http_request *req)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    return client_address_find(p, (const struct sockaddr *)&peer, req);
}

/* Without quotes there is one way to take lines apart. */
static void check_plain(const struct network_list *p, size_t which, const struct http_request *req)
{
    struct client_address found = {.known = true, .bytes = {[10] = 0xff, [11] = 0xff}};
    bool is_over = false;
    for (size_t i = req->header_count; i > 0; i--) {
        struct slice value = req->headers[i - 1].value;
        if (value.len > 0 && memchr(value.data, '"', value.len) != NULL) {
            return;
        }
        plain_line(p, which == 1, value, &found, &is_over);
    }
    struct client_address a = find(p, req);
    require(memcmp(a.bytes, found.bytes, sizeof a.bytes) == 0);
}

static void check_appended(const struct network_list *p, size_t which, struct http_request *req)
{
    char text[ADDRESS_TEXT_SIZE];
    struct http_header *last = &req->headers[req->header_count - 1];
    size_t len = last->value.len, more = strlen(headers[which].appended);
    char *line = malloc(len + more);
    require(line != NULL);
    memcpy(line, last->value.data, len);
    memcpy(line + len, headers[which].appended, more);
    last->value = req->known[headers[which].known] = slice_make(line, len + more);
    struct client_address a = find(p, req);
    require(slice_is(client_address_text(&a, CLIENT_IP_FULL, text), "2001:db8::77"));
    require(slice_is(client_address_text(&a, CLIENT_IP_TRUNCATED, text), "2001:db8::"));
    free(line);
}

static void check_node(struct slice s)
{
    struct client_address ours = {.known = false}, plain = {.known = false};
    bool is_good = client_entry_parse(s, &ours);
    require(is_good == plain_node(s, &plain));
    require(!is_good || memcmp(&ours, &plain, sizeof ours) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request req;
    struct network_list *p;
    if (size == 0) {
        return 0;
    }
    size_t which = data[0] % 2;
    require(network_list_parse(&p, PROXIES, NULL) == 0);
    struct slice lines = slice_make((const char *)data + 1, size - 1);
    check_node(trim(lines));
    if (take_lines(lines, which, &req) > 0) {
        check_plain(p, which, &req);
        check_appended(p, which, &req);
    }
    network_list_free(p);
    return 0;
}
