/* One question put to the store and answered in the query's format, for the API and the report
 * command. */
#ifndef CONSUMER_ASK_H
#define CONSUMER_ASK_H

#include "consumer/query.h"
#include "consumer/site_zones.h"
#include "consumer/spool.h"
#include "consumer/store_reader.h"

struct ask {
    struct store_reader *reader;
    struct site_zones *zones;
    int64_t complete_through_ms; /* 0 = not known */
};

/* Makes the answer in out, which is empty. On anything but STORE_READ_OK out holds nothing to be
 * shown; what its file said is logged. */
enum store_read_result ask_report(const struct ask *a, const struct query *q, struct spool *out);

#endif
