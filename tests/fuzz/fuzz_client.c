/* Whatever a client writes, the entry that a trusted proxy puts behind it is the one believed. */
#include "ingest/client.h"

#include <netinet/in.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX = 4096 };

static void find(const struct network_list *p, enum http_header_name known, const char *name,
                 struct slice value, char text[ADDRESS_TEXT_SIZE])
{
    static struct http_request req;
    struct sockaddr_in peer = {.sin_family = AF_INET};
    req.known[HTTP_HEADER_X_FORWARDED_FOR] = slice_make(NULL, 0);
    req.known[known] = value;
    req.headers[0] = (struct http_header){.name = slice_of(name), .value = value};
    req.header_count = 1;
    struct client_address a = client_address_find(p, (const struct sockaddr *)&peer, &req);
    if (client_address_text(&a, CLIENT_IP_FULL, text).data == NULL) {
        abort();
    }
}

/* The client's bytes alone, then with what the proxy appends. */
static void check(enum http_header_name known, const char *name, struct slice sent,
                  const char *appended)
{
    static char line[LINE_MAX + 64];
    char text[ADDRESS_TEXT_SIZE];
    struct network_list *p;
    if (network_list_parse(&p, "0.0.0.0,10.0.0.0/8", NULL) != 0) {
        return;
    }
    find(p, known, name, sent, text);
    memcpy(line, sent.data, sent.len);
    memcpy(line + sent.len, appended, strlen(appended));
    find(p, known, name, slice_make(line, sent.len + strlen(appended)), text);
    if (strcmp(text, "2001:db8::77") != 0) {
        abort();
    }
    network_list_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice sent = slice_make((const char *)data, size < LINE_MAX ? size : LINE_MAX);
    if (size == 0) {
        return 0;
    }
    check(HTTP_HEADER_X_FORWARDED_FOR, "X-Forwarded-For", sent, ",2001:db8::77, 10.0.0.1");
    check(HTTP_HEADER_FORWARDED, "Forwarded", sent, ", for=\"[2001:db8::77]:1\";proto=https");
    return 0;
}
