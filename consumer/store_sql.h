/* The SQL of a query: text out of fixed words, values apart. Pure; the same for every engine. */
#ifndef CONSUMER_STORE_SQL_H
#define CONSUMER_STORE_SQL_H

#include "common/buffer.h"
#include "consumer/query.h"

enum { STORE_SQL_VALUES_MAX = 3 * QUERY_VALUES_MAX + 2 * QUERY_COLUMNS_MAX + 16 };

/* A value for the parameter ?1, ?2, ...; number unless there is text. */
struct store_sql_value {
    struct slice text; /* in the query */
    int64_t number;
};

/* The statement; in the caller's storage, freed with store_sql_fini(). */
struct store_sql {
    struct buffer text;
    struct store_sql_value values[STORE_SQL_VALUES_MAX];
    size_t value_count;
};

/*
 * Makes one SELECT whose columns are those of q, in the order q wants. It calls what the engine
 * provides: first_day(site) and end_day(site) when q goes by days and begins or ends at a time of
 * day, zone_day(quarter) and zone_hour(quarter) in q's zone, the aggregate count_viewers(sketch).
 * Returns 0 or -ENOMEM.
 */
int store_sql_make(struct store_sql *sql, const struct query *q);

/* Makes one SELECT of point and sum(change) of playthrough over the range and the filters of q,
 * which goes by days. Else as above. */
int store_sql_playthrough(struct store_sql *sql, const struct query *q);
void store_sql_fini(struct store_sql *sql);

#endif
