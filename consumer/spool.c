#include "consumer/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void spool_init(struct spool *s)
{
    buffer_init(&s->bytes);
    s->file = -1;
    s->file_len = 0;
    s->failed = 0;
}

static void close_file(struct spool *s)
{
    if (s->file >= 0) {
        (void)close(s->file); /* it has no name: nobody misses what is in it */
    }
    s->file = -1;
    s->file_len = 0;
}

void spool_fini(struct spool *s)
{
    close_file(s);
    buffer_fini(&s->bytes);
}

void spool_reset(struct spool *s)
{
    close_file(s);
    s->failed = 0;
    buffer_reset(&s->bytes);
}

static int open_file(struct spool *s)
{
    char path[4096];
    const char *folder = getenv("TMPDIR");
    folder = folder == NULL || folder[0] == '\0' ? "/var/tmp" : folder;
    int len = snprintf(path, sizeof path, "%s/playreport-XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        return -ENAMETOOLONG;
    }
    s->file = mkostemp(path, O_CLOEXEC);
    if (s->file < 0) {
        return -errno;
    }
    return unlink(path) == 0 ? 0 : -errno;
}

static int move_bytes(struct spool *s)
{
    int failed = s->file < 0 ? open_file(s) : 0;
    for (size_t at = 0; failed == 0 && at < s->bytes.len;) {
        ssize_t n = write(s->file, s->bytes.data + at, s->bytes.len - at);
        if (n > 0) {
            at += (size_t)n;
            s->file_len += (uint64_t)n;
        } else if (n == 0 || errno != EINTR) {
            failed = n == 0 ? -EIO : -errno;
        }
    }
    buffer_reset(&s->bytes);
    return failed;
}

static int settle(struct spool *s, size_t memory_max)
{
    if (s->failed == 0 && buffer_failed(&s->bytes)) {
        s->failed = -ENOMEM;
    }
    if (s->failed == 0 && s->bytes.len > memory_max) {
        s->failed = move_bytes(s);
    }
    return s->failed;
}

int spool_settle(struct spool *s)
{
    return settle(s, SPOOL_MEMORY_MAX);
}

int spool_finish(struct spool *s)
{
    return settle(s, s->file < 0 ? SPOOL_MEMORY_MAX : 0);
}

int spool_take_file(struct spool *s)
{
    int file = s->file;
    s->file = -1;
    s->file_len = 0;
    return file;
}
