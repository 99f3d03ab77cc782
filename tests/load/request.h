/* A report as an HTTP request, in the form that its player uses. Pure; any thread. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include "common/buffer.h"
#include "tests/load/session.h"

enum { CALLBACK_SIZE = 48, REPORT_ID_SIZE = 64 };

/* What the reply must look like. */
enum reply_form { REPLY_FORM_XML, REPLY_FORM_JSON, REPLY_FORM_CALLBACK };

struct reply_wanted {
    enum reply_form form;
    char callback[CALLBACK_SIZE]; /* REPLY_FORM_CALLBACK only */
};

/* Appends the request to out. host stands in its Host line. */
void request_write(struct buffer *out, const struct load_report *r, const char *host,
                   const char *report_id, struct reply_wanted *wanted);

#endif
