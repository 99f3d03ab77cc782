/*
 * The parameters of the report API by name: the first value of each known one, decoded, and the
 * first thing that is wrong with them. Pure; any thread.
 */
#ifndef INGEST_FIELDS_H
#define INGEST_FIELDS_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum field {
    FIELD_PHOTO_ID,
    FIELD_EVENT,
    FIELD_TIME_START,
    FIELD_TIME_END,
    FIELD_TIME_TOTAL,
    FIELD_PLAY_TIMESTAMP,
    FIELD_SOURCE,
    FIELD_USER_PLAYER_TYPE,
    FIELD_USER_PLAYER_VERSION,
    FIELD_USER_PLAYER_RESOLUTION,
    FIELD_UUID,
    FIELD_TYPE,
    FIELD_REFERER,
    FIELD_REPORT_ID,
    FIELD_BYTES_TOTAL,
    FIELD_SESSION_ID,
    FIELD_SKIP,
    FIELD_FORMAT,
    FIELD_RAW,
    FIELD_CALLBACK,
    FIELD_VARNAME,
    FIELD_DATA,        /* of a batch: its reports as a JSON array */
    FIELD_REPORT_TYPE, /* of one of its reports: event or play */
    /* Other spellings. fields_settle() moves them to the names above; nobody else reads them. */
    FIELD_TIME_START_CAMEL,
    FIELD_TIME_END_CAMEL,
    FIELD_TIME_TOTAL_CAMEL,
    FIELD_SESSION_ID_MISSPELT,
    FIELD_COUNT
};

/* What makes the fields unfit for a report, whatever their values are. */
enum fields_fault {
    FIELDS_GOOD,
    FIELDS_HOLD_NUL,      /* fault_field holds a NUL */
    FIELDS_REPEATED,      /* JSON: fault_field stands twice; FIELD_COUNT: a name unknown here */
    FIELDS_BAD_TYPE,      /* JSON: fault_field is of a type it may not have */
    FIELDS_OUT_OF_RANGE,  /* JSON: a number too large; fault_field or FIELD_COUNT */
    FIELDS_NOT_JSON,      /* the body does not parse */
    FIELDS_NOT_AN_OBJECT, /* the body is JSON, but a bare value */
    FIELDS_BATCH          /* the body is an array where one report is expected */
};

/* Owns nothing: values point into what they were read from, or into the scratch given with it. */
struct fields {
    struct slice values[FIELD_COUNT]; /* absent when not sent; valid UTF-8; may be empty */
    enum fields_fault fault;          /* the first one met */
    enum field fault_field;
};

/* No fields at all. */
void fields_init(struct fields *f);

/* Finds a name. Returns false for one that is not known here. Case matters. */
bool field_named(struct slice name, enum field *out);

/* The name as the contract writes it, also for the other spellings. */
const char *field_name(enum field field);

/* Names that mean something to batches only: in a single report they are as any unknown one. */
bool field_is_of_batch(enum field field);

/* Keeps value unless the field has one already; remembers a NUL in it. */
void fields_put(struct fields *f, enum field field, struct slice value);

/* Ends the reading: camelCase wins over snake_case, and session_id over seesion_id, if not empty.
 */
void fields_settle(struct fields *f);

/*
 * Reads a query or a form body (which may be absent). scratch has params_scratch_size(encoded.len)
 * bytes or more and lives as long as *out.
 */
void fields_from_query(struct fields *out, struct slice encoded, char *scratch, size_t size);

#endif
