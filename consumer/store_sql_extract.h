/* The SQL of the extract methods. Part of consumer/store_sql.h; pure. */
#ifndef CONSUMER_STORE_SQL_EXTRACT_H
#define CONSUMER_STORE_SQL_EXTRACT_H

#include "consumer/store_extract.h"
#include "consumer/store_sql.h"

/* The columns of the statement, as struct store_extract_row has them. */
enum store_sql_extract_column {
    STORE_EXTRACT_TOTAL,
    STORE_EXTRACT_PLACE, /* null: there is no row */
    STORE_EXTRACT_KEY,
    STORE_EXTRACT_NAME,
    STORE_EXTRACT_URL,
    STORE_EXTRACT_FIRST_MEASURE, /* downloads, and those behind it */
    STORE_EXTRACT_EVENT = STORE_EXTRACT_FIRST_MEASURE + 8,
    STORE_EXTRACT_EVENT_COUNT
};

/* At most so many sites can be asked for at once. */
enum { STORE_EXTRACT_SITES_MAX = 64 };

/* Makes the SELECT. Returns 0 or -ENOMEM. */
int store_sql_extract(struct store_sql *sql, const struct store_extract *e);

/* Makes one SELECT of point and sum(change) of playthrough. Returns 0 or -ENOMEM. */
int store_sql_extract_points(struct store_sql *sql, const struct store_extract *e);

#endif
