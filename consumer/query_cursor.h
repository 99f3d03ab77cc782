/*
 * Where a page ended, as text that a client sends back for the next one: the last row's values in
 * the columns that order, and the range as it was on the first page. Part of consumer/query.h;
 * pure.
 */
#ifndef CONSUMER_QUERY_CURSOR_H
#define CONSUMER_QUERY_CURSOR_H

#include "common/buffer.h"
#include "consumer/query.h"

/* Appends the cursor that goes on behind the row of cells: letters, digits, '~' and '-'. */
void query_cursor_write(struct buffer *out, const struct query *q, const struct query_cell *cells);

/* Takes a cursor: q goes on behind that row, in that range. q has its orders and its question. */
bool query_cursor_read(struct query *q, struct slice text, struct query_error *err);

#endif
