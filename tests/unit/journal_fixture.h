/* What the tests of the journal share: a folder of its own, records that name themselves, a sudden
 * end. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include "common/log.h"
#include "ingest/journal.h"
#include "ingest/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIXTURE_NAMES_MAX = 256, FIXTURE_FILE_MAX = 256 * 1024 };

struct fixture {
    char path[64];
    int folder_fd;
    struct journal *j;
    struct journal_options options;
    struct error err;
};

/* The segments of the folder, by name. */
struct fixture_names {
    size_t count;
    char name[FIXTURE_NAMES_MAX][SEGMENT_NAME_SIZE];
};

static inline struct fixture *fixture_new(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/test_journal.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->folder_fd = open(f->path, O_RDONLY | O_DIRECTORY);
    assert_true(f->folder_fd >= 0);
    f->options = (struct journal_options){
        .dir = f->path, .max_bytes = 1 << 26, .segment_bytes = 1 << 20, .shard_count = 1};
    return f;
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void fixture_free(struct fixture *f)
{
    journal_close(f->j);
    close(f->folder_fd);
    assert_int_equal(nftw(f->path, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
}

static inline int fixture_set_up(void **state)
{
    *state = fixture_new();
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    fixture_free(*state);
    return 0;
}

static inline void fixture_open(struct fixture *f)
{
    int result = journal_open(&f->j, &f->options, &f->err);
    if (result != 0) {
        print_error("%s\n", f->err.text);
    }
    assert_int_equal(result, 0);
}

static inline void fixture_close(struct fixture *f)
{
    journal_close(f->j);
    f->j = NULL;
}

static inline struct journal_shard *fixture_shard(struct fixture *f)
{
    return journal_shard_at(f->j, 0);
}

static inline uint64_t fixture_lane(struct fixture *f)
{
    return journal_shard_lane(fixture_shard(f));
}

/* A record whose key and value name its sequence. */
static inline int fixture_append(struct journal_shard *s)
{
    char key[32], value[64];
    uint64_t sequence = journal_shard_next(s);
    snprintf(key, sizeof key, "k%" PRIu64, sequence);
    snprintf(value, sizeof value, "v%" PRIu64, sequence);
    return journal_append(s, 1000 + sequence, slice_of(key), slice_of(value));
}

static inline void fixture_write(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(fixture_append(fixture_shard(f)), 0);
        assert_int_equal(journal_commit(fixture_shard(f)), 0);
    }
}

static inline void fixture_check_record(const struct journal_record *r)
{
    char key[32], value[64];
    snprintf(key, sizeof key, "k%" PRIu64, r->sequence);
    snprintf(value, sizeof value, "v%" PRIu64, r->sequence);
    assert_true(slice_is(r->key, key));
    assert_true(slice_is(r->value, value));
    assert_int_equal(r->ts_ms, 1000 + r->sequence);
}

/* Reads on to the end; sequences go to out. Returns how many. */
static inline size_t fixture_read(struct journal_cursor *c, uint64_t *out, size_t max)
{
    size_t count = 0;
    struct journal_record records[7];
    for (int n = 1; n > 0;) {
        n = journal_read(c, records, 7);
        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
            fixture_check_record(&records[i]);
            assert_true(count < max);
            assert_true(count == 0 || records[i].sequence > out[count - 1]);
            out[count++] = records[i].sequence;
        }
    }
    return count;
}

static inline size_t fixture_read_lane(struct fixture *f, uint64_t lane, uint64_t *out, size_t max)
{
    struct journal_cursor *c = NULL;
    assert_int_equal(journal_cursor_open(&c, f->j, lane), 0);
    size_t count = fixture_read(c, out, max);
    journal_cursor_close(c);
    return count;
}

/* Exactly the sequences from first to last can be read. */
static inline void fixture_assert_holds(struct fixture *f, uint64_t lane, uint64_t first,
                                        uint64_t last)
{
    static uint64_t read[65536];
    size_t count = fixture_read_lane(f, lane, read, sizeof read / sizeof *read);
    assert_int_equal(count, last + 1 - first);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i], first + i);
    }
}

/* The one lane that an earlier start left. Returns false when there is none. */
static inline bool fixture_find_old(struct fixture *f, struct journal_lane *out)
{
    struct journal_lane lanes[32];
    size_t count = journal_lanes(f->j, lanes, 32), old_count = 0;
    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++) {
        if (!lanes[i].current) {
            *out = lanes[i];
            old_count++;
        }
    }
    assert_true(old_count <= 1);
    return old_count == 1;
}

static inline uint64_t fixture_old_lane(struct fixture *f)
{
    struct journal_lane lane = {0};
    assert_true(fixture_find_old(f, &lane));
    return lane.lane;
}

static inline uint64_t fixture_damaged(struct fixture *f)
{
    struct journal_status status;
    journal_status(f->j, &status);
    return status.damaged;
}

/* Runs act on an open journal in a process that ends without closing it, as kill -9 does. */
static inline void fixture_run_and_die(struct fixture *f, void (*act)(struct fixture *f))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fixture_open(f);
        act(f);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static inline uint64_t fixture_bytes(struct fixture *f)
{
    struct journal_status status;
    journal_status(f->j, &status);
    return status.bytes;
}

static inline int fixture_is_segment(const struct dirent *e)
{
    uint64_t lane;
    uint32_t number;
    return segment_parse_name(e->d_name, &lane, &number);
}

static inline void fixture_list(struct fixture *f, struct fixture_names *out)
{
    struct dirent **entries = NULL;
    int count = scandir(f->path, &entries, fixture_is_segment, alphasort);
    assert_true(count >= 0 && count <= FIXTURE_NAMES_MAX);
    out->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        memcpy(out->name[i], entries[i]->d_name, SEGMENT_NAME_SIZE);
        free(entries[i]);
    }
    free(entries);
}

static inline size_t fixture_segment_count(struct fixture *f)
{
    struct fixture_names names;
    fixture_list(f, &names);
    return names.count;
}

/* What the segments take by the file system's word. */
static inline uint64_t fixture_bytes_on_disk(struct fixture *f)
{
    struct fixture_names names;
    uint64_t sum = 0;
    fixture_list(f, &names);
    for (size_t i = 0; i < names.count; i++) {
        struct stat st;
        assert_int_equal(fstatat(f->folder_fd, names.name[i], &st, 0), 0);
        sum += (uint64_t)st.st_size;
    }
    return sum;
}

static inline bool fixture_exists(struct fixture *f, const char *name)
{
    return faccessat(f->folder_fd, name, F_OK, 0) == 0;
}

static inline size_t fixture_load(struct fixture *f, const char *name, char *out)
{
    int fd = openat(f->folder_fd, name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = pread(fd, out, FIXTURE_FILE_MAX, 0);
    assert_true(n >= 0 && n < FIXTURE_FILE_MAX);
    close(fd);
    return (size_t)n;
}

static inline void fixture_save(struct fixture *f, const char *name, const char *data, size_t len)
{
    int fd = openat(f->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, 0), len);
    close(fd);
}

static inline void fixture_patch(struct fixture *f, const char *name, const void *data, size_t len,
                                 uint64_t offset)
{
    int fd = openat(f->folder_fd, name, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, len, (off_t)offset), len);
    close(fd);
}

/* The name of the one segment that is there. */
static inline void fixture_only_segment(struct fixture *f, char name[SEGMENT_NAME_SIZE])
{
    struct fixture_names names;
    fixture_list(f, &names);
    assert_int_equal(names.count, 1);
    memcpy(name, names.name[0], SEGMENT_NAME_SIZE);
}

static inline void fixture_write_nine(struct fixture *f)
{
    fixture_write(f, 9);
}

static inline void fixture_write_hundred(struct fixture *f)
{
    fixture_write(f, 100);
}

#endif
