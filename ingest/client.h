/* Who sent a report, and how much of that is kept. */
#ifndef INGEST_CLIENT_H
#define INGEST_CLIENT_H

#include "common/http_parser.h"
#include "ingest/address.h"

#include <stdint.h>

/*
 * The client's address: the peer, unless it is one of p, the proxies that are believed; then the
 * last entry of X-Forwarded-For (all lines of it; only when there is none, of Forwarded) that is
 * none of p, or the first when all are. Entries that are no address are passed over. Any thread.
 *
 * A proxy must write one of the two headers itself; if that is Forwarded, it must drop what clients
 * send as X-Forwarded-For.
 */
struct client_address client_address_find(const struct network_list *p, const struct sockaddr *peer,
                                          const struct http_request *req);

/* How much of an address is kept, in the order of the choices "full|truncated|none". */
enum client_ip { CLIENT_IP_FULL, CLIENT_IP_TRUNCATED, CLIENT_IP_NONE };

/*
 * The address as text in out: 192.0.2.7 or 2001:db8::1; truncated 192.0.2.0 (/24) or 2001:db8:1::
 * (/48). Absent for CLIENT_IP_NONE and for an unknown one.
 */
struct slice client_address_text(const struct client_address *a, enum client_ip keep,
                                 char out[ADDRESS_TEXT_SIZE]);

/* How much of a user agent is kept, in the order of the choices "full|none". */
enum client_agent { CLIENT_AGENT_FULL, CLIENT_AGENT_NONE };

/*
 * The user agent for the event: valid UTF-8, cut at 512 bytes on a character; absent when there is
 * none or it is not kept. Points into header or scratch.
 */
enum { CLIENT_AGENT_MAX = 512, CLIENT_AGENT_SCRATCH = 3 * (CLIENT_AGENT_MAX + 3) };
struct slice client_user_agent(struct slice header, enum client_agent keep,
                               char scratch[CLIENT_AGENT_SCRATCH]);

/* Makes viewers out of addresses. One thread at a time: each worker has its own. */
struct client_hasher;

/* secret is the installation's, the same for all its workers. Returns 0 or -ENOMEM. */
enum { CLIENT_SECRET_SIZE = 32 };
int client_hasher_new(struct client_hasher **out, const uint8_t secret[CLIENT_SECRET_SIZE]);
void client_hasher_free(struct client_hasher *h);

/* The version of the OpenSSL that runs, as it names itself. */
const char *client_hasher_library(void);

/*
 * Writes the viewer, 32 hex characters without NUL: HMAC-SHA256 of address (whole), user agent (its
 * first 512 bytes) and site key under the key of the UTC day that ts_ms falls on. Returns a slice
 * over out, absent when the address is not known. Not to be called with CLIENT_IP_NONE.
 */
enum { CLIENT_VIEWER_LEN = 32 };
struct client_visit {
    struct client_address address;
    struct slice user_agent, site;
    uint64_t ts_ms;
};
struct slice client_viewer(struct client_hasher *h, const struct client_visit *visit,
                           char out[CLIENT_VIEWER_LEN]);

#endif
