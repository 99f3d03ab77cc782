/*
 * The file that says, lane by lane, up to where a journal's records are settled.
 *
 * Name: checkpoint; all integers are little endian.
 *
 *    0  8  magic "PRCHECKP"
 *    8  4  version, 1
 *   12  4  count of entries
 *   16     entries of 24 bytes: lane (8), highest settled sequence (8), partition count (4),
 * reserved 0 (4) .  4  CRC-32C over everything before
 *
 * The version is raised whenever an older reader would misread it; a reader takes a newer one as
 * damaged, which costs repeats and loses nothing.
 *
 * It is replaced whole: temporary file, fdatasync, rename, sync of the folder. A reserve of 64 KiB
 * on the disk is given up for it when the disk is full.
 */
#ifndef INGEST_CHECKPOINT_H
#define INGEST_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#define CHECKPOINT_NAME "checkpoint"
#define CHECKPOINT_TEMPORARY_NAME "checkpoint.tmp"
#define CHECKPOINT_RESERVE_NAME "checkpoint.reserve"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_RESERVE_SIZE = 64 * 1024 };

struct journal_io;

struct checkpoint_entry {
    uint64_t lane;
    uint64_t settled;
    uint32_t partition_count; /* 0 = nothing was sent yet */
};

/*
 * Reads the checkpoint in the folder into *out, which the caller frees. Returns 0, -ENOENT when
 * there is none, -EBADMSG when it is damaged or newer, or another -errno.
 */
int checkpoint_read(int folder_fd, struct checkpoint_entry **out, size_t *count);

/* Writes it; after 0 it is on disk. Returns 0 or -errno, then the one before still stands. */
int checkpoint_write(int folder_fd, const struct journal_io *io,
                     const struct checkpoint_entry *entries, size_t count);

/* Makes the reserve if it is missing. Returns 0 or -errno; without it all works until the disk is
 * full. */
int checkpoint_reserve(int folder_fd);

#endif
