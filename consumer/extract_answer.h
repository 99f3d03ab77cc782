/*
 * The answers of the extract methods: asks the store what x means, and writes the JSON. One thread
 * a reader.
 */
#ifndef CONSUMER_EXTRACT_ANSWER_H
#define CONSUMER_EXTRACT_ANSWER_H

#include "consumer/extract.h"
#include "consumer/site_zones.h"
#include "consumer/spool.h"

struct extract_asker {
    struct store_reader *reader;
    struct site_zones *zones;
    const struct sites *sites;
    const struct site *site; /* that of the Host */
    int64_t now_ms;
};

/*
 * Appends "analytics":{...},"p":1,"size":20,"total_count":256 to out, from one moment of the store.
 * On anything but STORE_READ_OK out holds nothing to be shown; what its file said is in its failed.
 */
enum store_read_result extract_answer(const struct extract_asker *a, const struct extract *x,
                                      struct spool *out);

#endif
