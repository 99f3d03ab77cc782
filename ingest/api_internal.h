/*
 * What the files of the api share. A request goes one way through them:
 *
 *     api.c: route -> api_call.c: call -> answer -> api_reply.c: sent at once, or held
 *                       \-- api_concatenate.c: its calls --/
 */
#ifndef INGEST_API_INTERNAL_H
#define INGEST_API_INTERNAL_H

#include "common/buffer.h"
#include "ingest/api.h"
#include "ingest/input.h"
#include "ingest/methods.h"
#include "ingest/reply_batch.h"

struct api {
    struct api_options o;
    struct intake *intake;
    struct input_reader *reader;
    struct buffer body;             /* of the reply being rendered */
    struct buffer held;             /* what is to be held of the request being served */
    const struct cors_answer *cors; /* of the request being served */
    uint64_t ticket;
    struct api_turn turn;
    struct reply_batch batch; /* being taken, or being answered */
};

/* Who calls. */
struct caller {
    struct http_conn *conn;
    const struct http_request *req;
    const struct site *site;
    struct reply_form form;
    struct intake_sender sender; /* of reports */
    size_t room;                 /* for so many reports more */
};

/* A method that is called, and with what. */
struct call {
    const struct method *method; /* NULL: none has this path */
    struct slice path;
    struct slice name; /* of one of a concatenate */
    const struct input *in;
    const struct report_fault *form; /* what is wrong with the form asked for; or NULL */
};

enum answer_kind { ANSWER_REFUSED, ANSWER_REPORT, ANSWER_BATCH, ANSWER_SITE, ANSWER_ECHO };

/* What became of a call. */
struct answer {
    enum answer_kind kind;
    int status;              /* HTTP's */
    bool is_taken;           /* a report was */
    uint64_t sequence;       /* of its last record, which it waits for; 0 = it waits for none */
    enum event_kind event;   /* ANSWER_REPORT */
    struct report_fault why; /* ANSWER_REFUSED */
};

/*
 * api_call.c: carries the call out, but for a concatenate; what it brings is in the journal's
 * batch. a->batch is that of ANSWER_BATCH.
 */
void api_take(struct api *a, struct caller *who, const struct call *call, struct answer *out);

/* api_call.c: the answer to a report that could not be kept. */
void api_set_overloaded(struct answer *out);

/* api_concatenate.c: carries out and answers the call that calls several others. */
void api_serve_concatenate(struct api *a, struct caller *who, const struct call *call);

/* api_reply.c: answers the call, or holds the answer until what it brought is confirmed. */
void api_reply(struct api *a, const struct caller *who, const struct call *call,
               const struct answer *answer);

/* api_reply.c: adds one of several answers to a->held, which held_begin() has begun. */
void api_add(struct api *a, const struct caller *who, const struct reply_form *form,
             const struct call *call, const struct answer *answer);

/* api_reply.c: answers with those added; if they wait, once what they brought is confirmed. */
void api_reply_added(struct api *a, const struct caller *who, const struct call *call, int status,
                     bool waits);

/* api_reply.c: renders what was held, for http_handler's on_release. */
void api_render_released(struct api *a, const void *data, size_t len, int outcome,
                         struct http_reply *out);

#endif
