/*
 * What a record says of itself as a CloudEvent: the context attributes of CloudEvents 1.0 as
 * headers, its value being the data ("binary content mode" of the Kafka protocol binding 1.0.2,
 * section 3.2). The header content-type, which stands on every record, is datacontenttype. Pure.
 */
#ifndef INGEST_CLOUDEVENTS_H
#define INGEST_CLOUDEVENTS_H

#include "common/event.h"

enum {
    CLOUDEVENTS_COUNT_MAX = 5,
    CLOUDEVENTS_SOURCE_SIZE = 96, /* a site's key has 64 bytes at most */
    CLOUDEVENTS_TIME_SIZE = 32
};

struct cloudevents_header {
    const char *name, *value;
};

/* Not to be moved: the headers point into it. */
struct cloudevents {
    char
        id[EVENT_ID_SIZE]; /* that of the event: a record that comes again is the same CloudEvent */
    char source[CLOUDEVENTS_SOURCE_SIZE]; /* urn:playreport:site:KEY */
    char time[CLOUDEVENTS_TIME_SIZE];     /* ts, as RFC 3339 in UTC */
    struct cloudevents_header headers[CLOUDEVENTS_COUNT_MAX];
};

/* Reads value, an encoded event. Returns how many headers there are: 0 for what is none. */
size_t cloudevents_of(struct slice value, struct cloudevents *out);

#endif
