/*
 * An answer while it is made: in memory as long as it is small, then in a file that has no name, so
 * that memory does not depend on how long it becomes, and the store need not be read any more while
 * a slow client takes it. One thread.
 */
#ifndef CONSUMER_SPOOL_H
#define CONSUMER_SPOOL_H

#include "common/buffer.h"

enum { SPOOL_MEMORY_MAX = 1024 * 1024 };

struct spool {
    struct buffer bytes; /* append here; what spool_settle() has moved is gone from it */
    int file;            /* -1 while all is in bytes */
    uint64_t file_len;
    int failed; /* -errno of the file */
};

void spool_init(struct spool *s);
void spool_fini(struct spool *s);

/* Forgets the answer, for the next one; keeps the memory. */
void spool_reset(struct spool *s);

/*
 * Call after each row: past SPOOL_MEMORY_MAX the bytes go to the file, made in TMPDIR or /var/tmp.
 * Returns 0, -ENOMEM, or what the file said (-ENOSPC, ...): then the answer cannot be had.
 */
int spool_settle(struct spool *s);

/* Call at the end, when it has failed or not: on 0 the answer is all in bytes, or all in the file
 * if there is one. */
int spool_finish(struct spool *s);

/* Gives the file to the caller, who closes it. */
int spool_take_file(struct spool *s);

#endif
