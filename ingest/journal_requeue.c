#include "ingest/journal_requeue.h"

#include "ingest/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct journal_shard *journal_requeue_shard(struct journal *j)
{
    return j->requeue;
}

/* ---- Writing ---- */

static int frame(struct journal_shard *s, const struct journal_record *old, uint64_t lane)
{
    struct journal_record r = *old;
    r.sequence = s->next;
    if (r.replaces_lane == 0) {
        r.replaces_lane = lane;
        r.replaces_sequence = old->sequence;
    }
    if (!buffer_reserve(&s->batch, SEGMENT_RECORD_HEADER_SIZE + segment_payload_size(&r))) {
        s->batch.failed = false;
        return -ENOMEM;
    }
    s->batch.len += segment_put_record(s->batch.data + s->batch.len, s->crc_seed, &r);
    s->batch_count++;
    s->next++;
    return 0;
}

int journal_requeue(struct journal_shard *s, const struct journal_record *records, uint64_t lane,
                    size_t count)
{
    struct replaced *replaced = &s->journal->replaced;
    int err = replaced_reserve(replaced, count);
    for (size_t i = 0; i < count && err == 0; i++) {
        err = frame(s, &records[i], lane);
    }
    if (err != 0) {
        journal_discard(s);
        return err;
    }
    uint64_t first = s->next - count;
    err = journal_commit(s);
    for (size_t i = 0; i < count && err == 0; i++) {
        replaced_put(replaced, lane, records[i].sequence, s->lane->id, first + i);
    }
    return err;
}

/* ---- Recovery ---- */

/* What the disk does not give is as good as not there; the reader will tell of it. */
static int scan_records(struct journal *j, struct segment_reader *r, uint64_t lane)
{
    struct journal_record record;
    for (int err = 0, failed = 0; err == 0;) {
        switch (segment_reader_next(r, &record)) {
        case SEGMENT_STEP_RECORD:
            if (record.replaces_lane != 0) {
                err = replaced_note(&j->replaced, record.replaces_lane, record.replaces_sequence,
                                    lane, record.sequence);
                j->requeue_first =
                    record.sequence < j->requeue_first ? j->requeue_first : record.sequence + 1;
            }
            break;
        case SEGMENT_STEP_FILL:
            if ((failed = segment_reader_fill(r)) != 0 && failed != -EIO) {
                return 0;
            }
            break;
        case SEGMENT_STEP_DAMAGE:
            break;
        case SEGMENT_STEP_END:
            return 0;
        }
    }
    return -ENOMEM;
}

static int scan_file(struct journal *j, struct segment_reader *r,
                     const struct segment_state *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    int fd = openat(j->folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    segment_reader_begin(r, fd, segment->lane, 0);
    r->limit = atomic_load(&segment->size);
    int err = scan_records(j, r, segment->lane);
    (void)close(fd); /* only read from */
    return err;
}

int journal_recover_replaced(struct journal *j, struct segment_reader *r)
{
    for (const struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        const struct segment_state *segment = lane->first_segment;
        for (; segment != NULL; segment = segment->next) {
            if (segment->may_replace && scan_file(j, r, segment) != 0) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}
