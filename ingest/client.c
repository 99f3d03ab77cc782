#include "ingest/client.h"

#include "common/text.h"
#include "common/utf8.h"
#include "ingest/client_entry.h"
#include "ingest/header_params.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

enum { IPV4_AT = 12, IPV4_KEPT_BITS = 96 + 24, IPV6_KEPT_BITS = 48 };

struct network {
    uint8_t bytes[16];
    unsigned bits;
};

struct client_proxies {
    size_t count;
    struct network networks[];
};

static bool is_ipv4(const uint8_t bytes[16])
{
    static const uint8_t prefix[IPV4_AT] = {[10] = 0xff, [11] = 0xff};
    return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

/* Zeroes what stands behind the first `bits` bits. */
static void mask(uint8_t bytes[16], unsigned bits)
{
    for (unsigned i = bits / 8; i < 16; i++) {
        unsigned kept = i == bits / 8 ? bits % 8 : 0;
        bytes[i] = (uint8_t)(bytes[i] & ~(0xffU >> kept));
    }
}

static bool network_parse(struct slice text, struct network *out)
{
    struct slice host = header_up_to(text, '/');
    struct client_address address;
    if (!client_address_parse(host, &address)) {
        return false;
    }
    /* An IPv4 network stands behind the 96 bits that all mapped addresses share. */
    bool is_short = memchr(host.data, ':', host.len) == NULL;
    uint64_t most = is_short ? 32 : 128, bits = most;
    if (host.len < text.len &&
        !text_parse_uint(slice_make(host.data + host.len + 1, text.len - host.len - 1), most,
                         &bits)) {
        return false;
    }
    memcpy(out->bytes, address.bytes, sizeof(out->bytes));
    out->bits = (unsigned)bits + (is_short ? 96 : 0);
    mask(out->bytes, out->bits);
    return true;
}

static bool network_holds(const struct network *n, const struct client_address *a)
{
    uint8_t bytes[16];
    memcpy(bytes, a->bytes, sizeof(bytes));
    mask(bytes, n->bits);
    return memcmp(bytes, n->bytes, sizeof(bytes)) == 0;
}

static bool is_trusted(const struct client_proxies *p, const struct client_address *a)
{
    for (size_t i = 0; i < p->count; i++) {
        if (network_holds(&p->networks[i], a)) {
            return true;
        }
    }
    return false;
}

int client_proxies_parse(struct client_proxies **out, const char *list, struct error *err)
{
    static const char separators[] = ", \t";
    size_t most = strlen(list) / 2 + 1;
    struct client_proxies *p = calloc(1, sizeof(*p) + most * sizeof(p->networks[0]));
    if (p == NULL) {
        return -ENOMEM;
    }
    for (const char *at = list + strspn(list, separators); *at != '\0';) {
        struct slice entry = slice_make(at, strcspn(at, separators));
        if (!network_parse(entry, &p->networks[p->count++])) {
            error_set(err, "'%.*s' is neither an address nor a network such as 192.0.2.0/24",
                      (int)(entry.len < 64 ? entry.len : 64), entry.data);
            client_proxies_free(p);
            return -EINVAL;
        }
        at += entry.len;
        at += strspn(at, separators);
    }
    *out = p;
    return 0;
}

void client_proxies_free(struct client_proxies *p)
{
    free(p);
}

static struct client_address address_of(const struct sockaddr *peer)
{
    struct client_address a = {.known = true, .bytes = {[10] = 0xff, [11] = 0xff}};
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof(in));
        memcpy(a.bytes + IPV4_AT, &in.sin_addr, sizeof(in.sin_addr));
    } else if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, peer, sizeof(in));
        memcpy(a.bytes, &in.sin6_addr, sizeof(a.bytes));
    } else {
        a.known = false;
    }
    return a;
}

/* A list of proxies being walked from its end. */
struct walk {
    const struct client_proxies *proxies;
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
        if (!is_trusted(w->proxies, &address)) {
            return true;
        }
    }
    return false;
}

struct client_address client_address_find(const struct client_proxies *p,
                                          const struct sockaddr *peer,
                                          const struct http_request *req)
{
    bool is_forwarded = req->known[HTTP_HEADER_X_FORWARDED_FOR].data == NULL;
    const char *name = is_forwarded ? "forwarded" : "x-forwarded-for";
    struct walk w = {.proxies = p, .is_forwarded = is_forwarded, .client = address_of(peer)};
    if (!w.client.known || !is_trusted(p, &w.client)) {
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
                                 char out[CLIENT_ADDRESS_TEXT_SIZE])
{
    if (!a->known || keep == CLIENT_IP_NONE) {
        return slice_make(NULL, 0);
    }
    uint8_t bytes[16];
    bool is_short = is_ipv4(a->bytes);
    memcpy(bytes, a->bytes, sizeof(bytes));
    if (keep == CLIENT_IP_TRUNCATED) {
        mask(bytes, is_short ? IPV4_KEPT_BITS : IPV6_KEPT_BITS);
    }
    /* Cannot fail: out is as long as the longest text. */
    return slice_of(inet_ntop(is_short ? AF_INET : AF_INET6, bytes + (is_short ? IPV4_AT : 0), out,
                              CLIENT_ADDRESS_TEXT_SIZE));
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
