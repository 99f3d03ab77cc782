/*
 * The answer to a query as JSON, CSV, NDJSON or a table for a terminal, by the query's format.
 * Pure.
 *
 *     api_report_begin(&a, &query, &time, &out, &cursor);
 *     store_reader_run(...) with on_row calling api_report_row(&a, cells);
 *     api_report_end(&a, took_ms);    then buffer_failed(&out) tells whether memory ran out
 */
#ifndef CONSUMER_API_REPORT_H
#define CONSUMER_API_REPORT_H

#include "common/buffer.h"
#include "consumer/query.h"

/* What the times in an answer go by. */
struct api_report_time {
    struct zone *zone;           /* of the query; NULL if it has none */
    int32_t first_unfinished;    /* as the query's span counts: rows from it on are not whole yet */
    int64_t complete_through_ms; /* all reports up to then are counted; 0 = not known */
};

/* An answer being rendered; in the caller's storage. */
struct api_report {
    const struct query *query;
    struct api_report_time time;
    struct buffer *out, *cursor;
    struct buffer cells; /* of a table: texts, each ended by NUL, until the widths are known */
    size_t row_count;
    bool has_stars;
};

/*
 * Begins an answer at the end of out. When there may be more rows than the query's limit, cursor,
 * which is empty, gets the cursor for the next page. All pointers but that to time are borrowed
 * until api_report_end().
 */
void api_report_begin(struct api_report *a, const struct query *q,
                      const struct api_report_time *time, struct buffer *out,
                      struct buffer *cursor);
void api_report_row(struct api_report *a, const struct query_cell *cells);

/* Ends the answer and frees what a holds; call it also when the answer is thrown away. */
void api_report_end(struct api_report *a, uint64_t took_ms);

/* The value of Content-Type for a format. */
const char *api_report_content_type(enum query_format format);

/* Appends {"error":{"code":..,"message":..,"parameter":..}}. */
void api_report_error(struct buffer *out, const struct query_error *e);

#endif
