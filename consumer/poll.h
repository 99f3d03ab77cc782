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
struct rd_kafka_headers_s; /* librdkafka's rd_kafka_headers_t */
struct rd_kafka_message_s; /* and rd_kafka_message_t */

struct poll_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct slice key;   /* absent when the record has none */
    struct slice value; /* absent for a tombstone */
    const struct rd_kafka_message_s *message;
    /* These two as poll_read_headers() finds them, absent before. */
    struct slice id;                    /* of the header POLL_ID_HEADER; absent without it */
    struct rd_kafka_headers_s *headers; /* all of them; NULL when there are none */
};

/*
 * Names a record that was sent again; outranks the value's id. Its record timestamp is never the
 * event's ts (common/contract/README.md).
 */
#define POLL_ID_HEADER "playreport-id"

struct poll_offset {
    int32_t partition;
    int64_t offset; /* the next to read; POLL_FROM_START = the oldest there is */
};

enum { POLL_FROM_START = -1 };

/* Called from within poll_records() and poll_close(). */
struct poll_handler {
    /* These count partitions are ours. Leaves in offsets those that begin now, and where; the
     * others begin with poll_restart(). Returns how many begin now. */
    size_t (*on_assign)(struct poll_offset *offsets, size_t count, void *arg);
    /* All partitions are about to go: write what is held now; afterwards their records are not
     * ours. */
    void (*on_revoke)(void *arg);
    /* The broker does not have the offset that partition stands at: it stands still. */
    void (*on_out_of_range)(int32_t partition, void *arg);
    void *arg;
};

/* Makes the client. Returns 0 or -errno with a sentence. The broker need not be there. */
int poll_open(struct poll **out, const struct config *config, const char *group, const char *topic,
              const struct poll_handler *handler, struct error *err);

/* Joins the group: only from here on are there partitions and records. Returns 0 or -errno. */
int poll_join(struct poll *p);

/* Leaves the group (on_revoke is called) and frees p. NULL is a no-op. */
void poll_close(struct poll *p);

/*
 * Gives up to max records, which live until the next call. Waits up to timeout_ms for the first,
 * or, with fill, for all of them: that makes large batches. Returns how many.
 */
size_t poll_records(struct poll *p, struct poll_record *out, size_t max, int timeout_ms, bool fill);

/* Reads the headers of r: apart, since it takes as long as decoding and counting the record. */
void poll_read_headers(struct poll_record *r);

/*
 * Starts these of the assigned partitions anew, and none other, at these offsets; what was fetched
 * is thrown away. Returns 0 or -errno.
 */
int poll_restart(struct poll *p, const struct poll_offset *offsets, size_t count);

/* Pauses or resumes fetching of everything assigned; poll_records() must still be called. */
void poll_pause(struct poll *p, bool pause);

/* Tells Kafka how far the store is, for lag tools only; does not wait. */
void poll_commit(struct poll *p, const struct poll_offset *offsets, size_t count);

/* Asks the broker for the first offset of a partition and the one after its last. 0 or -errno. */
int poll_watermarks(struct poll *p, int32_t partition, int timeout_ms, int64_t *low, int64_t *high);

/* The end of a partition as last heard of, -1 when unknown. */
int64_t poll_end_offset(const struct poll *p, int32_t partition);

/* Why Kafka is not to be reached, in words; "" when it is. Lives until the next call. */
const char *poll_fault(const struct poll *p);

/* The client's handle, for kafka_topic.h. */
struct rd_kafka_s *poll_handle(struct poll *p);

#endif
