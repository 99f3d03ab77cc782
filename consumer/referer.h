/* The embedding page that a referer names. Pure. */
#ifndef CONSUMER_REFERER_H
#define CONSUMER_REFERER_H

#include "common/buffer.h"

/*
 * Writes the page's URL to *url, which is emptied first: scheme and host in lower case, without
 * user and fragment (RFC 3986, section 3). *domain is the host in it, without port and final dots;
 * it lives as long as *url is left alone. Returns false for what is no http or https URL with a
 * host, or when memory runs out (buffer_failed()).
 */
bool referer_page(struct slice referer, struct buffer *url, struct slice *domain);

#endif
