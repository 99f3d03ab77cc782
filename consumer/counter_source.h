/* What a counter reads of the store. The counter's thread. */
#ifndef CONSUMER_COUNTER_SOURCE_H
#define CONSUMER_COUNTER_SOURCE_H

#include "consumer/counter.h"

struct counter_source {
    struct store *store;
    struct counter *counter;
};

/* For counter_new(), with the source as arg: all that it asks a store for. */
void counter_source_fill(struct counter_options *options, struct counter_source *s);

/* Loads all that is not of a partition, and the clocks. Returns 0 or -errno. */
int counter_source_load(struct counter_source *s, const char *topic);

/* Loads the marks of a partition. Returns 0 or -errno. */
int counter_source_load_marks(struct counter_source *s, const char *topic, int32_t partition);

#endif
