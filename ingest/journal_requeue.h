/* Which records replace others, learnt from what earlier starts left. The journal's own. */
#ifndef INGEST_JOURNAL_REQUEUE_H
#define INGEST_JOURNAL_REQUEUE_H

#include "ingest/journal_internal.h"

struct segment_reader;

/*
 * Fills replaced and requeue_first from the segments of all lanes, before any is freed. Returns 0
 * or -ENOMEM.
 */
int journal_recover_replaced(struct journal *j, struct segment_reader *r);

#endif
