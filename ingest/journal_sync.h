/*
 * Syncs what one shard of the journal has written, in a thread of its own: the shard's loop never
 * waits for the disk.
 *
 * Group commit: one fdatasync at a time; it covers all that was written before it began, and what
 * is written meanwhile waits together for the next. Files are synced in the order in which they
 * were opened, and a file whose sync failed is never synced again: nothing that it held after its
 * last good sync counts.
 */
#ifndef INGEST_JOURNAL_SYNC_H
#define INGEST_JOURNAL_SYNC_H

#include <stdbool.h>
#include <stdint.h>

struct journal_io;
struct journal_sync;
struct metric;
struct sync_file;

/* All of it outlives the thread. */
struct journal_sync_options {
    const struct journal_io *io;
    int folder_fd;
    struct metric *syncs, *failures; /* added to by the thread alone; may be NULL */
};

/* Starts the thread. Returns 0 or -errno. */
int journal_sync_start(struct journal_sync **out, const struct journal_sync_options *options);

/* Ends the thread after the sync that it is in, closes the files and frees y. NULL is a no-op. */
void journal_sync_stop(struct journal_sync *y);

/* fd, an eventfd, is written 8 bytes when a sync has ended; -1 = none, and from then on it is not
 * used. Any thread. */
void journal_sync_set_wake(struct journal_sync *y, int fd);

/* ---- The shard's thread alone. ---- */

/*
 * Adds the file that is written next: takes fd on success. last is the sequence before its first;
 * name_is_new: the folder is synced with it before anything in it counts. 0 or -ENOMEM.
 */
int journal_sync_add(struct journal_sync *y, int fd, uint64_t last, bool name_is_new,
                     struct sync_file **out);

/* Everything up to last is written to the file: it shall be synced. */
void journal_sync_ask(struct journal_sync *y, struct sync_file *file, uint64_t last);

/*
 * The file shall be synced although nothing new is written to it. A success is a verdict of its
 * own, through what the one before went through; a failure is told by journal_sync_has_failed().
 */
void journal_sync_probe(struct journal_sync *y, struct sync_file *file);

/* Nothing more will be written to the file; it is dead to the caller. */
void journal_sync_release(struct journal_sync *y, struct sync_file *file);

/* Has a sync of the file failed? Then write no more to it, and release it. */
bool journal_sync_has_failed(struct journal_sync *y, const struct sync_file *file);

struct sync_verdict {
    uint64_t through; /* of all since the verdict before, up to this sequence */
    int failed;       /* 0 = on disk; -errno = nobody knows */
};

/*
 * The next verdict, in the order of the sequences; false when there is none now. A failed file has
 * its verdict once it is released.
 */
bool journal_sync_next(struct journal_sync *y, struct sync_verdict *out);

#endif
