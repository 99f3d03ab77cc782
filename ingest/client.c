#include "ingest/client.h"

#include "common/header_params.h"
#include "common/text.h"
#include "common/utf8.h"
#include "ingest/client_entry.h"

#include <errno.h>
#include <stdlib.h>

enum { IPV4_KEPT_BITS = 96 + 24, IPV6_KEPT_BITS = 48 };

/* A list of proxies being walked from its end. */
struct walk {
    const struct network_list *proxies;
    bool is_forwarded;            /* entries are those of Forwarded */
    struct client_address client; /* the farthest address so far that a trusted proxy vouches for */
};

/* Walks one line. Returns true when client is none of the proxies: nothing further is believed. */
static bool walk_line(struct walk *w, struct slice line)
{
    struct slice entry, node;
    struct client_address address;
    while (client_entry_last(&line, &entry)) {
        node = entry;
        if (w->is_forwarded && !header_parameter(entry, "for", &node)) {
            continue;
        }
        if (!client_entry_parse(node, &address)) {
            continue;
        }
        w->client = address;
        if (!network_list_holds(w->proxies, &address)) {
            return true;
        }
    }
    return false;
}

struct client_address client_address_find(const struct network_list *p, const struct sockaddr *peer,
                                          const struct http_request *req)
{
    bool is_forwarded = req->known[HTTP_HEADER_X_FORWARDED_FOR].data == NULL;
    const char *name = is_forwarded ? "forwarded" : "x-forwarded-for";
    struct walk w = {.proxies = p, .is_forwarded = is_forwarded, .client = address_of(peer)};
    if (!w.client.known || !network_list_holds(p, &w.client)) {
        return w.client;
    }
    for (size_t i = req->header_count; i > 0; i--) {
        const struct http_header *h = &req->headers[i - 1];
        if (header_is_word(h->name, name) && walk_line(&w, h->value)) {
            break;
        }
    }
    return w.client;
}

struct slice client_address_text(const struct client_address *a, enum client_ip keep,
                                 char out[ADDRESS_TEXT_SIZE])
{
    if (!a->known || keep == CLIENT_IP_NONE) {
        return slice_make(NULL, 0);
    }
    struct client_address kept = *a;
    if (keep == CLIENT_IP_TRUNCATED) {
        address_mask(&kept, address_is_ipv4(a) ? IPV4_KEPT_BITS : IPV6_KEPT_BITS);
    }
    return address_write(&kept, out);
}

struct slice client_user_agent(struct slice header, enum client_agent keep,
                               char scratch[CLIENT_AGENT_SCRATCH])
{
    if (header.len == 0 || keep == CLIENT_AGENT_NONE) {
        return slice_make(NULL, 0);
    }
    /* A character cut here starts at or past the limit, also when repair made what precedes longer.
     */
    struct slice start = header;
    if (start.len > CLIENT_AGENT_MAX + 3) {
        start.len = CLIENT_AGENT_MAX + 3;
    }
    if (!utf8_is_valid(start)) {
        start = slice_make(scratch, utf8_repair(start, scratch));
    }
    return utf8_cut(start, CLIENT_AGENT_MAX);
}
