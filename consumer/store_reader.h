/*
 * Answers to queries, out of the store of url. Several readers may be open, beside the writer and
 * in other processes; a reader never blocks the writer. One thread a reader.
 */
#ifndef CONSUMER_STORE_READER_H
#define CONSUMER_STORE_READER_H

#include "common/error.h"
#include "consumer/query.h"

struct store_reader;

enum store_read_result {
    STORE_READ_OK,
    STORE_READ_STOPPED,  /* on_row said so */
    STORE_READ_TOO_LONG, /* the deadline passed: answer 503 */
    STORE_READ_FAILED    /* the engine failed; log says why */
};

/* Takes a row: a cell for each of the query's columns; text dies on return. Return false to stop.
 */
typedef bool store_reader_row_fn(const struct query_cell *cells, size_t count, void *arg);

/* The day of a quarter hour in the zone of the site of that key (UTC for a site it does not know).
 * Asked only when a query by days begins or ends at a time of day. */
typedef int32_t store_reader_day_fn(struct slice site, int32_t quarter, void *arg);

struct store_reader_call {
    store_reader_row_fn *on_row;
    store_reader_day_fn *day;
    void *arg;           /* of both */
    struct zone *zone;   /* q's; NULL if it has none */
    unsigned timeout_ms; /* 5000 is the contract's */
};

/*
 * Opens an existing store (sqlite:PATH) for reading. Returns 0 or -errno with a sentence: -ENOENT
 * when there is none, -EPROTONOSUPPORT when it is of a newer version or engine.
 */
int store_reader_open(struct store_reader **out, const char *url, struct error *err);
void store_reader_close(struct store_reader *r);

/* Answers q: rows in its order, all from one moment of the store. */
enum store_read_result store_reader_run(struct store_reader *r, const struct query *q,
                                        const struct store_reader_call *call);

enum { STORE_POINTS = 102 }; /* 0 to 100 %, and what ends behind the last */

/*
 * Adds up how playthrough changes from each point to the next over q's range and filters: those who
 * covered point i are the sum of changes[0] to changes[i]. q goes by days and has no dimensions;
 * call's on_row is not called.
 */
enum store_read_result store_reader_playthrough(struct store_reader *r, const struct query *q,
                                                const struct store_reader_call *call,
                                                int64_t changes[STORE_POINTS]);

#endif
