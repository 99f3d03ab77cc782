/* The answer to several reports sent together. Pure; any thread. */
#ifndef INGEST_REPLY_BATCH_H
#define INGEST_REPLY_BATCH_H

#include "ingest/reply.h"

enum { REPLY_BATCH_MAX = 1000 }; /* reports in one */

/* Why one of them was not taken. */
enum reply_batch_code {
    REPLY_BATCH_INVALID_INPUT,
    REPLY_BATCH_PERMISSION_DENIED,
    REPLY_BATCH_NO_SUCH_PHOTO,
    REPLY_BATCH_OVERLOADED
};

/* Finds a code of the contract; REPLY_BATCH_INVALID_INPUT for one that is not in the list. */
enum reply_batch_code reply_batch_code_of(const char *code);
const char *reply_batch_code_name(enum reply_batch_code code);

struct reply_rejection {
    uint16_t index; /* of the report in the batch, from 0 */
    uint8_t code;   /* enum reply_batch_code */
};

struct reply_batch {
    uint16_t accepted, rejected;
    struct reply_rejection rejections[REPLY_BATCH_MAX];
};

/* Remembers one that was not taken. */
void reply_batch_reject(struct reply_batch *b, uint16_t index, const char *code);

/* Writes b into out in as few bytes as it needs; returns how many. Unpack is false for bytes that
 * are not such. */
enum { REPLY_BATCH_PACKED_MAX = 4 + 3 * REPLY_BATCH_MAX };
size_t reply_batch_pack(const struct reply_batch *b, char out[REPLY_BATCH_PACKED_MAX]);
bool reply_batch_unpack(struct reply_batch *b, const char *packed, size_t len);

/*
 * Appends the answer: status ok if any was taken, with accepted, rejected, and the code of each
 * that was rejected by its index; else the error of the first.
 */
void reply_batch_render(struct buffer *out, const struct reply_form *form,
                        const struct reply_batch *b, const char *site_json, struct slice endpoint);

#endif
