/* Addresses with what proxies write around them. Pure; any thread. */
#ifndef INGEST_CLIENT_ENTRY_H
#define INGEST_CLIENT_ENTRY_H

#include "ingest/address.h"

/*
 * Reads an entry of X-Forwarded-For or a node of Forwarded: an address, IPv6 also in brackets, with
 * a port or not, in quotes or not. Everything else (unknown, _hidden, a port past 65535) is false.
 */
bool client_entry_parse(struct slice text, struct client_address *out);

/*
 * Takes the last entry, trimmed, off a comma-separated list; commas in quotes do not part. Read
 * from its end, a list is what the nearest proxy says it is, whatever a client put at its start.
 * Returns false when the list is over.
 */
bool client_entry_last(struct slice *list, struct slice *entry);

#endif
