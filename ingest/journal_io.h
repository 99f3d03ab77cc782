/* The system calls that can fail while the journal reads and writes, so that a test can let them.
 */
#ifndef INGEST_JOURNAL_IO_H
#define INGEST_JOURNAL_IO_H

#include <stdint.h>
#include <sys/types.h>

/* As the calls of the same names: -1 and errno on failure. Called from any thread of the
 * journal. */
struct journal_io {
    ssize_t (*pwrite)(int fd, const void *data, size_t len, off_t offset);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t len);
    ssize_t (*pread)(int fd, void *data, size_t len, off_t offset); /* of segments */
};

/* The real ones. */
const struct journal_io *journal_io_real(void);

/* Writes all of data at offset, going on after short writes. Returns 0 or -errno. */
int journal_io_write(const struct journal_io *io, int fd, const void *data, size_t len,
                     uint64_t offset);

#endif
