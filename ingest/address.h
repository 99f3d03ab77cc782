/* IP addresses and lists of networks. Pure; any thread. */
#ifndef INGEST_ADDRESS_H
#define INGEST_ADDRESS_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* An address in 16 bytes; IPv4 as ::ffff:a.b.c.d, so that both spellings of one are the same. */
struct client_address {
    uint8_t bytes[16];
    bool known; /* false: the peer has no IP address */
};

/* Reads an IPv4 or IPv6 address, nothing else around it. *out is written on success only. */
bool address_parse(struct slice text, struct client_address *out);

struct client_address address_of(const struct sockaddr *peer);
bool address_is_ipv4(const struct client_address *a);

/* Zeroes what stands behind the first bits of 128; those of an IPv4 address begin at the 97th. */
void address_mask(struct client_address *a, unsigned bits);

/* The address as text in out: 192.0.2.7 or 2001:db8::1. */
enum { ADDRESS_TEXT_SIZE = 46 };
struct slice address_write(const struct client_address *a, char out[ADDRESS_TEXT_SIZE]);

struct network_list;

/*
 * Parses addresses and networks (192.0.2.0/24, 2001:db8::/32), separated by commas and white space;
 * "" is none. Returns 0, -ENOMEM, or -EINVAL with a sentence naming the entry.
 */
int network_list_parse(struct network_list **out, const char *list, struct error *err);
void network_list_free(struct network_list *l);
size_t network_list_count(const struct network_list *l);

/* Whether one of them holds the address. An address that is not known is held by none. */
bool network_list_holds(const struct network_list *l, const struct client_address *a);

#endif
