#include "ingest/journal_io.h"

#include <errno.h>
#include <unistd.h>

const struct journal_io *journal_io_real(void)
{
    static const struct journal_io real = {pwrite, fdatasync, ftruncate, pread};
    return &real;
}

int journal_io_write(const struct journal_io *io, int fd, const void *data, size_t len,
                     uint64_t offset)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = io->pwrite(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}
