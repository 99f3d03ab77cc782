#include "ingest/address.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { IPV4_AT = 12 };

static const uint8_t mapped_prefix[IPV4_AT] = {[10] = 0xff, [11] = 0xff};

struct network {
    struct client_address base;
    unsigned bits;
};

struct network_list {
    size_t count;
    struct network networks[];
};

bool address_parse(struct slice text, struct client_address *out)
{
    char copy[INET6_ADDRSTRLEN];
    struct client_address a = {.known = true};
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    memcpy(a.bytes, mapped_prefix, sizeof(mapped_prefix));
    if (inet_pton(AF_INET, copy, a.bytes + IPV4_AT) != 1 &&
        inet_pton(AF_INET6, copy, a.bytes) != 1) {
        return false;
    }
    *out = a;
    return true;
}

struct client_address address_of(const struct sockaddr *peer)
{
    struct client_address a = {.known = true};
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof(in));
        memcpy(a.bytes, mapped_prefix, sizeof(mapped_prefix));
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

bool address_is_ipv4(const struct client_address *a)
{
    return memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

void address_mask(struct client_address *a, unsigned bits)
{
    for (unsigned i = bits / 8; i < sizeof(a->bytes); i++) {
        unsigned kept = i == bits / 8 ? bits % 8 : 0;
        a->bytes[i] = (uint8_t)(a->bytes[i] & ~(0xffU >> kept));
    }
}

struct slice address_write(const struct client_address *a, char out[ADDRESS_TEXT_SIZE])
{
    bool is_short = address_is_ipv4(a);
    /* Cannot fail: out is as long as the longest text. */
    return slice_of(inet_ntop(is_short ? AF_INET : AF_INET6, a->bytes + (is_short ? IPV4_AT : 0),
                              out, ADDRESS_TEXT_SIZE));
}

static bool network_parse(struct slice text, struct network *out)
{
    const char *slash = memchr(text.data, '/', text.len);
    struct slice host =
        slice_make(text.data, slash == NULL ? text.len : (size_t)(slash - text.data));
    if (!address_parse(host, &out->base)) {
        return false;
    }
    /* An IPv4 network stands behind the 96 bits that all mapped addresses share. */
    bool is_short = memchr(host.data, ':', host.len) == NULL;
    uint64_t most = is_short ? 32 : 128;
    uint64_t bits = most;
    if (slash != NULL &&
        !text_parse_uint(slice_make(slash + 1, text.len - host.len - 1), most, &bits)) {
        return false;
    }
    out->bits = (unsigned)bits + (is_short ? 96 : 0);
    address_mask(&out->base, out->bits);
    return true;
}

int network_list_parse(struct network_list **out, const char *list, struct error *err)
{
    static const char separators[] = ", \t\r\n";
    size_t most = strlen(list) / 2 + 1;
    struct network_list *l = calloc(1, sizeof(*l) + most * sizeof(l->networks[0]));
    if (l == NULL) {
        return -ENOMEM;
    }
    for (const char *at = list + strspn(list, separators); *at != '\0';) {
        struct slice entry = slice_make(at, strcspn(at, separators));
        if (!network_parse(entry, &l->networks[l->count++])) {
            error_set(err, "'%.*s' is neither an address nor a network such as 192.0.2.0/24",
                      (int)(entry.len < 64 ? entry.len : 64), entry.data);
            network_list_free(l);
            return -EINVAL;
        }
        at += entry.len;
        at += strspn(at, separators);
    }
    *out = l;
    return 0;
}

void network_list_free(struct network_list *l)
{
    free(l);
}

size_t network_list_count(const struct network_list *l)
{
    return l->count;
}

static bool network_holds(const struct network *n, const struct client_address *a)
{
    struct client_address base = *a;
    address_mask(&base, n->bits);
    return memcmp(base.bytes, n->base.bytes, sizeof(base.bytes)) == 0;
}

bool network_list_holds(const struct network_list *l, const struct client_address *a)
{
    for (size_t i = 0; a->known && i < l->count; i++) {
        if (network_holds(&l->networks[i], a)) {
            return true;
        }
    }
    return false;
}
