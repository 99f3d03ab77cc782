/*
 * Records in batches from the topic, assignments and offsets: the consumer group's side of
 * librdkafka. All functions belong to the pipeline's thread, and so do the handler's calls.
 */
#ifndef CONSUMER_POLL_H
#define CONSUMER_POLL_H

#include "common/error.h"
#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct poll;

struct poll_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct slice key;   /* absent when the record has none */
    struct slice value; /* absent for a tombstone */
};

struct poll_offset {
    int32_t partition;
    int64_t offset; /* the next to read; POLL_FROM_START = the oldest there is */
};

enum { POLL_FROM_START = -1 };

/* Called from within poll_records() and poll_close(). */
struct poll_handler {
    /* Fills in where each of the count new partitions starts. -errno: try again with the next
     * rebalance. */
    int (*on_assign)(struct poll_offset *offsets, size_t count, void *arg);
    /* All partitions are about to go: write what is held now; afterwards their records are not
     * ours. */
    void (*on_revoke)(void *arg);
    /* The broker no longer has the offset that partition stands at: it stands still. */
    void (*on_out_of_range)(int32_t partition, const char *reason, void *arg);
    void *arg;
};

/* Joins the group. Returns 0 or -errno with a sentence. The broker need not be there. */
int poll_open(struct poll **out, const struct config *config, const char *group, const char *topic,
              const struct poll_handler *handler, struct error *err);

/* Leaves the group (on_revoke is called) and frees p. NULL is a no-op. */
void poll_close(struct poll *p);

/*
 * Waits up to timeout_ms and gives up to max records. They live until the next call. Returns how
 * many.
 */
size_t poll_records(struct poll *p, struct poll_record *out, size_t max, int timeout_ms);

/* Starts all assigned partitions anew at these offsets; what was fetched is thrown away. 0 or
 * -errno. */
int poll_restart(struct poll *p, const struct poll_offset *offsets, size_t count);

/* Pauses or resumes fetching of everything assigned; poll_records() must still be called. */
void poll_pause(struct poll *p, bool pause);

/* Tells Kafka how far the store is, for lag tools only; does not wait. */
void poll_commit(struct poll *p, const struct poll_offset *offsets, size_t count);

/* The end of a partition as last heard of, -1 when unknown. */
int64_t poll_end_offset(const struct poll *p, int32_t partition);

/* Why Kafka is not to be reached, in words; "" when it is. Lives until the next call. */
const char *poll_fault(const struct poll *p);

/* The client's handle, for kafka_topic.h. */
struct rd_kafka_s *poll_handle(struct poll *p);

#endif
