/*
 * A question to the store, parsed and checked: GET /v1/report and the report command ask alike.
 * Pure; any thread.
 *
 *     dimensions=photo_id,source&metrics=events,loads&where=source==embed,share;event!=load;photo_id=^12
 *     &from=-7d&to=now&tz=Europe/Copenhagen&sort=-events,photo_id&limit=20&cursor=...
 *     &bots=include&internal=include&format=csv
 */
#ifndef CONSUMER_QUERY_H
#define CONSUMER_QUERY_H

#include "common/slice.h"
#include "consumer/query_field.h"
#include "consumer/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_COLUMNS_MAX = 24,    /* dimensions and metrics */
    QUERY_FILTERS_MAX = 16,    /* terms of where */
    QUERY_VALUES_MAX = 64,     /* values of all terms */
    QUERY_TEXT_MAX = 4096,     /* bytes of all values */
    QUERY_ZONE_MAX = 64,       /* bytes of the name of a time zone, with its NUL */
    QUERY_LIMIT_MAX = 1000000, /* rows */
    QUERY_LIMIT_DEFAULT = 1000
};

enum query_format { QUERY_JSON, QUERY_CSV, QUERY_NDJSON, QUERY_TABLE };

/* One end of the range. */
struct query_edge {
    enum { QUERY_EDGE_OPEN, QUERY_EDGE_DATE, QUERY_EDGE_TIME } kind;
    int32_t date; /* QUERY_EDGE_DATE: days since 1970-01-01 */
    int64_t ms;   /* QUERY_EDGE_TIME, and the UTC midnight of a date */
};

struct query_value {
    uint16_t start, len; /* in the query's text */
    int64_t number;      /* photo_id only */
};

/* field is one of the values, is none of them, or begins with one of them. */
struct query_filter {
    enum query_field field;
    bool negated;
    bool is_prefix;                  /* of the text; of a photo_id its decimal digits */
    size_t value_start, value_count; /* in the query's values */
};

struct query_order {
    enum query_field field;
    bool descending;
};

/* The stretches of time that the rows are by: every one of them has its rows. */
struct query_spans {
    bool has_first, has_end; /* else the first and the last there is */
    int32_t first, end;      /* as QUERY_DAY, QUERY_HOUR or QUERY_QUARTER count */
};

/* What the last row of the page before had in a column that orders. */
struct query_after {
    uint16_t start, len; /* of a text, in the query's text */
    int64_t number;
};

/* Owns all it says, borrows nothing. */
struct query {
    enum query_field columns[QUERY_COLUMNS_MAX]; /* as asked: dimensions, then metrics */
    size_t dimension_count, column_count;
    struct query_filter filters[QUERY_FILTERS_MAX];
    size_t filter_count;
    struct query_value values[QUERY_VALUES_MAX];
    size_t value_count;
    char text[QUERY_TEXT_MAX];
    size_t text_len;
    struct query_edge from, to; /* from inclusive, to exclusive */
    char tz[QUERY_ZONE_MAX];    /* days, hours and dates are of this zone; "" = of the site's */
    bool is_in_zone;            /* there are days, hours or dates, and tz says whose */
    enum store_grain grain;     /* of the rows that are added up */
    enum query_field span;      /* QUERY_DAY, _HOUR or _QUARTER if asked for; else QUERY_SITE */
    struct query_spans spans;
    bool is_filled; /* rows of 0 stand where nothing was counted */
    struct query_order
        orders[QUERY_COLUMNS_MAX]; /* as asked, then the dimensions: no ties are left */
    size_t order_count;
    int64_t limit;
    uint64_t question;                           /* hash of what a cursor must go with */
    struct query_after after[QUERY_COLUMNS_MAX]; /* as orders: where the page before ended */
    bool has_after;
    bool bots, internal; /* counted too */
    bool by_event;       /* event is a dimension or a filter */
    enum query_format format;
};

struct query_param {
    struct slice name, value; /* decoded */
};

/* What is wrong, for the person who asked. code and parameter are literals, or parameter is "". */
struct query_error {
    const char *code; /* unknown_parameter, invalid_parameter, repeated_parameter, ... */
    char parameter[64];
    char message[512];
};

/* Makes the query out of params as of now. Returns false and fills err at the first fault. */
bool query_parse(const struct query_param *params, size_t count, int64_t now_ms, struct query *out,
                 struct query_error *err);

struct slice query_value_text(const struct query *q, const struct query_value *value);

/* A cell of the answer: text for text fields, else the number, which may be null for a rate. */
struct query_cell {
    struct slice text;
    int64_t number;
    bool is_null;
};

/* The range in buckets of a grain of UTC, STORE_GRAIN_QUARTER or _HOUR, rounded outwards: first
 * inclusive, end exclusive. Open ends give the limits of int32_t. */
void query_buckets(const struct query *q, enum store_grain grain, int32_t *first, int32_t *end);

#endif
