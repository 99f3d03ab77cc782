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
    struct zone *zone;           /* the one last asked for, and its name */
    char zone_name[QUERY_ZONE_MAX];
};

struct ask_answer {
    struct spool body;
    struct buffer cursor; /* for the next page; empty when there is none */
};

/*
 * Fills in what of q only time zones tell: to be called once, between query_parse() and
 * ask_report(). Returns false and fills err when q asks for a zone that does not exist.
 */
bool ask_prepare(struct ask *a, struct query *q, struct query_error *err);

/* Makes the answer in out, which is empty. On anything but STORE_READ_OK out holds nothing to be
 * shown; what its file said is logged. */
enum store_read_result ask_report(const struct ask *a, const struct query *q,
                                  struct ask_answer *out);

/* The changes of playthrough over q, as store_reader_playthrough() tells them. */
enum store_read_result ask_playthrough(const struct ask *a, const struct query *q,
                                       int64_t changes[STORE_POINTS]);

/* Frees what a holds: reader, zones, zone. */
void ask_fini(struct ask *a);

void ask_answer_init(struct ask_answer *answer);
void ask_answer_reset(struct ask_answer *answer);
void ask_answer_fini(struct ask_answer *answer);

#endif
