/* What kind of body a POST has. Pure; any thread. */
#ifndef INGEST_BODY_H
#define INGEST_BODY_H

#include "ingest/fields.h"

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

#endif
