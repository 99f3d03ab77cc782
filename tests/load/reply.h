/* Replies out of the bytes of a connection, and whether they say ok. Pure; any thread. */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include "common/buffer.h"
#include "tests/load/request.h"

enum reply_result {
    REPLY_WHOLE,
    REPLY_NEED_MORE,
    REPLY_BROKEN /* no HTTP that can be understood: nothing after it can be either */
};

struct reply {
    int status;
    bool closes; /* the server will close the connection */
    size_t len;  /* of head and body together */
    struct slice body;
};

/*
 * Reads the reply that bytes start with; interim ones (1xx) are passed over. A chunked body is put
 * together in `joined`, whose bytes the reply's body then points to; else it points into bytes.
 */
enum reply_result reply_parse(struct slice bytes, struct buffer *joined, struct reply *out);

/* Status 200 and a body that says ok in the form asked for. */
bool reply_is_ok(const struct reply *r, const struct reply_wanted *wanted);

#endif
