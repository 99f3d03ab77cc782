/* What the fuzz targets share: a broken invariant, and inputs that are made of lines. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "common/slice.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a find, and says which invariant is broken. */
#define require(holds) fuzz_require((holds), #holds, __FILE__, __LINE__)

static inline void fuzz_require(bool holds, const char *words, const char *file, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "%s:%d: broken: %s\n", file, line, words);
        abort();
    }
}

static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return slice_make(size == 0 ? "" : (const char *)data, size);
}

static inline struct slice fuzz_after(struct slice s, size_t used)
{
    return slice_make(s.data + used, s.len - used);
}

/* Takes the bytes up to the next end, or all of the rest. */
static inline struct slice fuzz_take(struct slice *rest, char end)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    size_t len = found == NULL ? rest->len : (size_t)(found - rest->data);
    struct slice taken = slice_make(rest->data, len);
    *rest = fuzz_after(*rest, found == NULL ? len : len + 1);
    return taken;
}

/* A copy that ends in NUL, for what takes texts; bytes from the first NUL on are lost there. */
static inline char *fuzz_text(struct slice s)
{
    char *text = strndup(s.data, s.len);
    require(text != NULL);
    return text;
}

/* A file in memory that holds s, and the path under which it can be opened. */
struct fuzz_file {
    int fd;
    char path[32];
};

static inline struct fuzz_file fuzz_file(struct slice s)
{
    struct fuzz_file f = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    require(f.fd >= 0 && write(f.fd, s.data, s.len) == (ssize_t)s.len);
    (void)snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

/*
 * Makes a folder under TMPDIR, /dev/shm unless it is set, and writes its path. Who runs the targets
 * (run.sh) sets it and removes it: a find leaves no time to.
 */
enum { FUZZ_PATH_SIZE = 256 };
static inline void fuzz_folder(char path[FUZZ_PATH_SIZE])
{
    const char *parent = getenv("TMPDIR");
    int len =
        snprintf(path, FUZZ_PATH_SIZE, "%s/fuzz.XXXXXX", parent == NULL ? "/dev/shm" : parent);
    require(len < FUZZ_PATH_SIZE && mkdtemp(path) != NULL);
}

#endif
