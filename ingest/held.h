/*
 * What is held of a reply until its records are confirmed. Bytes, read again by this process only:
 *
 *     head | the form's packed bytes | part | part ...        part: head | name | text
 *
 * One part for each call of the request: one, or those of a concatenate, each with its name. Pure;
 * any thread.
 */
#ifndef INGEST_HELD_H
#define INGEST_HELD_H

#include "ingest/methods.h"
#include "ingest/reply.h"

struct cors_answer;

/* What all parts have in common. */
struct held {
    const char *site_json;          /* of the rules it was taken by; likewise ... */
    const struct cors_answer *cors; /* ... this */
    bool is_list;                   /* the parts have names */
};

/* The answer to one call. Borrows all it points to. */
struct held_part {
    const struct method *method; /* NULL: it waits for nothing, text is the answer itself */
    uint64_t sequence;           /* of its last record */
    enum event_kind kind;        /* of one report */
    struct slice name;
    struct slice text; /* of several: reply_batch_pack()ed */
};

/* Makes out's bytes a reply without parts. When memory runs out, here or below, out has failed. */
void held_begin(struct buffer *out, const struct held *h, const struct reply_form *form);
void held_add(struct buffer *out, const struct held_part *p);

/* Reads h and form, gives what the parts are read from. bytes are whole ones made by the above. */
struct slice held_open(struct slice bytes, struct held *h, struct reply_form *form);

/* Takes the next part off; false when there is none left. */
bool held_next(struct slice *parts, struct held_part *p);

#endif
