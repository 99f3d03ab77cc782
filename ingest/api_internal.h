/* What the files of the api share. */
#ifndef INGEST_API_INTERNAL_H
#define INGEST_API_INTERNAL_H

#include "common/buffer.h"
#include "ingest/api.h"
#include "ingest/input.h"
#include "ingest/reply_batch.h"

struct api {
    struct api_options o;
    struct intake *intake;
    struct input_reader *reader;
    struct buffer body; /* of the reply being rendered */
    uint64_t ticket;
    struct api_turn turn;
    struct reply_batch batch; /* being taken, or being answered */
};

struct method {
    const char *path;
    enum report_path asked;
    bool is_pixel; /* asked for by an image tag: any answer is an image */
    bool is_batch;
};

/* A request to a method of the report API. */
struct call {
    struct http_conn *conn;
    const struct http_request *req;
    const struct site *site;
    const struct method *method;
    struct reply_form form;
};

/* Answers at once. */
void api_send_rendered(struct api *a, struct http_conn *c, int status,
                       const struct reply_form *form, enum reply_headers headers);
void api_send_error(struct api *a, struct http_conn *c, const struct http_request *req,
                    const struct reply_form *form, const struct report_fault *why);
void api_send_text(struct http_conn *c, int status, const char *text, enum reply_headers headers);

/* Serves the call: its answer is sent, or held until what it brought is confirmed. */
void api_serve_report(struct api *a, struct call *call);

/* Serves the methods that report nothing: echo and site/get. False: the path is neither's. */
bool api_serve_facts(struct api *a, struct http_conn *c, const struct http_request *req);

/* Renders what was held, for http_handler's on_release. */
void api_render_released(struct api *a, const void *data, size_t len, int outcome,
                         struct http_reply *out);

#endif
