/*
 * Strings to small integers that the store keeps. New strings get the next ids at once; they are
 * pending until the flush that needs them is committed (intern_commit) or thrown away
 * (intern_rollback). One thread.
 */
#ifndef CONSUMER_INTERN_H
#define CONSUMER_INTERN_H

#include "consumer/store.h"

struct intern;

struct intern *intern_new(void);
void intern_free(struct intern *n);

/* Puts a string of the store; they come in the order of their ids. Returns 0 or -ENOMEM. */
int intern_load(struct intern *n, uint32_t id, struct slice text);

/* The id of text, a new pending one if there is none; 0 when memory runs out (no string has id 0).
 */
uint32_t intern_id(struct intern *n, struct slice text);

/* The id of text; 0 if there is none yet. */
uint32_t intern_find(const struct intern *n, struct slice text);

/* The text of an id; absent for one that there is not. */
struct slice intern_text(const struct intern *n, uint32_t id);

/* The pending strings in the order of their ids; valid until the next call that changes n. */
const struct store_string *intern_pending(const struct intern *n, size_t *count);
void intern_commit(struct intern *n);
void intern_rollback(struct intern *n);

/* Forgets everything, for loading anew. */
void intern_reset(struct intern *n);

#endif
