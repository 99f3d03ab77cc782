/* What can be asked for in a query: names and kinds. Part of consumer/query.h; pure. */
#ifndef CONSUMER_QUERY_FIELD_H
#define CONSUMER_QUERY_FIELD_H

#include <stdbool.h>

/* Dimensions stand before metrics. */
enum query_field {
    QUERY_SITE,
    QUERY_PHOTO_ID,
    QUERY_SOURCE,
    QUERY_EVENT,
    QUERY_DAY,     /* days since 1970-01-01, in tz or else the site's time zone */
    QUERY_HOUR,    /* hours since 1970 UTC; with tz the first quarter hour of an hour there */
    QUERY_QUARTER, /* quarter hours since 1970 UTC */
    QUERY_REPORTS, /* every report taken, of any kind; analytics.md has what all these are */
    QUERY_EVENTS,
    QUERY_LOADS,
    QUERY_PLAYS,
    QUERY_PLAYS_DERIVED,
    QUERY_ENGAGEMENT, /* seconds */
    QUERY_AVERAGE,    /* a rate */
    QUERY_FINISHES,
    QUERY_DOWNLOADS,
    QUERY_DOWNLOADED_BYTES,
    QUERY_UNCOUNTED,
    QUERY_VIEWERS,
    QUERY_PLAY_RATE,  /* plays for each load */
    QUERY_CLICK_RATE, /* of an event, for each play */
    QUERY_FIELD_COUNT
};

/* The name as in the query and in the answer. */
const char *query_field_name(enum query_field field);

bool query_field_is_text(enum query_field field);
bool query_field_is_time(enum query_field field);
bool query_field_is_metric(enum query_field field);

/* Numbers in parts per million, or null: a share of nothing is none. */
bool query_field_is_rate(enum query_field field);

/* Metrics that are counted by event too. */
bool query_field_has_event(enum query_field field);

/* What the numbers mean, told beside them (analytics, "counting rules"). */
const char *query_field_definition(enum query_field field);

/* The names of the dimensions or of the metrics, as people list them. */
const char *query_field_list(bool metrics);

#endif
