/*
 * Which partitions may get more than one record at a time. Pure bookkeeping; one thread.
 *
 * A broker that knows nothing of a producer on a partition takes any first sequence number: were
 * the first batch refused while the second is on its way, the second would be stored, and the
 * records of the first, sent again, would come behind it. So the first record of each partition
 * goes alone, and the others follow once it is stored: from then on the broker refuses what does
 * not follow. It forgets producers that were idle for long, so that is repeated after a while.
 */
#ifndef INGEST_PUBLISHER_GATE_H
#define INGEST_PUBLISHER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Far below the broker's producer.id.expiration.ms of a day. */
enum { GATE_IDLE_MS = 600000 };

struct gate_partition {
    size_t in_flight;
    uint64_t stored_ms; /* when a record of this producer was last stored; 0 = never */
};

/* Zeroed at start. Lives in the caller's storage. */
struct gate {
    struct gate_partition *partitions;
    size_t count;
};

/* Frees. The gate may be used again: it is as for a new producer. */
void gate_reset(struct gate *g);

/* Makes room for a partition. Returns 0 or -ENOMEM. Before the others, for that partition. */
int gate_reserve(struct gate *g, int32_t partition);

/* Whether the partition may get a record now; false: when what is in flight was reported. */
bool gate_is_open(struct gate *g, int32_t partition, uint64_t now_ms);

/* A record was handed on. */
void gate_sent(struct gate *g, int32_t partition);

/* It was reported: stored or not. */
void gate_reported(struct gate *g, int32_t partition, bool is_stored, uint64_t now_ms);

#endif
