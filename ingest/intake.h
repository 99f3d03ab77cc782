/*
 * From the fields of a report to its place in the journal's batch: who sent it, whether it is
 * taken, the event. One intake per worker; all functions belong to the worker's thread.
 */
#ifndef INGEST_INTAKE_H
#define INGEST_INTAKE_H

#include "common/http_parser.h"
#include "ingest/rate_limit.h"
#include "ingest/report.h"
#include "ingest/rules.h"

#include <stdbool.h>
#include <stdint.h>

struct intake;
struct journal_shard;
struct metrics;

/* What they point to outlives the intake, or the rules their successors. */
struct intake_options {
    const struct rules *rules;
    struct rate_limit *rate_limit; /* of all workers; NULL = none */
    const uint8_t *secret;         /* CLIENT_SECRET_SIZE bytes; copied */
    struct journal_shard *shard;
    struct metrics *metrics;
};

/* Returns 0 or -ENOMEM. */
int intake_new(struct intake **out, const struct intake_options *options);
void intake_free(struct intake *in);

/* Goes by these rules from now on; what is given out before still points to the old. */
void intake_set_rules(struct intake *in, const struct rules *rules);

/* What a request says of its sender, the same for all its reports. Borrows from the request. */
struct intake_sender {
    struct slice site; /* key */
    struct slice agent;
    struct client_address address;
    bool is_bot, is_internal;
    bool is_private; /* asks not to be followed, and is heeded */
    uint64_t ts_ms;  /* receive time */
};
void intake_meet(struct intake *in, const struct http_request *req, const struct sockaddr *peer,
                 struct slice site, struct intake_sender *out);

/* Takes count reports out of the sender's rate. False: rate_limited. */
bool intake_admits(struct intake *in, const struct intake_sender *sender, unsigned count);

/*
 * Makes the event. On false *why says why it is refused. The event lives until the next call, and
 * as long as the fields and the request.
 */
bool intake_judge(struct intake *in, const struct intake_sender *sender, const struct fields *f,
                  enum report_path asked, struct player_event *event, struct report_fault *why);

/* Puts the event into the batch, with its lane and sequence. Returns 0 or -errno of the journal. */
int intake_put(struct intake *in, struct player_event *event);

/* Counts a report that is answered with this code of the contract. */
void intake_count_refused(struct intake *in, const char *code);

#endif
