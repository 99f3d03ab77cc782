/* The origins of web pages, as text (RFC 6454). Pure; any thread. */
#ifndef INGEST_ORIGIN_H
#define INGEST_ORIGIN_H

#include "common/buffer.h"

/*
 * Appends the serialisation (6.2) of an origin that a person wrote as scheme://host or
 * scheme://host:port: scheme and host in lower case, no port that is the scheme's default, an IPv6
 * address in its shortest form. That is what browsers send in Origin, so bytes compare. Returns
 * false when text is no origin ("null" is none, nor what has a path); out may hold a part then.
 */
bool origin_serialise(struct buffer *out, struct slice text);

#endif
