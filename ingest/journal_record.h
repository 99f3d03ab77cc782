/* A record as it stands in the journal and will stand in Kafka. */
#ifndef INGEST_JOURNAL_RECORD_H
#define INGEST_JOURNAL_RECORD_H

#include "common/slice.h"

#include <stdint.h>

struct journal_record {
    uint64_t sequence;
    uint64_t ts_ms; /* the record's timestamp in Kafka */
    struct slice key;
    struct slice value;
};

#endif
