/*
 * The answers of the extract methods as JSON, row by row, in the platform's documented shapes.
 * Pure.
 *
 *     struct extract_json j;
 *     extract_json_begin(&j, x, out);
 *     store_reader_extract(...) with on_row calling extract_json_row(&j, row);
 *     extract_json_end(&j);        then j.total says how many there are on all pages
 */
#ifndef CONSUMER_EXTRACT_JSON_H
#define CONSUMER_EXTRACT_JSON_H

#include "common/buffer.h"
#include "common/sites.h"
#include "consumer/store_extract.h"

struct zone;

/* How one row looks. */
enum extract_shape {
    EXTRACT_SHAPE_DAILY,  /* {"date":ms,"totals":{..}}, every day of the range */
    EXTRACT_SHAPE_TOTALS, /* {..}, one */
    EXTRACT_SHAPE_PHOTO,  /* {"photoId":"7","totals":{..}} */
    EXTRACT_SHAPE_FLAT,   /* {"photoId":"7","siteId":"1",..} */
    EXTRACT_SHAPE_HOURLY  /* {..} without events, 24 of them */
};

struct extract_json {
    enum extract_shape shape;
    struct buffer *out;
    struct zone *zone;         /* daily: by whose days */
    const struct sites *sites; /* flat: whose ids */
    int64_t next, end;         /* of days and hours: the next that is due, the one after the last */
    bool has_next;             /* next is known */
    struct store_extract_row row; /* that is being written; its texts are not valid */
    bool is_open;
    bool has_events;
    size_t row_count;
    int64_t total;
};

void extract_json_begin(struct extract_json *j, enum extract_shape shape, struct buffer *out);
void extract_json_row(struct extract_json *j, const struct store_extract_row *row);
void extract_json_end(struct extract_json *j);

/* Appends {"url":"https://..","loads":0,"plays":0,"downloads":0,"finishes":0}: a page that embeds
 * players. */
void extract_json_url(struct buffer *out, const struct store_extract_row *row);

#endif
