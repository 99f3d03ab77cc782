/* An inspected journal as text: tables for people, records as JSON lines. Pure. */
#ifndef INGEST_JOURNAL_TABLES_H
#define INGEST_JOURNAL_TABLES_H

#include "common/buffer.h"
#include "ingest/journal_inspect.h"

void journal_tables_render(struct buffer *out, const struct journal_inspect *in, const char *dir);

/* One object and its newline: the event as common/event_json.h has it, or `value` in hex. */
void journal_tables_record(struct buffer *out, const struct inspected_record *r);

#endif
