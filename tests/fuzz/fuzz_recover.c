/*
 * A journal's folder after a bad end: a segment of records, some of them settled, and then damage.
 * The first bytes say how many records, how many of them are settled, and where the file ends; each
 * further three are a place in it and the byte that stands there now. The journal must open, give
 * back every record that was left as it was, in order, and none that was never written.
 */
#include "common/log.h"
#include "ingest/checkpoint.h"
#include "ingest/journal.h"
#include "ingest/journal_io.h"
#include "ingest/segment.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>

enum { RECORDS_MAX = 16, PAYLOAD_MAX = 120, FILE_MAX = 4096, LANE = 0x1234, READ_MAX = 64 };

struct segment {
    char bytes[FILE_MAX];
    size_t size;
    size_t starts[RECORDS_MAX + 1]; /* of the records, and where the last ends */
    size_t count;
    bool is_changed[RECORDS_MAX];
};

static uint64_t sequence_of(size_t i)
{
    return 2 * i + 1; /* with gaps, as failed commits leave them */
}

static void put_records(struct segment *s, size_t count)
{
    static const char text[] =
        "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
        "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef";
    struct segment_header h = {.lane = LANE, .number = 1, .first_sequence = 1, .created_ms = 1};
    *s = (struct segment){.size = SEGMENT_HEADER_SIZE, .count = count};
    segment_put_header(s->bytes, &h);
    for (size_t i = 0; i < count; i++) {
        struct journal_record r = {.sequence = sequence_of(i),
                                   .ts_ms = 1000 + i,
                                   .key = slice_make("7", 1),
                                   .value = slice_make(text, i * 37 % PAYLOAD_MAX)};
        s->starts[i] = s->size;
        s->size += segment_put_record(s->bytes + s->size, segment_crc_seed(LANE), &r);
    }
    s->starts[count] = s->size;
}

static void change(struct segment *s, size_t from, size_t to)
{
    for (size_t i = 0; i < s->count; i++) {
        s->is_changed[i] = s->is_changed[i] || (from < s->starts[i + 1] && to > s->starts[i]);
    }
}

static void damage(struct segment *s, struct slice edits)
{
    for (; edits.len >= 3; edits = fuzz_after(edits, 3)) {
        const unsigned char *e = (const unsigned char *)edits.data;
        size_t at = (e[0] * 256U + e[1]) % s->size;
        if ((unsigned char)s->bytes[at] != e[2]) {
            s->bytes[at] = (char)e[2];
            change(s, at, at + 1);
        }
    }
}

static int fresh_folder(char path[FUZZ_PATH_SIZE])
{
    fuzz_folder(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(fd >= 0);
    return fd;
}

static void write_segment(int folder_fd, const struct segment *s)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, LANE, 1);
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, s->bytes, s->size) == (ssize_t)s->size);
    (void)close(fd); /* it is in memory only */
}

/* Is it record i as it was written? */
static bool is_record(const struct segment *s, size_t i, const struct journal_record *r)
{
    struct journal_record own;
    size_t size;
    static struct segment clean;
    if (clean.count != s->count) {
        put_records(&clean, s->count);
    }
    require(segment_get_record(clean.bytes + clean.starts[i], clean.size - clean.starts[i],
                               segment_crc_seed(LANE), 0, &own, &size) == SEGMENT_RECORD_OK);
    return r->sequence == own.sequence && r->ts_ms == own.ts_ms && slice_equal(r->key, own.key) &&
           slice_equal(r->value, own.value);
}

/* Passes over the records before `at`: those had to come unless they were touched or settled. */
static void pass(const struct segment *s, size_t *next, size_t at, uint64_t settled)
{
    for (; *next < at; ++*next) {
        require(s->is_changed[*next] || sequence_of(*next) <= settled);
    }
}

/* Returns false for a record that was made by the damage, with a sum that fits: nobody can tell. */
static bool check_next(const struct segment *s, size_t *next, const struct journal_record *r,
                       uint64_t settled)
{
    size_t at = *next;
    while (at < s->count && !is_record(s, at, r)) {
        at++;
    }
    if (at == s->count) {
        return false;
    }
    pass(s, next, at, settled);
    ++*next;
    return true;
}

static void check_records(struct journal *j, const struct segment *s, uint64_t settled)
{
    struct journal_cursor *c = NULL;
    struct journal_record records[READ_MAX];
    size_t next = 0;
    int n = 0, failed = journal_cursor_open(&c, j, LANE);
    bool is_told = true;
    require(failed == 0 || failed == -ENOENT);
    while (failed == 0 && is_told && (n = journal_read(c, records, READ_MAX)) > 0) {
        for (int i = 0; i < n && is_told; i++) {
            is_told = check_next(s, &next, &records[i], settled);
        }
    }
    if (is_told) {
        require(n == 0);
        pass(s, &next, s->count, settled);
    }
    journal_cursor_close(c);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void check(const struct segment *s, uint64_t settled)
{
    char path[FUZZ_PATH_SIZE];
    struct journal *j = NULL;
    struct error err = {""};
    const struct checkpoint_entry entry = {.lane = LANE, .settled = settled};
    const struct journal_options options = {
        .dir = path, .max_bytes = 1 << 22, .segment_bytes = 1 << 16, .shard_count = 1};
    int folder_fd = fresh_folder(path);
    write_segment(folder_fd, s);
    if (settled > 0) {
        require(checkpoint_write(folder_fd, journal_io_real(), &entry, 1) == 0);
    }
    (void)close(folder_fd); /* it is in memory only */
    require(journal_open(&j, &options, &err) == 0);
    check_records(j, s, settled);
    journal_close(j);
    require(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct segment s;
    struct segment_header h;
    if (size < 4) {
        return 0;
    }
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1)); /* losses are what this is about */
    put_records(&s, 1 + data[0] % RECORDS_MAX);
    size_t end = (data[2] * 256U + data[3]) % (s.size + 1);
    damage(&s, slice_make((const char *)data + 4, size - 4));
    if (end > 0) { /* 0: it has its end */
        change(&s, end, s.size);
        s.size = end;
    }
    if (segment_get_header(s.bytes, s.size, &h) == SEGMENT_HEADER_NEWER) {
        return 0; /* made newer, with a sum that fits: its records are left alone */
    }
    check(&s, data[1] % (2 * RECORDS_MAX + 2));
    return 0;
}
