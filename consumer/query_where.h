/* The filters of a query: site==a;source!=embed,share;photo_id==7;source=^em. Part of
 * consumer/query.h. */
#ifndef CONSUMER_QUERY_WHERE_H
#define CONSUMER_QUERY_WHERE_H

#include "common/buffer.h"
#include "consumer/query.h"

/*
 * Adds the terms of where to q: terms are parted by ';' (all must hold), values by ',' (any of
 * them, none of them after !=, a beginning with any of them after =^); a backslash takes the next
 * character as it is. Returns false and fills err.
 */
bool query_where_parse(struct slice where, struct query *q, struct query_error *err);

/* Appends text as a value that where takes for it, whatever is in it. */
void query_where_escape(struct buffer *where, struct slice text);

#endif
