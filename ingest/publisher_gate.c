#include "ingest/publisher_gate.h"

#include <errno.h>
#include <stdlib.h>

void gate_reset(struct gate *g)
{
    free(g->partitions);
    *g = (struct gate){0};
}

int gate_reserve(struct gate *g, int32_t partition)
{
    size_t count = (size_t)partition + 1;
    if (count <= g->count) {
        return 0;
    }
    struct gate_partition *partitions = reallocarray(g->partitions, count, sizeof *partitions);
    if (partitions == NULL) {
        return -ENOMEM;
    }
    for (size_t i = g->count; i < count; i++) {
        partitions[i] = (struct gate_partition){0};
    }
    g->partitions = partitions;
    g->count = count;
    return 0;
}

bool gate_is_open(struct gate *g, int32_t partition, uint64_t now_ms)
{
    struct gate_partition *p = &g->partitions[partition];
    if (p->in_flight == 0 && now_ms >= p->stored_ms + GATE_IDLE_MS) {
        p->stored_ms = 0;
    }
    return p->in_flight == 0 || p->stored_ms != 0;
}

void gate_sent(struct gate *g, int32_t partition)
{
    g->partitions[partition].in_flight++;
}

void gate_reported(struct gate *g, int32_t partition, bool is_stored, uint64_t now_ms)
{
    struct gate_partition *p = &g->partitions[partition];
    p->in_flight--;
    if (is_stored) {
        p->stored_ms = now_ms;
    }
}
