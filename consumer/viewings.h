/*
 * The viewings that were asked for last, in the byte form of consumer/viewing.h: a read cache of
 * the store, and what a flush is to write. What changed stays until the flush is committed or
 * everything is forgotten, so memory is never ahead of the store. Pure; one thread.
 */
#ifndef CONSUMER_VIEWINGS_H
#define CONSUMER_VIEWINGS_H

#include "consumer/store.h"

struct viewings;

/* Keeps that many, and what changed since the last commit. NULL when memory runs out. */
struct viewings *viewings_new(size_t entries);
void viewings_free(struct viewings *v);

/* The state under key, if it is held; lives until v changes. */
bool viewings_find(struct viewings *v, const struct store_viewing_key *key, struct slice *state);

/* Changes the state under key, or puts a new one. clock_ms: see struct store_viewing. Returns 0 or
 * -ENOMEM. */
int viewings_put(struct viewings *v, const struct store_viewing_key *key, struct slice state,
                 int64_t clock_ms);

/* Those that changed since the last commit. */
size_t viewings_changed_count(const struct viewings *v);

/* Their rows, sorted by key; they live until v changes. Returns 0 or -ENOMEM. */
int viewings_changed(struct viewings *v, const struct store_viewing **rows, size_t *count);

/* The flush that took them was committed. Those not asked for lately are dropped. */
void viewings_commit(struct viewings *v);

/* Forgets everything: the store's word counts. */
void viewings_reset(struct viewings *v);

#endif
