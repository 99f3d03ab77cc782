/* The folder a journal lives in: its lock, its secret, what was set aside in damaged/. */
#ifndef INGEST_JOURNAL_FOLDER_H
#define INGEST_JOURNAL_FOLDER_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct journal_io;

enum {
    JOURNAL_FOLDER_SECRET_SIZE = 32,
    /* What damaged/ may hold, beside max_bytes; further damage is counted and told, not kept. */
    JOURNAL_FOLDER_DAMAGED_MAX = 256 * 1024 * 1024
};

/*
 * Opens the folder, makes it if absent (not its parents) and takes its lock, which lasts as long as
 * *lock_fd stays open. Returns 0 or -errno with a sentence; -EBUSY when another process has the
 * lock.
 */
int journal_folder_open(const char *dir, int *folder_fd, int *lock_fd, struct error *err);

/* Moves the file name into damaged/, under the name as_name. Returns 0 or -errno. */
int journal_folder_set_aside_file(int folder_fd, const char *name, const char *as_name);

/* A part of an open file of the folder. */
struct journal_stretch {
    const char *name;
    int fd;
    uint64_t from, to;
};

/*
 * Copies the stretch's bytes into damaged/<name>.<from>, in decimal. When they cannot be copied the
 * whole file is kept as damaged/<name>, by a second link. *held is what damaged/ holds, and grows.
 * Returns 0 or -errno: -EDQUOT when damaged/ is full.
 */
int journal_folder_set_aside_bytes(int folder_fd, const struct journal_io *io,
                                   const struct journal_stretch *bad, uint64_t *held);

/* Counts the files of damaged/ and the room they take. A damaged/ that is not there is empty. */
void journal_folder_damaged(int folder_fd, uint64_t *files, uint64_t *bytes);

/* A segment's file, by its name. */
struct journal_found {
    uint64_t lane;
    uint32_t number;
};

/* Lists the segments by lane and number into *out, which the caller frees. Returns 0 or -errno. */
int journal_folder_list(int folder_fd, struct journal_found **out, size_t *count);

/* Writes into the lock's file which lanes are its holder's, for who looks on. */
void journal_folder_sign(int lock_fd, const uint64_t *lanes, size_t count);

/*
 * What journal_folder_sign() wrote: up to max lanes of the last start. Returns how many. *holder is
 * the process that has the lock, 0 when none is seen: one in another container may not be. Takes no
 * lock.
 */
size_t journal_folder_signed(int folder_fd, uint64_t *lanes, size_t max, pid_t *holder);

/* Has a daemon ever opened the folder as its journal? */
bool journal_folder_has_lock(int folder_fd);

/* Reads the secret, or makes it, on disk before it returns. Returns 0 or -errno. */
int journal_folder_secret(int folder_fd, unsigned char out[JOURNAL_FOLDER_SECRET_SIZE]);

/* Removes what a killed writer left under a temporary name. */
void journal_folder_clean(int folder_fd);

#endif
