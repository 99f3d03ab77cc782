/* The folder a journal lives in: its lock, its secret, what was set aside in damaged/. */
#ifndef INGEST_JOURNAL_FOLDER_H
#define INGEST_JOURNAL_FOLDER_H

#include "common/error.h"

#include <stdint.h>

enum { JOURNAL_FOLDER_SECRET_SIZE = 32 };

/*
 * Opens the folder, makes it if absent (not its parents) and takes its lock, which lasts as long as
 * *lock_fd stays open. Returns 0 or -errno with a sentence; -EBUSY when another process has the
 * lock.
 */
int journal_folder_open(const char *dir, int *folder_fd, int *lock_fd, struct error *err);

/* Moves the file name into damaged/, under the name as_name. Returns 0 or -errno. */
int journal_folder_set_aside_file(int folder_fd, const char *name, const char *as_name);

/*
 * Copies the bytes from `from` to `to` of fd, the file name, into damaged/<name>.<from>. When they
 * cannot be copied the whole file is kept as damaged/<name>, by a second link. Returns 0 or -errno.
 */
int journal_folder_set_aside_bytes(int folder_fd, const char *name, int fd, uint64_t from,
                                   uint64_t to);

/* Reads the secret, or makes it, on disk before it returns. Returns 0 or -errno. */
int journal_folder_secret(int folder_fd, unsigned char out[JOURNAL_FOLDER_SECRET_SIZE]);

/* Removes what a killed writer left under a temporary name. */
void journal_folder_clean(int folder_fd);

#endif
