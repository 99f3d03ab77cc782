/*
 * What a request says: from its query string or its body, whichever form that has, to fields. No
 * I/O; each reader belongs to one thread.
 */
#ifndef INGEST_INPUT_H
#define INGEST_INPUT_H

#include "common/http_parser.h"
#include "common/params.h"
#include "ingest/body.h"

struct input_reader;
struct report_json;

/* body_max: bytes of a body once decoded. Returns NULL when memory runs out. */
struct input_reader *input_reader_new(size_t body_max);
void input_reader_free(struct input_reader *r);

/* Gives back what unusually large bodies have cost. What was read must have been released. */
void input_reader_shrink(struct input_reader *r);

struct input {
    struct fields fields; /* until the next input_read(), input_start(), or the request's end */
    enum body_kind kind;
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
 * Fills *out from the query of a target that stands within a request: a GET without a body. Does
 * not touch what input_read() gave; its fields live until the next call. Returns 0 or 503.
 */
int input_read_query(struct input_reader *r, struct slice query, struct input *out);

/* The parameters of a request one by one, of whichever form; of JSON those that are strings. */
struct input_cursor {
    const struct input *in;
    struct params_cursor params;
    struct body_parts parts;
    void *member;
};

/*
 * Starts on what input_read() gave for req. The fields of *in die; what the cursor gives lives as
 * they would have.
 */
void input_start(struct input_reader *r, const struct http_request *req, const struct input *in,
                 struct input_cursor *c);

/* Gives the next, decoded; the name may be empty. False at the end. */
bool input_next(struct input_cursor *c, struct slice *name, struct slice *value);

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
