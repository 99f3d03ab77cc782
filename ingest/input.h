/*
 * What a request says: from its query string or its body, whichever form that has, to fields. No
 * I/O; each reader belongs to one thread.
 */
#ifndef INGEST_INPUT_H
#define INGEST_INPUT_H

#include "common/http_parser.h"
#include "ingest/fields.h"

struct input_reader;
struct report_json;

/* body_max: bytes of a body once decoded. Returns NULL when memory runs out. */
struct input_reader *input_reader_new(size_t body_max);
void input_reader_free(struct input_reader *r);

struct input {
    struct fields fields;     /* until the next input_read(), or the request's end */
    struct report_json *json; /* the memory behind the fields of a JSON body */
    struct slice body;        /* without its coding; lives as the fields do */
    struct slice encoded; /* of those, the parameters of a query or form (params.h); or absent */
};

/*
 * Fills *out; on POST the query string does not count (api-contract.md). Returns 0, or the HTTP
 * status to answer with: 400 a coded body that does not decode, 413 one that decodes to more than
 * body_max, 415 a media type, coding or file part that is not taken, 503 no memory.
 */
int input_read(struct input_reader *r, const struct http_request *req, struct input *out);

/*
 * Judges a head before its body is there: 0, or the 415 that input_read() would give whatever comes
 * as the body.
 */
int input_foresee(const struct http_request *req);

/* Frees what a read has made; also after a failed one. */
void input_release(struct input *in);

/* A line for the body of an answer with such a status. */
const char *input_status_text(int status);

#endif
