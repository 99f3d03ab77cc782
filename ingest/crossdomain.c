#include "ingest/crossdomain.h"

#include <stddef.h>

#define POLICY(inside)                                                                             \
    "<?xml version=\"1.0\"?>\n"                                                                    \
    "<!DOCTYPE cross-domain-policy SYSTEM "                                                        \
    "\"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n"                                 \
    "<cross-domain-policy>" inside "</cross-domain-policy>\n"

const char crossdomain_type[] = "text/x-cross-domain-policy";

static const char root[] = POLICY("<site-control permitted-cross-domain-policies=\"all\"/>");

/* secure="false": a page over HTTP may report over HTTPS. */
static const char open_to_all[] =
    POLICY("<allow-access-from domain=\"*\" secure=\"false\"/>"
           "<allow-http-request-headers-from domain=\"*\" headers=\"*\" secure=\"false\"/>");

const char *crossdomain_policy(struct slice path)
{
    if (slice_is(path, "/crossdomain.xml")) {
        return root;
    }
    if (slice_is(path, "/api/crossdomain.xml") ||
        slice_is(path, "/api/analytics/crossdomain.xml")) {
        return open_to_all;
    }
    return NULL;
}
