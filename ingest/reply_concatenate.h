/*
 * The frame around the answers to several calls: a JSON object with a member for each name, or an
 * XML element with a <method name="..."> for each. Pure; any thread.
 */
#ifndef INGEST_REPLY_CONCATENATE_H
#define INGEST_REPLY_CONCATENATE_H

#include "ingest/reply.h"

/* The form of the answers within: bare JSON, or XML. */
void reply_concatenate_inner(struct reply_form *out, const struct reply_form *form);

/* Append the start, what stands before and behind each answer, and the end. name is UTF-8. */
void reply_concatenate_open(struct buffer *out, const struct reply_form *form);
void reply_concatenate_begin(struct buffer *out, const struct reply_form *form, struct slice name,
                             bool is_first);
void reply_concatenate_end(struct buffer *out, const struct reply_form *form);
void reply_concatenate_close(struct buffer *out, const struct reply_form *form);

#endif
