/* One connection of the generator: sends its share of the reports in order and judges each reply.
 */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "common/slice.h"
#include "tests/load/options.h"
#include "tests/load/request.h"
#include "tests/load/verdict.h"

#include <sys/socket.h>

struct event_base;
struct connection;

/* A report on its way. */
struct sent {
    uint64_t n; /* which of the run */
    uint64_t photo_id;
    unsigned source, event; /* as in session.h */
    uint64_t since_us;      /* of clock_mono_us(): when it was due, or sent when nothing is due */
    struct reply_wanted wanted;
};

enum { SENT_ID_SIZE = REPORT_ID_SIZE };

/* What all connections of a run share; it outlives them. */
struct connection_setup {
    struct event_base *base;
    const struct load_options *options;
    uint64_t reports; /* of them this many; the owner may lower it, then connection_finish() */
    struct sockaddr_storage address;
    socklen_t address_len;
    uint64_t start_us; /* report n is due n / rate after it */
    void *arg;         /* of the three below */
    void (*on_settled)(const struct sent *s, enum verdict verdict, struct slice reply, void *arg);
    void (*on_ended)(void *arg);                   /* every report of the connection is settled */
    void (*on_failed)(const char *why, void *arg); /* it cannot go on, without --reconnect */
};

/* Connection `index` sends the reports n with n % connections == index. Returns NULL on no memory.
 */
struct connection *connection_new(const struct connection_setup *setup, uint64_t index);
void connection_free(struct connection *c);

/* Starts connecting. */
void connection_open(struct connection *c);

/* After fewer reports than planned: ends now if nothing is on its way, else with its reply. */
void connection_finish(struct connection *c);

/* Gives up: what is on its way is unknown, nothing more is sent. */
void connection_abandon(struct connection *c);

/* The report_id of report n. */
void connection_report_id(const struct load_options *o, uint64_t n, char out[SENT_ID_SIZE]);

#endif
