/*
 * A JSON object's members as fields. Strings are taken as they are, null is as if not sent;
 * photo_id, play_timestamp and bytes_total may be exact integers, times any numbers, raw and skip
 * true or false too; everything else is a fault. -0 stays -0, which is no whole number, as in a
 * query. Any name that stands twice is a fault, unknown ones too, and so is an integer past 2^63-1
 * or an escaped surrogate without its other half anywhere in the body. Any thread.
 */
#ifndef INGEST_REPORT_JSON_H
#define INGEST_REPORT_JSON_H

#include "ingest/fields.h"

/* The memory behind the fields. */
struct report_json;

/*
 * Reads one report. body is borrowed for the call; invalid UTF-8 in it becomes U+FFFD. Returns 0,
 * also for a body that is no good: then out->fault says so, and the members that could be read are
 * there (so that the answer has the form asked for). The caller frees *memory once the event is
 * encoded and the reply's form is chosen. Returns -ENOMEM, and nothing is written.
 */
int report_json_read(struct report_json **memory, struct fields *out, struct slice body);

/*
 * Gives the next member that is a string, in the order of the body; *at is NULL at first. Both live
 * as long as the memory. False at the end, and for a body that is no object.
 */
bool report_json_next(const struct report_json *memory, void **at, struct slice *name,
                      struct slice *value);

/* NULL is a no-op. */
void report_json_free(struct report_json *memory);

/* A JSON array of reports. */
struct report_batch;

/*
 * Opens one. text is borrowed until it is freed; invalid UTF-8 in it becomes U+FFFD. On 0 *fault is
 * FIELDS_GOOD, or says why *out, which is then NULL, holds no array: FIELDS_NOT_JSON or
 * FIELDS_NOT_AN_OBJECT. Returns -ENOMEM, and nothing is written.
 */
int report_batch_open(struct report_batch **out, enum fields_fault *fault, struct slice text);
size_t report_batch_count(const struct report_batch *b);

/*
 * Reads the next report, each judged alone: a name that stands twice in one is no fault of
 * another. Call it report_batch_count() times. *out lives until the next call. Returns 0 or
 * -ENOMEM.
 */
int report_batch_next(struct report_batch *b, struct fields *out);
void report_batch_free(struct report_batch *b);

#endif
