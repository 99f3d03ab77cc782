#include "ingest/journal_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "ingest/checkpoint.h"
#include "ingest/journal_folder.h"
#include "ingest/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct recovery {
    struct journal *journal;
    char culprit[SEGMENT_NAME_SIZE]; /* what stopped it, if a segment did */
    struct journal_found *found;
    size_t found_count;
    struct checkpoint_entry *entries;
    size_t entry_count;
    struct segment_reader reader;
};

/* ---- What is there ---- */

/* Without a checkpoint everything is sent again; whoever applies it knows what it has had. */
static int read_checkpoint(struct recovery *r)
{
    int folder_fd = r->journal->folder_fd;
    int err = checkpoint_read(folder_fd, &r->entries, &r->entry_count);
    if (err == 0 || err == -ENOENT) {
        return 0;
    }
    if (err == -ENOMEM || err == -EACCES) {
        (void)snprintf(r->culprit, sizeof r->culprit, CHECKPOINT_NAME);
        return err;
    }
    char as_name[64];
    (void)snprintf(as_name, sizeof as_name, CHECKPOINT_NAME ".%" PRIu64, clock_wall_ms());
    err = journal_folder_set_aside_file(folder_fd, CHECKPOINT_NAME, as_name);
    journal_note_loss(r->journal, CHECKPOINT_NAME, err == 0 ? "kept in damaged/" : strerror(-err));
    return 0;
}

/* ---- One segment ---- */

static void set_aside_segment(struct journal *j, const char *name, const char *reason)
{
    int err = journal_folder_set_aside_file(j->folder_fd, name, name);
    journal_note_loss(j, name, err == 0 ? reason : strerror(-err));
}

static void note_foreign(const char *name)
{
    LOG_WARN("journal_file_foreign", log_text("file", name));
}

/*
 * What is not ours and what the disk has lost stops nothing. That we may not read a file, or have
 * no room to, is no damage: going on would leave behind what is whole.
 */
static int judge_unopened(struct journal *j, const char *name, int failed)
{
    if (failed == EACCES || failed == EPERM || failed == ENOMEM || failed == EMFILE ||
        failed == ENFILE) {
        return -failed;
    }
    if (failed == ELOOP || failed == ENXIO) {
        note_foreign(name);
    } else {
        set_aside_segment(j, name, "cannot be opened");
    }
    return 0;
}

static uint64_t modified_ms(const struct stat *st)
{
    return st->st_mtim.tv_sec < 0 ? 0 : (uint64_t)st->st_mtim.tv_sec * 1000;
}

/* Returns 1 with segment filled, 0 when the file was set aside or is not ours, or -errno. */
static int inspect(struct journal *j, const char *name, int fd, struct segment_state *segment)
{
    struct stat st;
    char bytes[SEGMENT_HEADER_SIZE];
    if (fstat(fd, &st) != 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        note_foreign(name);
        return 0;
    }
    uint64_t size = (uint64_t)st.st_size;
    ssize_t n = j->io->pread(fd, bytes, sizeof bytes, 0);
    struct segment_header h;
    enum segment_header_result result = segment_get_header(bytes, n < 0 ? 0 : (size_t)n, &h);
    if (result == SEGMENT_HEADER_NEWER) {
        set_aside_segment(j, name, "of a newer version");
        return 0;
    }
    segment->created_ms = modified_ms(&st);
    if (result == SEGMENT_HEADER_OK && h.lane == segment->lane && h.number == segment->number) {
        segment->first_sequence = h.first_sequence;
        segment->created_ms = h.created_ms;
    } else if (size > 0) {
        journal_note_damage(j, name, fd, 0, size < sizeof bytes ? size : sizeof bytes);
    }
    atomic_init(&segment->size, size);
    atomic_init(&segment->last_sequence, UINT64_MAX);
    atomic_init(&segment->is_closed, true);
    return 1;
}

static int load_segment(struct journal *j, struct journal_found f, struct segment_state **out)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, f.lane, f.number);
    int fd = openat(j->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return judge_unopened(j, name, errno);
    }
    struct segment_state *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        (void)close(fd); /* only opened */
        return -ENOMEM;
    }
    segment->lane = f.lane;
    segment->number = f.number;
    int result = inspect(j, name, fd, segment);
    (void)close(fd); /* only read from */
    if (result != 1) {
        free(segment);
        return result;
    }
    atomic_fetch_add(&j->bytes, atomic_load(&segment->size));
    *out = segment;
    return 1;
}

/* Finds the last record and where it ends. Damage before it is the reader's, when it comes there.
 */
static int scan_records(struct segment_reader *r, uint64_t *last, uint64_t *end)
{
    struct journal_record record;
    for (;;) {
        int err = 0;
        switch (segment_reader_next(r, &record)) {
        case SEGMENT_STEP_RECORD:
            *last = record.sequence;
            *end = r->base + r->at;
            break;
        case SEGMENT_STEP_FILL:
            err = segment_reader_fill(r);
            err = err == -EIO ? 0 : err; /* until it passes over the place */
            break;
        case SEGMENT_STEP_DAMAGE:
            break;
        case SEGMENT_STEP_END:
            return 0;
        }
        if (err != 0) {
            return err;
        }
    }
}

/*
 * Learns the segment's last sequence (0 = it holds no record) and cuts a torn tail off what will be
 * read. When the disk fails in the middle, what could be read so far is what there is; the file is
 * kept.
 */
static int scan_segment(struct recovery *r, struct segment_state *segment, uint64_t *last)
{
    struct journal *j = r->journal;
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    int fd = openat(j->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    uint64_t size = atomic_load(&segment->size);
    uint64_t end = size < SEGMENT_HEADER_SIZE ? size : SEGMENT_HEADER_SIZE;
    uint64_t after = segment->first_sequence > 0 ? segment->first_sequence - 1 : 0;
    segment_reader_begin(&r->reader, fd, segment->lane, after);
    r->reader.limit = size;
    int err = scan_records(&r->reader, last, &end);
    if (end < size || err != 0) {
        journal_note_damage(j, name, fd, end, size);
    }
    segment->excess = size - end;
    atomic_store(&segment->size, end);
    (void)close(fd); /* only read from */
    return 0;
}

/* ---- One lane ---- */

static int load_lane(struct recovery *r, size_t from, size_t to, struct lane_state *lane)
{
    struct segment_state **end = &lane->first_segment;
    for (size_t i = from; i < to; i++) {
        struct segment_state *segment = NULL;
        int result = load_segment(r->journal, r->found[i], &segment);
        if (result < 0) {
            segment_format_name(r->culprit, r->found[i].lane, r->found[i].number);
            return result;
        }
        if (result == 1) {
            *end = segment;
            end = &segment->next;
        }
    }
    return 0;
}

/* From the end: the last segment with a record in it tells the lane's last sequence. */
static int find_last(struct recovery *r, struct lane_state *lane)
{
    uint64_t last = 0;
    struct segment_state *stop = NULL;
    while (last == 0 && lane->first_segment != stop) {
        struct segment_state *segment = lane->first_segment;
        while (segment->next != stop) {
            segment = segment->next;
        }
        int err = scan_segment(r, segment, &last);
        if (err != 0) {
            return err;
        }
        stop = segment;
    }
    atomic_store(&lane->last, last);
    return 0;
}

/* A segment holds nothing from where a later one begins. */
static void bound_segments(struct lane_state *lane)
{
    for (struct segment_state *segment = lane->first_segment; segment != NULL;
         segment = segment->next) {
        const struct segment_state *later = segment->next;
        while (later != NULL && later->first_sequence == 0) {
            later = later->next;
        }
        uint64_t bound = later == NULL ? atomic_load(&lane->last) : later->first_sequence - 1;
        atomic_store(&segment->last_sequence, bound);
    }
}

static void apply_checkpoint(struct recovery *r, struct lane_state *lane)
{
    uint64_t settled = 0;
    for (size_t i = 0; i < r->entry_count; i++) {
        if (r->entries[i].lane == lane->id) {
            settled = r->entries[i].settled;
            atomic_store(&lane->partition_count, (int)(r->entries[i].partition_count & INT32_MAX));
        }
    }
    /* Segments are freed in order: what stood before the first that is left was settled. */
    const struct segment_state *first = lane->first_segment;
    if (first != NULL && first->first_sequence > 0 && first->first_sequence - 1 > settled) {
        settled = first->first_sequence - 1;
    }
    /* Ahead of the segments after a power loss: what was settled and then lost is not missed. */
    if (settled > atomic_load(&lane->last)) {
        atomic_store(&lane->last, settled);
    }
    atomic_store(&lane->settled, settled);
}

static int recover_lane(struct recovery *r, size_t from, size_t to)
{
    struct lane_state *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        return -ENOMEM;
    }
    lane->id = r->found[from].lane;
    lane->next = r->journal->lanes;
    r->journal->lanes = lane; /* from here on it is freed with the journal */
    int err = load_lane(r, from, to, lane);
    if (err == 0) {
        err = find_last(r, lane);
    }
    if (err != 0) {
        return err;
    }
    apply_checkpoint(r, lane);
    bound_segments(lane);
    journal_free_settled(r->journal, lane);
    return 0;
}

static int recover_lanes(struct recovery *r)
{
    for (size_t from = 0, to = 0; from < r->found_count; from = to) {
        while (to < r->found_count && r->found[to].lane == r->found[from].lane) {
            to++;
        }
        int err = recover_lane(r, from, to);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static void log_recovered(struct journal *j)
{
    struct journal_status status;
    journal_status(j, &status);
    LOG_INFO("journal_recovered", log_uint("waiting", status.waiting),
             log_uint("bytes", status.bytes), log_uint("damaged", status.damaged));
}

int journal_recover(struct journal *j, struct error *err)
{
    struct recovery r = {.journal = j, .reader = {.fd = -1}};
    journal_folder_clean(j->folder_fd);
    int result = segment_reader_init(&r.reader, j->io);
    if (result == 0) {
        result = journal_folder_list(j->folder_fd, &r.found, &r.found_count);
    }
    if (result == 0) {
        result = read_checkpoint(&r);
    }
    if (result == 0) {
        result = recover_lanes(&r);
    }
    if (result == 0) {
        j->is_dirty = j->is_dirty || r.entry_count > 0; /* lanes without segments leave it */
        log_recovered(j);
    } else {
        error_set(err, "cannot read %s in the journal's folder: %s",
                  r.culprit[0] != '\0' ? r.culprit : "what is", strerror(-result));
    }
    segment_reader_fini(&r.reader);
    free(r.entries);
    free(r.found);
    return result;
}
