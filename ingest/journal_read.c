#include "ingest/journal_internal.h"
#include "ingest/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct journal_cursor {
    struct journal *journal;
    struct lane_state *lane;
    struct segment_state *segment; /* NULL before the first */
    int fd;                        /* of segment; -1 when its file is missing */
    uint64_t raised_to;            /* the size the reader was told last */
    uint64_t seen;                 /* highest sequence met since the last rewind */
    struct segment_reader reader;
};

void journal_set_wake(struct journal *j, int fd)
{
    atomic_store(&j->wake_fd, fd);
}

/* A segment may be closed after its last record was settled: nothing else would free it then. */
static void free_closed(struct journal *j)
{
    for (struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        journal_free_settled(j, lane);
    }
}

bool journal_prepare_wait(struct journal *j)
{
    free_closed(j);
    atomic_store(&j->is_reader_waiting, true);
    for (struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        if (lane->is_current && atomic_load(&lane->last) != lane->read_through) {
            atomic_store(&j->is_reader_waiting, false);
            return false;
        }
    }
    return true;
}

int journal_cursor_open(struct journal_cursor **out, struct journal *j, uint64_t lane_id)
{
    struct lane_state *lane = journal_find_lane(j, lane_id);
    if (lane == NULL) {
        return -ENOENT;
    }
    struct journal_cursor *c = calloc(1, sizeof *c);
    if (c == NULL || segment_reader_init(&c->reader, j->io) != 0) {
        free(c);
        return -ENOMEM;
    }
    c->journal = j;
    c->lane = lane;
    c->fd = -1;
    lane->cursor_count++;
    *out = c;
    return 0;
}

static void leave_segment(struct journal_cursor *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd); /* only read from */
        c->fd = -1;
    }
    struct segment_state *segment = c->segment;
    c->segment = NULL;
    if (segment != NULL && --segment->cursor_count == 0 && segment->is_freed) {
        journal_free_segment(segment);
    }
}

void journal_cursor_close(struct journal_cursor *c)
{
    if (c == NULL) {
        return;
    }
    leave_segment(c);
    c->lane->cursor_count--;
    segment_reader_fini(&c->reader);
    free(c);
}

void journal_cursor_rewind(struct journal_cursor *c)
{
    leave_segment(c);
    c->seen = 0;
    c->lane->read_through = 0;
}

/* By number, since the segment the cursor is in may be off the list already. */
static struct segment_state *find_next(struct journal_cursor *c)
{
    journal_lock(c->journal);
    struct segment_state *segment = c->lane->first_segment;
    while (segment != NULL && c->segment != NULL && segment->number <= c->segment->number) {
        segment = segment->next;
    }
    journal_unlock(c->journal);
    return segment;
}

static int enter_segment(struct journal_cursor *c, struct segment_state *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    int fd = openat(c->journal->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        return -errno;
    }
    if (fd < 0 && segment->examined == 0) {
        segment->examined = UINT64_MAX;
        journal_note_loss(c->journal, name, "missing");
    }
    leave_segment(c);
    segment->cursor_count++;
    c->segment = segment;
    c->fd = fd;
    c->raised_to = 0;
    uint64_t after = segment->first_sequence > c->seen ? segment->first_sequence - 1 : c->seen;
    segment_reader_begin(&c->reader, fd, segment->lane, after);
    return 0;
}

/* Only upwards: a file that is shorter than it was has taken the reader's limit down. */
static bool raise_limit(struct journal_cursor *c)
{
    uint64_t size = atomic_load_explicit(&c->segment->size, memory_order_acquire);
    if (c->fd < 0 || size <= c->raised_to) {
        return false;
    }
    c->raised_to = size;
    c->reader.limit = size;
    return true;
}

static void note_damage(struct journal_cursor *c)
{
    struct segment_state *segment = c->segment;
    if (c->reader.bad_from < segment->examined) {
        return; /* read again after a rewind */
    }
    segment->examined = c->reader.bad_to;
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    journal_note_damage(c->journal, name, c->fd, c->reader.bad_from, c->reader.bad_to);
}

static void note_missing_end(struct journal_cursor *c)
{
    struct segment_state *segment = c->segment;
    if (c->reader.limit >= c->raised_to || segment->examined >= c->raised_to) {
        return;
    }
    segment->examined = c->raised_to;
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    journal_note_loss(c->journal, name, "shorter than it was");
}

/* An open file keeps its blocks: where there is no next segment, a full disk would wait for them.
 */
static void let_go_of_freed(struct journal_cursor *c)
{
    if (c->segment->is_freed && c->fd >= 0) {
        (void)close(c->fd); /* only read from */
        c->fd = -1;
    }
}

/* Nobody can settle records that are damaged: without this the lane would stay for ever. */
static void end_lane(struct journal_cursor *c)
{
    struct lane_state *lane = c->lane;
    uint64_t settled = atomic_load(&lane->settled);
    uint64_t last = c->seen > settled ? c->seen : settled;
    if (!lane->is_current && last < atomic_load(&lane->last)) {
        atomic_store(&lane->last, last);
        journal_free_settled(c->journal, lane);
    }
}

/* Returns 1 when there is more to walk, 0 when not now, or -errno. */
static int go_past_end(struct journal_cursor *c, bool may_move)
{
    bool is_closed = true;
    if (c->segment != NULL) {
        is_closed = atomic_load(&c->segment->is_closed); /* before the size: then it is the last */
        if (raise_limit(c)) {
            return 1;
        }
        note_missing_end(c);
        let_go_of_freed(c);
    }
    if (!is_closed || !may_move) {
        return 0;
    }
    struct segment_state *next = find_next(c);
    if (next == NULL) {
        end_lane(c);
        return 0;
    }
    int err = enter_segment(c, next);
    return err == 0 ? 1 : err;
}

/* Returns 1 with a record, 0 when there is none now or the window would have to move, or -errno. */
static int read_one(struct journal_cursor *c, struct journal_record *out, bool may_move)
{
    uint64_t settled = atomic_load_explicit(&c->lane->settled, memory_order_relaxed);
    for (;;) {
        int result = 1;
        enum segment_step step =
            c->segment == NULL ? SEGMENT_STEP_END : segment_reader_next(&c->reader, out);
        switch (step) {
        case SEGMENT_STEP_RECORD:
            c->seen = out->sequence;
            if (out->sequence > settled) {
                return 1;
            }
            break;
        case SEGMENT_STEP_DAMAGE:
            note_damage(c);
            break;
        case SEGMENT_STEP_FILL:
            if (!may_move) {
                return 0;
            }
            result = segment_reader_fill(&c->reader);
            result = result == 0 ? 1 : result;
            break;
        case SEGMENT_STEP_END:
            result = go_past_end(c, may_move);
            break;
        }
        if (result != 1) {
            return result;
        }
    }
}

int journal_read(struct journal_cursor *c, struct journal_record *records, size_t max)
{
    uint64_t last = atomic_load(&c->lane->last); /* before the sizes: see journal_prepare_wait() */
    size_t count = 0;
    while (count < max && count < INT_MAX) {
        int result = read_one(c, &records[count], count == 0);
        if (result < 0 && count == 0) {
            return result;
        }
        if (result <= 0) {
            break;
        }
        count++;
    }
    if (count == 0 && max > 0) {
        c->lane->read_through = last;
    }
    return (int)count;
}
