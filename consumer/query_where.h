/* The filters of a query: site==a;source!=embed,share;photo_id==7. Part of consumer/query.h. */
#ifndef CONSUMER_QUERY_WHERE_H
#define CONSUMER_QUERY_WHERE_H

#include "consumer/query.h"

/*
 * Adds the terms of where to q: terms are parted by ';' (all must hold), values by ',' (any of
 * them, or none of them after !=); a backslash takes the next character as it is. Returns false and
 * fills err.
 */
bool query_where_parse(struct slice where, struct query *q, struct query_error *err);

#endif
