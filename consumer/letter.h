/*
 * The name under which a dead letter is sent again: a lane of its own, and a sequence that rises
 * with its origin. The same letter always gets the same name, so that marks drop what a replay that
 * was killed sends twice, and what was set aside twice. Pure.
 */
#ifndef CONSUMER_LETTER_H
#define CONSUMER_LETTER_H

#include "common/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a record stood: what the dlq.* headers of a letter tell, or the place of the letter. */
struct letter_origin {
    struct slice topic;
    int64_t epoch; /* topic_epoch; 0 = none */
    int32_t partition;
    int64_t offset;          /* unless it never was in the topic */
    bool is_of_ingest;       /* it never was: ingest set it aside, and its own id names it */
    uint64_t lane, sequence; /* of that id */
};

/* Reads a header's number: decimal digits, at most INT64_MAX. Returns false for all else. */
bool letter_number(struct slice text, int64_t *out);

/*
 * The lane of all letters from one partition: FNV-1a of 64 bits over topic, "/", the epoch in
 * decimal, "/", the partition in decimal, and for ingest's "/" and its lane in hex
 * (common/contract/README.md).
 */
uint64_t letter_lane(const struct letter_origin *o);

/* The sequence in that lane: offset + 1, for ingest's its own. */
uint64_t letter_sequence(const struct letter_origin *o);

#endif
