#include "ingest/checkpoint.h"

#include "ingest/bytes.h"
#include "ingest/crc32c.h"
#include "ingest/journal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'P', 'R', 'C', 'H', 'E', 'C', 'K', 'P'};

enum {
    HEADER_SIZE = 16,
    ENTRY_SIZE = 24,
    CRC_SIZE = 4,
    COUNT_MAX = 1024 * 1024 /* no journal has as many lanes: what says so is damaged */
};

static size_t size_of(size_t count)
{
    return HEADER_SIZE + count * ENTRY_SIZE + CRC_SIZE;
}

static int decode(const char *data, size_t size, struct checkpoint_entry **out, size_t *count)
{
    if (size < size_of(0) || memcmp(data, magic, sizeof magic) != 0 ||
        bytes_get_u32(data + 8) != CHECKPOINT_VERSION) {
        return -EBADMSG;
    }
    size_t n = bytes_get_u32(data + 12);
    if (n > COUNT_MAX || size != size_of(n) ||
        bytes_get_u32(data + size - CRC_SIZE) != crc32c(0, data, size - CRC_SIZE)) {
        return -EBADMSG;
    }
    struct checkpoint_entry *entries = calloc(n + 1, sizeof *entries); /* never of size 0 */
    if (entries == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const char *at = data + HEADER_SIZE + i * ENTRY_SIZE;
        entries[i].lane = bytes_get_u64(at);
        entries[i].settled = bytes_get_u64(at + 8);
        entries[i].partition_count = bytes_get_u32(at + 16);
    }
    *out = entries;
    *count = n;
    return 0;
}

static int read_all(int fd, char *data, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = pread(fd, data + len, size - len, (off_t)len);
        if (n <= 0) {
            return n < 0 ? -errno : -EBADMSG;
        }
        len += (size_t)n;
    }
    return 0;
}

static int read_file(int fd, struct checkpoint_entry **out, size_t *count)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return -errno;
    }
    if (st.st_size <= 0 || (size_t)st.st_size > size_of(COUNT_MAX)) {
        return -EBADMSG;
    }
    size_t size = (size_t)st.st_size;
    char *data = malloc(size);
    if (data == NULL) {
        return -ENOMEM;
    }
    int err = read_all(fd, data, size);
    if (err == 0) {
        err = decode(data, size, out, count);
    }
    free(data);
    return err;
}

int checkpoint_read(int folder_fd, struct checkpoint_entry **out, size_t *count)
{
    int fd = openat(folder_fd, CHECKPOINT_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int err = read_file(fd, out, count);
    (void)close(fd); /* only read from */
    return err;
}

static char *encode(const struct checkpoint_entry *entries, size_t count)
{
    char *data = calloc(1, size_of(count));
    if (data == NULL) {
        return NULL;
    }
    memcpy(data, magic, sizeof magic);
    bytes_put_u32(data + 8, CHECKPOINT_VERSION);
    bytes_put_u32(data + 12, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        char *at = data + HEADER_SIZE + i * ENTRY_SIZE;
        bytes_put_u64(at, entries[i].lane);
        bytes_put_u64(at + 8, entries[i].settled);
        bytes_put_u32(at + 16, entries[i].partition_count);
    }
    size_t crc_at = size_of(count) - CRC_SIZE;
    bytes_put_u32(data + crc_at, crc32c(0, data, crc_at));
    return data;
}

static int write_temporary(int folder_fd, const struct journal_io *io, const char *data,
                           size_t size)
{
    int fd = openat(folder_fd, CHECKPOINT_TEMPORARY_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    if (fd < 0) {
        return -errno;
    }
    int err = journal_io_write(io, fd, data, size, 0);
    if (err == 0 && io->fdatasync(fd) != 0) {
        err = -errno;
    }
    (void)close(fd); /* what counts was synced */
    if (err != 0) {
        (void)unlinkat(folder_fd, CHECKPOINT_TEMPORARY_NAME, 0); /* the next one truncates it too */
    }
    return err;
}

static bool is_full(int err)
{
    return err == -ENOSPC || err == -EDQUOT;
}

int checkpoint_write(int folder_fd, const struct journal_io *io,
                     const struct checkpoint_entry *entries, size_t count)
{
    if (count > COUNT_MAX) {
        return -EOVERFLOW;
    }
    char *data = encode(entries, count);
    if (data == NULL) {
        return -ENOMEM;
    }
    int err = write_temporary(folder_fd, io, data, size_of(count));
    if (is_full(err) && unlinkat(folder_fd, CHECKPOINT_RESERVE_NAME, 0) == 0) {
        err = write_temporary(folder_fd, io, data, size_of(count));
    }
    free(data);
    if (err != 0) {
        return err;
    }
    if (renameat(folder_fd, CHECKPOINT_TEMPORARY_NAME, folder_fd, CHECKPOINT_NAME) != 0 ||
        fsync(folder_fd) != 0) {
        return -errno;
    }
    (void)checkpoint_reserve(folder_fd); /* while the disk is full it stays away */
    return 0;
}

int checkpoint_reserve(int folder_fd)
{
    struct stat st;
    int fd = openat(folder_fd, CHECKPOINT_RESERVE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    bool is_whole = fstat(fd, &st) == 0 && st.st_size >= CHECKPOINT_RESERVE_SIZE;
    int err = is_whole ? 0 : -posix_fallocate(fd, 0, CHECKPOINT_RESERVE_SIZE);
    (void)close(fd); /* holds no data */
    if (err != 0) {
        (void)unlinkat(folder_fd, CHECKPOINT_RESERVE_NAME, 0); /* a part of it reserves nothing */
    }
    return err;
}
