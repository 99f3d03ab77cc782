/* The part of a query's SQL that adds up the rows of the tables by the dimensions. Part of
 * consumer/store_sql.h; pure. */
#ifndef CONSUMER_STORE_SQL_GROUPS_H
#define CONSUMER_STORE_SQL_GROUPS_H

#include "consumer/store_sql.h"

/* Appends before and ?n for a new number. */
void store_sql_number(struct store_sql *sql, const char *before, int64_t number);

/* Appends ?n for a new value: text, or number where that is absent. */
void store_sql_value(struct store_sql *sql, struct slice text, int64_t number);

/* Appends a SELECT whose columns are named as q's; strings are the integers they are kept as. */
void store_sql_groups(struct store_sql *sql, const struct query *q);

#endif
