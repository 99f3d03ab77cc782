/* How the parts of the query's parser say what is wrong. */
#ifndef CONSUMER_QUERY_FAULT_H
#define CONSUMER_QUERY_FAULT_H

#include "consumer/query.h"

/* Fills err; returns false, so that a check can end with it. code is a literal. */
bool query_fault(struct query_error *err, const char *code, const char *parameter,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Bytes of text to quote in a message: at most 40, cut between characters. For "%.*s". */
int query_fault_len(struct slice text);

#endif
