/*
 * Replies of an HTTP/1.1 server, by RFC 9112, strictly: what is not wholly right is none. It shares
 * no code with the server. For tests.
 */
#ifndef TESTS_FUZZ_PLAIN_REPLY_H
#define TESTS_FUZZ_PLAIN_REPLY_H

#include "common/slice.h"

struct plain_reply {
    int status;
    struct slice head; /* from the status line to the empty line */
    struct slice type; /* Content-Type, or absent */
    struct slice body;
    bool closes;
};

/*
 * Takes the next reply off *rest; no_body says that it answers HEAD. False when there is none, or
 * when it is not whole or not right.
 */
bool plain_reply_take(struct slice *rest, bool no_body, struct plain_reply *out);

/* Are they the same but for Date and Connection? */
bool plain_reply_is_same(const struct plain_reply *a, const struct plain_reply *b);

#endif
