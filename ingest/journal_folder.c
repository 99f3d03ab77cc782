#include "ingest/journal_folder.h"

#include "common/clock.h"
#include "common/log.h"
#include "ingest/checkpoint.h"
#include "ingest/journal_io.h"
#include "ingest/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define DAMAGED_NAME "damaged"
#define SECRET_NAME "secret"
#define SECRET_TEMPORARY_NAME "secret.tmp"

enum { SIGNED_LINE = 17 };

static int take_lock(int folder_fd, int *lock_fd)
{
    int fd = openat(folder_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? -EBUSY : -errno;
        (void)close(fd); /* holds nothing */
        return err;
    }
    *lock_fd = fd;
    return 0;
}

/* A folder that a power loss takes away would take all that was acknowledged with it. */
static int make_folder(const char *dir)
{
    if (mkdir(dir, 0700) != 0) {
        return errno == EEXIST ? 0 : -errno;
    }
    char parent[PATH_MAX];
    int len = snprintf(parent, sizeof parent, "%s/..", dir);
    if (len < 0 || (size_t)len >= sizeof parent) {
        return -ENAMETOOLONG;
    }
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES ? 0 : -errno; /* may make in it, may not open it: so be it */
    }
    int err = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd); /* only synced */
    return err;
}

int journal_folder_open(const char *dir, int *folder_fd, int *lock_fd, struct error *err)
{
    int result = make_folder(dir);
    if (result != 0) {
        error_set(err, "cannot make the journal's folder %s: %s", dir, strerror(-result));
        return result;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        result = -errno;
        error_set(err, "cannot open the journal's folder %s: %s", dir, strerror(-result));
        return result;
    }
    result = take_lock(fd, lock_fd);
    if (result == -EBUSY) {
        error_set(err, "the journal's folder %s is in use by another process", dir);
    } else if (result != 0) {
        error_set(err, "cannot lock the journal's folder %s: %s", dir, strerror(-result));
    }
    if (result != 0) {
        (void)close(fd); /* only opened */
        return result;
    }
    *folder_fd = fd;
    return 0;
}

static int open_damaged(int folder_fd)
{
    if (mkdirat(folder_fd, DAMAGED_NAME, 0700) != 0 && errno != EEXIST) {
        return -errno;
    }
    int fd = openat(folder_fd, DAMAGED_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int journal_folder_set_aside_file(int folder_fd, const char *name, const char *as_name)
{
    int damaged_fd = open_damaged(folder_fd);
    if (damaged_fd < 0) {
        return damaged_fd;
    }
    int err = renameat(folder_fd, name, damaged_fd, as_name) == 0 ? 0 : -errno;
    if (err == 0 && (fsync(damaged_fd) != 0 || fsync(folder_fd) != 0)) {
        err = -errno;
    }
    (void)close(damaged_fd); /* only opened */
    return err;
}

static int copy_bytes(int out_fd, const struct journal_io *io, const struct journal_stretch *bad)
{
    char bytes[4096];
    for (uint64_t at = bad->from; at < bad->to;) {
        size_t want = bad->to - at < sizeof bytes ? (size_t)(bad->to - at) : sizeof bytes;
        ssize_t n = io->pread(bad->fd, bytes, want, (off_t)at);
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            return 0; /* the file was cut meanwhile */
        }
        int err = journal_io_write(journal_io_real(), out_fd, bytes, (size_t)n, at - bad->from);
        if (err != 0) {
            return err;
        }
        at += (uint64_t)n;
    }
    return fdatasync(out_fd) == 0 ? 0 : -errno;
}

/* What a file takes: a short one has a block of its own. */
static uint64_t room_of(uint64_t bytes)
{
    return bytes < 4096 ? 4096 : bytes;
}

static int keep_bytes(int damaged_fd, const struct journal_io *io,
                      const struct journal_stretch *bad, uint64_t *held)
{
    char as_name[NAME_MAX];
    (void)snprintf(as_name, sizeof as_name, "%s.%" PRIu64, bad->name, bad->from); /* it fits */
    uint64_t room = room_of(bad->to - bad->from);
    struct stat st;
    uint64_t before = 0; /* of what was met at an earlier start */
    if (fstatat(damaged_fd, as_name, &st, 0) == 0) {
        before = room_of((uint64_t)st.st_size);
    }
    if (*held + room > JOURNAL_FOLDER_DAMAGED_MAX + before) {
        return -EDQUOT;
    }
    int out_fd = openat(damaged_fd, as_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out_fd < 0) {
        return -errno;
    }
    int err = copy_bytes(out_fd, io, bad);
    (void)close(out_fd); /* what counts was synced */
    *held -= before < *held ? before : *held;
    if (err == 0) {
        *held += room;
    } else {
        (void)unlinkat(damaged_fd, as_name, 0); /* a part of it says nothing */
    }
    return err;
}

/* Takes no room now and reads no bad block; it holds the room once the segment is freed. */
static int keep_file(int folder_fd, int damaged_fd, const struct journal_stretch *bad,
                     uint64_t *held)
{
    struct stat st;
    if (fstat(bad->fd, &st) != 0) {
        return -errno;
    }
    if (*held + room_of((uint64_t)st.st_size) > JOURNAL_FOLDER_DAMAGED_MAX) {
        return -EDQUOT;
    }
    if (linkat(folder_fd, bad->name, damaged_fd, bad->name, 0) != 0) {
        return errno == EEXIST ? 0 : -errno;
    }
    *held += room_of((uint64_t)st.st_size);
    return 0;
}

int journal_folder_set_aside_bytes(int folder_fd, const struct journal_io *io,
                                   const struct journal_stretch *bad, uint64_t *held)
{
    int damaged_fd = open_damaged(folder_fd);
    if (damaged_fd < 0) {
        return damaged_fd;
    }
    int err = keep_bytes(damaged_fd, io, bad, held);
    if (err != 0 && err != -EDQUOT) {
        err = keep_file(folder_fd, damaged_fd, bad, held);
    }
    if (err == 0 && fsync(damaged_fd) != 0) {
        err = -errno;
    }
    (void)close(damaged_fd); /* only opened */
    return err;
}

void journal_folder_damaged(int folder_fd, uint64_t *files, uint64_t *bytes)
{
    *files = *bytes = 0;
    int fd = openat(folder_fd, DAMAGED_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) {
            (void)close(fd); /* only opened */
        }
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        struct stat st;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            *files += 1;
            *bytes += room_of((uint64_t)st.st_size);
        }
    }
    (void)closedir(dir); /* only read from */
}

/* ---- Its segments ---- */

static int add_found(struct journal_found **out, size_t *count, size_t *capacity,
                     struct journal_found f)
{
    if (*count == *capacity) {
        size_t more = *capacity == 0 ? 64 : *capacity * 2;
        struct journal_found *found = realloc(*out, more * sizeof *found);
        if (found == NULL) {
            return -ENOMEM;
        }
        *out = found;
        *capacity = more;
    }
    (*out)[(*count)++] = f;
    return 0;
}

static int compare_found(const void *a, const void *b)
{
    const struct journal_found *x = a, *y = b;
    if (x->lane != y->lane) {
        return x->lane < y->lane ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static int read_names(DIR *dir, struct journal_found **found, size_t *count)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (e == NULL) {
            return -errno;
        }
        struct journal_found f;
        if (segment_parse_name(e->d_name, &f.lane, &f.number) &&
            add_found(found, count, &capacity, f) != 0) {
            return -ENOMEM;
        }
    }
}

int journal_folder_list(int folder_fd, struct journal_found **out, size_t *count)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int err = -errno;
        if (fd >= 0) {
            (void)close(fd); /* only opened */
        }
        return err;
    }
    struct journal_found *found = NULL;
    size_t n = 0;
    int err = read_names(dir, &found, &n);
    (void)closedir(dir); /* only read from */
    if (err != 0) {
        free(found);
        return err;
    }
    if (n > 1) {
        qsort(found, n, sizeof *found, compare_found);
    }
    *out = found;
    *count = n;
    return 0;
}

/* ---- Whose it is ---- */

/* A line a lane, in hex. Nothing depends on it, so it may fail, as on a full disk. */
void journal_folder_sign(int lock_fd, const uint64_t *lanes, size_t count)
{
    off_t at = 0;
    bool is_good = ftruncate(lock_fd, 0) == 0;
    for (size_t i = 0; i < count && is_good; i++) {
        char line[SIGNED_LINE + 1];
        (void)snprintf(line, sizeof line, "%016" PRIx64 "\n", lanes[i]); /* fits */
        is_good = pwrite(lock_fd, line, SIGNED_LINE, at) == SIGNED_LINE;
        at += SIGNED_LINE;
    }
}

/* From the kernel's list; trying the lock would be taking it. */
static pid_t find_holder(int fd)
{
    struct stat st;
    FILE *locks = fstat(fd, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
    if (locks == NULL) {
        return 0;
    }
    char line[256];
    pid_t holder = 0;
    while (holder == 0 && fgets(line, sizeof line, locks) != NULL) {
        int pid = 0;
        unsigned device_major = 0, device_minor = 0;
        unsigned long long inode = 0;
        if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &device_major, &device_minor,
                   &inode) == 4 &&
            inode == st.st_ino && device_major == major(st.st_dev) &&
            device_minor == minor(st.st_dev)) {
            holder = pid;
        }
    }
    (void)fclose(locks); /* only read from */
    return holder;
}

size_t journal_folder_signed(int folder_fd, uint64_t *lanes, size_t max, pid_t *holder)
{
    *holder = 0;
    int fd = openat(folder_fd, LOCK_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    size_t count = 0;
    char line[SIGNED_LINE + 1] = "";
    while (count < max &&
           pread(fd, line, SIGNED_LINE, (off_t)(count * SIGNED_LINE)) == SIGNED_LINE &&
           sscanf(line, "%16" SCNx64, &lanes[count]) == 1) {
        count++;
    }
    *holder = find_holder(fd);
    (void)close(fd); /* only read from */
    return count;
}

bool journal_folder_has_lock(int folder_fd)
{
    return faccessat(folder_fd, LOCK_NAME, F_OK, 0) == 0;
}

/* ---- Its secret ---- */

static int read_secret(int folder_fd, unsigned char out[JOURNAL_FOLDER_SECRET_SIZE])
{
    int fd = openat(folder_fd, SECRET_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = pread(fd, out, JOURNAL_FOLDER_SECRET_SIZE, 0);
    int err = n < 0 ? -errno : 0;
    if (n >= 0 && n < JOURNAL_FOLDER_SECRET_SIZE) {
        err = -EBADMSG;
    }
    (void)close(fd); /* only read from */
    return err;
}

static int draw_secret(unsigned char out[JOURNAL_FOLDER_SECRET_SIZE])
{
    ssize_t n = getrandom(out, JOURNAL_FOLDER_SECRET_SIZE, 0);
    return n == JOURNAL_FOLDER_SECRET_SIZE ? 0 : -EIO;
}

static int write_secret(int folder_fd, const unsigned char secret[JOURNAL_FOLDER_SECRET_SIZE])
{
    int fd =
        openat(folder_fd, SECRET_TEMPORARY_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    int err = journal_io_write(journal_io_real(), fd, secret, JOURNAL_FOLDER_SECRET_SIZE, 0);
    if (err == 0 && fdatasync(fd) != 0) {
        err = -errno;
    }
    (void)close(fd); /* what counts was synced */
    if (err != 0) {
        return err;
    }
    if (renameat(folder_fd, SECRET_TEMPORARY_NAME, folder_fd, SECRET_NAME) != 0 ||
        fsync(folder_fd) != 0) {
        return -errno;
    }
    return 0;
}

int journal_folder_secret(int folder_fd, unsigned char out[JOURNAL_FOLDER_SECRET_SIZE])
{
    unsigned char secret[JOURNAL_FOLDER_SECRET_SIZE];
    int err = read_secret(folder_fd, secret);
    if (err == -EBADMSG) {
        char as_name[64];
        (void)snprintf(as_name, sizeof as_name, SECRET_NAME ".%" PRIu64, clock_wall_ms());
        err = journal_folder_set_aside_file(folder_fd, SECRET_NAME, as_name);
        LOG_WARN("journal_secret_damaged", log_text("kept_as", as_name));
        err = err == 0 ? -ENOENT : err;
    }
    if (err == -ENOENT) {
        err = draw_secret(secret);
        err = err == 0 ? write_secret(folder_fd, secret) : err;
    }
    if (err == 0) {
        memcpy(out, secret, sizeof secret);
    }
    return err;
}

void journal_folder_clean(int folder_fd)
{
    /* Mostly they are not there; one that cannot be removed is truncated by its next writer. */
    (void)unlinkat(folder_fd, CHECKPOINT_TEMPORARY_NAME, 0);
    (void)unlinkat(folder_fd, SECRET_TEMPORARY_NAME, 0);
}
