/* What kind of body a POST has. Pure; any thread. */
#ifndef INGEST_BODY_H
#define INGEST_BODY_H

#include "ingest/fields.h"

enum { BODY_BOUNDARY_MAX = 70 }; /* RFC 2046 */

enum body_kind {
    BODY_FORM,       /* read it with fields_from_query() */
    BODY_JSON,       /* read it with report_json_read() */
    BODY_MULTIPART,  /* read it with body_multipart_fields() */
    BODY_UNSUPPORTED /* answer 415 */
};

/*
 * Decides by the media type (its case and parameters do not matter); text/plain and an absent or
 * empty type are JSON when the body starts with { or [ after white space, else a form. Multipart
 * needs a boundary. Whether it is BODY_UNSUPPORTED does not depend on the body.
 */
enum body_kind body_kind_of(struct slice content_type, struct slice body);

/*
 * Reads the plain fields of a multipart/form-data body. scratch has params_scratch_size(body.len)
 * bytes or more and lives as long as *out. Returns false (answer 415) for a file part, a missing
 * boundary or a body that is not put together as RFC 7578 says.
 */
bool body_multipart_fields(struct fields *out, struct slice content_type, struct slice body,
                           char *scratch, size_t size);

/* The plain fields one by one, each in the order it came. */
struct body_parts {
    struct slice rest;
    char delimiter[4 + BODY_BOUNDARY_MAX]; /* CR LF - - boundary */
    size_t delimiter_len;
    char *scratch;
    size_t scratch_left;
    bool is_broken; /* body_multipart_fields() would say false */
};

/* As body_multipart_fields() has it; names and values live as long as body and scratch. */
void body_parts_start(struct body_parts *p, struct slice content_type, struct slice body,
                      char *scratch, size_t size);

/* Gives the next field; both are valid UTF-8. False at the end, or where the body is broken. */
bool body_parts_next(struct body_parts *p, struct slice *name, struct slice *value);

#endif
