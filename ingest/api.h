/*
 * The routes of the report API: a request to a report, into the journal's batch, its reply held
 * until the batch is confirmed. One api per worker; all functions belong to the worker's thread.
 */
#ifndef INGEST_API_H
#define INGEST_API_H

#include "common/http_server.h"
#include "ingest/intake.h"

#include <stdbool.h>
#include <stdint.h>

struct api;
struct in_work;
struct pages;

struct api_options {
    struct intake_options intake;
    size_t body_max;  /* bytes of a body, decoded */
    int error_status; /* of an error the API itself answers: 200 or 400 */
    const struct pages *pages;
    struct in_work *in_work; /* of all workers; NULL = replies are held for their turn only */
};

/* Returns 0 or -ENOMEM. What options point to outlives the api. */
int api_new(struct api **out, const struct api_options *options);
void api_free(struct api *a);

/*
 * Serves by these rules from now on. Replies that are held point to those they were taken by: these
 * must live until the last such ticket is released.
 */
void api_set_rules(struct api *a, const struct rules *rules);

/*
 * The handler for http_server_new(); its arg is a. The outcomes for http_server_release() are those
 * of acks.h.
 */
struct http_handler api_handler(struct api *a);

/* Replies held from now on get this ticket: one a turn. */
void api_begin_turn(struct api *a, uint64_t ticket);

/* What the turn has brought so far. */
struct api_turn {
    uint64_t begun_us; /* clock_mono_us() at its first report; 0 = it had none */
    uint32_t held_count;
};
struct api_turn api_turn(const struct api *a);

#endif
