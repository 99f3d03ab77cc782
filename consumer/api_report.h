/*
 * The answer to a query as JSON, CSV, NDJSON or a table for a terminal, by the query's format.
 * Pure.
 *
 *     api_report_begin(&a, &query, &out);
 *     store_reader_run(...) with on_row calling api_report_row(&a, cells);
 *     api_report_end(&a, &facts);    then buffer_failed(&out) tells whether memory ran out
 */
#ifndef CONSUMER_API_REPORT_H
#define CONSUMER_API_REPORT_H

#include "common/buffer.h"
#include "consumer/query.h"

/* An answer being rendered; in the caller's storage. */
struct api_report {
    const struct query *query;
    struct buffer *out;
    struct buffer cells; /* of a table: texts, each ended by NUL, until the widths are known */
    size_t row_count;
};

/* What stands beside the rows. */
struct api_report_facts {
    uint64_t took_ms;
    int64_t complete_through_ms; /* all reports up to then are counted; 0 = not known */
};

/* Begins an answer at the end of out. Both pointers are borrowed until api_report_end(). */
void api_report_begin(struct api_report *a, const struct query *q, struct buffer *out);
void api_report_row(struct api_report *a, const struct query_cell *cells);

/* Ends the answer and frees what a holds; call it also when the answer is thrown away. */
void api_report_end(struct api_report *a, const struct api_report_facts *facts);

/* The value of Content-Type for a format. */
const char *api_report_content_type(enum query_format format);

/* Appends {"error":{"code":..,"message":..,"parameter":..}}. */
void api_report_error(struct buffer *out, const struct query_error *e);

#endif
