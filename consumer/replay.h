/*
 * Dead letters sent again: from the position that Kafka keeps for the group to the ends as they are
 * at the start, partition by partition, in order, onto the topic. Each under a name of its own
 * (consumer/letter.h), so that one that is sent twice is counted once.
 */
#ifndef CONSUMER_REPLAY_H
#define CONSUMER_REPLAY_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct config;

struct replay_options {
    const struct config *config;
    const char *topic;   /* where they go; the letters are in the topic of that name with .dlq */
    const char *group;   /* the position is that of the group of this name with .replay */
    bool dry_run;        /* list them, send nothing, leave the position */
    bool skip_refused;   /* go past a letter that Kafka refuses, instead of ending there */
    int64_t patience_ms; /* without any answer from Kafka; then it gives up */
    FILE *out;
};

/*
 * Replays what there is. The position is stored after the letters before it are delivered. Returns
 * 0, or -errno with a sentence: the position then stands before the first letter not delivered.
 */
int replay_run(const struct replay_options *options, struct error *err);

#endif
