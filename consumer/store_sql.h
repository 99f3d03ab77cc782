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

/* What rows of totals and of events are added up from, as they name it. */
enum store_sql_measure {
    STORE_SQL_REPORTS,
    STORE_SQL_EVENTS,
    STORE_SQL_LOADS,
    STORE_SQL_PLAYS,
    STORE_SQL_PLAYS_DERIVED,
    STORE_SQL_ENGAGEMENT_MS,
    STORE_SQL_SHARE_PPM,
    STORE_SQL_KNOWN,
    STORE_SQL_FINISHES,
    STORE_SQL_DOWNLOADS,
    STORE_SQL_DOWNLOADED_BYTES,
    STORE_SQL_UNCOUNTED_REPORTS,
    STORE_SQL_MEASURE_COUNT
};

/* The columns of the table parts: the dimensions, as enum query_field counts them, and the
 * measures. */
enum { STORE_SQL_PART_COUNT = QUERY_REPORTS + STORE_SQL_MEASURE_COUNT };

/*
 * The statement; in the caller's storage, freed with store_sql_fini(). Where parts is not empty,
 * text reads a table of that name, which the engine provides: the rows of the SELECT in parts,
 * those with the same keys added up, be it all of them or some.
 */
struct store_sql {
    struct buffer text;
    struct buffer parts;                  /* gives the keys first */
    size_t part_keys, part_sums;          /* columns that it gives */
    int8_t part_of[STORE_SQL_PART_COUNT]; /* which of them is this one; -1 = none */
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

/* The name of a column of parts. */
const char *store_sql_part_name(size_t column);

/* An empty statement. */
void store_sql_init(struct store_sql *sql);

/* Makes one SELECT of point and sum(change) of playthrough over the range and the filters of q,
 * which goes by days. Else as above. */
int store_sql_playthrough(struct store_sql *sql, const struct query *q);
void store_sql_fini(struct store_sql *sql);

#endif
