#include "ingest/journal_requeue.h"

#include "ingest/segment_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* A replacement that was found, and the first of all in whose place it stands. */
struct link {
    uint64_t lane, sequence;
    uint64_t by_lane, by_sequence;
};

struct links {
    struct link *links;
    size_t count, capacity;
};

static int add_link(struct links *l, struct link link)
{
    if (l->count == l->capacity) {
        size_t more = l->capacity == 0 ? 64 : l->capacity * 2;
        struct link *links = realloc(l->links, more * sizeof *links);
        if (links == NULL) {
            return -ENOMEM;
        }
        l->links = links;
        l->capacity = more;
    }
    l->links[l->count++] = link;
    return 0;
}

/* What the disk does not give is as good as not there; the reader will tell of it. */
static int scan_segment(struct links *l, struct segment_reader *r, uint64_t lane)
{
    struct journal_record record;
    for (int err = 0, failed = 0; err == 0;) {
        switch (segment_reader_next(r, &record)) {
        case SEGMENT_STEP_RECORD:
            if (record.replaces_lane != 0) {
                err = add_link(l, (struct link){record.replaces_lane, record.replaces_sequence,
                                                lane, record.sequence});
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

static int collect_links(struct journal *j, struct links *l, struct segment_reader *r)
{
    for (const struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        for (const struct segment_state *segment = lane->first_segment; segment != NULL;
             segment = segment->next) {
            char name[SEGMENT_NAME_SIZE];
            segment_format_name(name, segment->lane, segment->number);
            int fd = segment->may_replace ? openat(j->folder_fd, name, O_RDONLY | O_CLOEXEC) : -1;
            if (fd < 0) {
                continue;
            }
            segment_reader_begin(r, fd, lane->id, 0);
            r->limit = atomic_load(&segment->size);
            int err = scan_segment(l, r, lane->id);
            (void)close(fd); /* only read from */
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

static int compare_links(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    if (x->lane != y->lane) {
        return x->lane < y->lane ? -1 : 1;
    }
    if (x->sequence != y->sequence) {
        return x->sequence < y->sequence ? -1 : 1;
    }
    return (x->by_sequence > y->by_sequence) - (x->by_sequence < y->by_sequence);
}

/* Of each group the last counts: it replaces the first of all and the others of the group. */
static void put_group(struct replaced *replaced, const struct link *group, size_t count)
{
    const struct link *last = &group[count - 1];
    replaced_put(replaced, last->lane, last->sequence, last->by_lane, last->by_sequence);
    for (size_t i = 0; i + 1 < count; i++) {
        replaced_put(replaced, group[i].by_lane, group[i].by_sequence, last->by_lane,
                     last->by_sequence);
    }
}

static int put_links(struct journal *j, struct links *l)
{
    if (l->count == 0) {
        return 0;
    }
    qsort(l->links, l->count, sizeof *l->links, compare_links);
    int err = replaced_reserve(&j->replaced, l->count);
    for (size_t from = 0, to = 0; from < l->count && err == 0; from = to) {
        const struct link *group = &l->links[from];
        while (to < l->count && l->links[to].lane == group->lane &&
               l->links[to].sequence == group->sequence) {
            uint64_t sequence = l->links[to++].by_sequence;
            j->requeue_first = sequence < j->requeue_first ? j->requeue_first : sequence + 1;
        }
        put_group(&j->replaced, group, to - from);
    }
    return err;
}

int journal_recover_replaced(struct journal *j, struct segment_reader *r)
{
    struct links l = {0};
    int err = collect_links(j, &l, r);
    if (err == 0) {
        err = put_links(j, &l);
    }
    free(l.links);
    return err;
}
