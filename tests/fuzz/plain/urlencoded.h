/* The WHATWG urlencoded parser word by word; what common/params.h is held against. For tests. */
#ifndef TESTS_FUZZ_PLAIN_URLENCODED_H
#define TESTS_FUZZ_PLAIN_URLENCODED_H

#include "common/buffer.h"
#include "common/slice.h"

/*
 * Takes the next pair that has a name off *rest, decoded into name and value. False at the end.
 */
bool plain_urlencoded_next(struct slice *rest, struct buffer *name, struct buffer *value);

#endif
