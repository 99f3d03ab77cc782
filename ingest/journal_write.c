#include "ingest/journal_internal.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct journal_shard *journal_shard_at(struct journal *j, unsigned i)
{
    return &j->shards[i];
}

uint64_t journal_shard_lane(const struct journal_shard *s)
{
    return s->lane->id;
}

uint64_t journal_shard_next(const struct journal_shard *s)
{
    return s->next;
}

/* ---- Segments ---- */

static bool reserve_bytes(struct journal *j, uint64_t len)
{
    uint64_t before = atomic_fetch_add_explicit(&j->bytes, len, memory_order_relaxed);
    if (before + len > j->max_bytes) {
        atomic_fetch_sub_explicit(&j->bytes, len, memory_order_relaxed);
        return false;
    }
    return true;
}

static void return_bytes(struct journal *j, uint64_t len)
{
    atomic_fetch_sub_explicit(&j->bytes, len, memory_order_relaxed);
}

static int write_header(struct journal_shard *s, int fd, const struct segment_state *segment)
{
    struct segment_header h = {.lane = segment->lane,
                               .number = segment->number,
                               .shard = s->index,
                               .first_sequence = segment->first_sequence,
                               .created_ms = segment->created_ms};
    char bytes[SEGMENT_HEADER_SIZE];
    segment_put_header(bytes, &h);
    return journal_io_write(s->journal->io, fd, bytes, sizeof bytes, 0);
}

static void remove_file(struct journal_shard *s, int fd, const struct segment_state *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    (void)close(fd);                                /* the error is known already */
    (void)unlinkat(s->journal->folder_fd, name, 0); /* an empty one is harmless */
}

/* Leaves no file behind on failure; a number is not tried twice. */
static int create_file(struct journal_shard *s, const struct segment_state *segment, bool is_first)
{
    struct journal *j = s->journal;
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    int fd = openat(j->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    int err = write_header(s, fd, segment);
    if (err == 0 && is_first && j->io->fdatasync(fd) != 0) {
        err = -errno; /* later segments need not be synced: the lane is known by then */
    }
    /* With ACK_DISK the thread that syncs does it: the loop does not wait for the disk. */
    if (err == 0 && (is_first || s->sync == NULL) && fsync(j->folder_fd) != 0) {
        err = -errno;
    }
    if (err != 0) {
        remove_file(s, fd, segment);
        return err;
    }
    return fd;
}

/* What a failed write may have left after size counts too: it is on the disk. */
static uint64_t bytes_after(int fd, uint64_t size)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (uint64_t)st.st_size > size ? (uint64_t)st.st_size - size : 0;
}

static void close_segment(struct journal_shard *s)
{
    if (s->segment == NULL) {
        return;
    }
    struct segment_state *segment = s->segment;
    segment->excess = bytes_after(s->fd, atomic_load(&segment->size));
    atomic_fetch_add(&s->journal->bytes, segment->excess);
    atomic_store(&segment->is_closed, true);
    if (s->sync != NULL) {
        journal_sync_release(s->sync, s->file); /* closed when it is synced */
        s->file = NULL;
    } else {
        (void)close(s->fd); /* what is promised was promised by write() */
    }
    s->fd = -1;
    s->segment = NULL;
}

static void link_segment(struct journal_shard *s, struct segment_state *segment)
{
    journal_lock(s->journal);
    struct segment_state **end = &s->lane->first_segment;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = segment;
    journal_unlock(s->journal);
}

static int open_segment(struct journal_shard *s, uint64_t first_sequence, bool is_first)
{
    struct segment_state *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        return -ENOMEM;
    }
    segment->lane = s->lane->id;
    segment->number = s->next_number++;
    segment->first_sequence = first_sequence;
    segment->created_ms = clock_wall_ms();
    atomic_init(&segment->size, SEGMENT_HEADER_SIZE);
    atomic_init(&segment->last_sequence, first_sequence - 1);
    int fd = create_file(s, segment, is_first);
    struct sync_file *file = NULL;
    if (fd >= 0 && s->sync != NULL &&
        journal_sync_add(s->sync, fd, first_sequence - 1, !is_first, &file) != 0) {
        remove_file(s, fd, segment);
        fd = -ENOMEM;
    }
    if (fd < 0) {
        free(segment);
        return fd;
    }
    close_segment(s);
    s->is_lane_known = true;
    link_segment(s, segment);
    s->segment = segment;
    s->fd = fd;
    s->file = file;
    return 0;
}

/* What stands in the way of acknowledging: told once an outage, not once a commit. */
static void note_errors(struct journal_shard *s, int write_error, int sync_error)
{
    s->write_error = write_error;
    s->sync_error = sync_error;
    int before = atomic_load_explicit(&s->last_error, memory_order_relaxed);
    int now = write_error != 0 ? write_error : sync_error;
    if (now == before) {
        return;
    }
    atomic_store_explicit(&s->last_error, now, memory_order_relaxed);
    if (now != 0) {
        LOG_ERROR(write_error != 0 ? "journal_commit_failed" : "journal_sync_failed",
                  log_uint("shard", s->index), log_text("err", strerror(-now)));
    } else {
        LOG_INFO("journal_commit_recovered", log_uint("shard", s->index));
    }
}

static uint64_t draw_lane(struct journal *j)
{
    uint64_t id = 0;
    while (id == 0 || journal_find_lane(j, id) != NULL) {
        if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id) {
            return 0;
        }
    }
    return id;
}

static int start_sync(struct journal_shard *s)
{
    if (s->journal->ack != ACK_DISK) {
        return 0;
    }
    const struct journal_sync_options options = {.io = s->journal->io,
                                                 .folder_fd = s->journal->folder_fd,
                                                 .syncs = s->syncs,
                                                 .failures = s->sync_failures};
    return journal_sync_start(&s->sync, &options);
}

int journal_shard_begin(struct journal_shard *s)
{
    uint64_t id = draw_lane(s->journal);
    if (id == 0) {
        return -EIO;
    }
    struct lane_state *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        return -ENOMEM;
    }
    lane->id = id;
    lane->is_current = true;
    lane->wake_fd = -1;
    lane->next = s->journal->lanes;
    s->journal->lanes = lane;
    s->lane = lane;
    s->crc_seed = segment_crc_seed(id);
    s->next = 1;
    s->next_number = 1;
    int err = start_sync(s);
    if (err != 0) {
        return err;
    }
    /* Past max_bytes too: a start must not fail because the journal is full. */
    atomic_fetch_add(&s->journal->bytes, SEGMENT_HEADER_SIZE);
    err = open_segment(s, s->next, true);
    if (err != 0) {
        return_bytes(s->journal, SEGMENT_HEADER_SIZE);
    }
    if (err == -ENOSPC || err == -EDQUOT) {
        note_errors(s, err, 0); /* what waits must be drained, or there will never be room */
        return 0;
    }
    return err;
}

/* ---- The turn's batch ---- */

int journal_append(struct journal_shard *s, uint64_t ts_ms, struct slice key, struct slice value)
{
    if (key.len > UINT16_MAX || value.len > SEGMENT_PAYLOAD_MAX - key.len) {
        return -EMSGSIZE;
    }
    size_t size = SEGMENT_RECORD_HEADER_SIZE + key.len + value.len;
    uint64_t bytes = atomic_load_explicit(&s->journal->bytes, memory_order_relaxed);
    /* With room for a segment's header, which the commit may need. */
    if (bytes + s->batch.len + size + SEGMENT_HEADER_SIZE > s->journal->max_bytes) {
        return -ENOSPC;
    }
    if (!buffer_reserve(&s->batch, size)) {
        s->batch.failed = false; /* the records before it are whole */
        return -ENOMEM;
    }
    const struct journal_record r = {
        .sequence = s->next, .ts_ms = ts_ms, .key = key, .value = value};
    s->batch.len += segment_put_record(s->batch.data + s->batch.len, s->crc_seed, &r);
    s->batch_count++;
    s->next++;
    return 0;
}

void journal_discard(struct journal_shard *s)
{
    buffer_reset(&s->batch);
    s->batch_count = 0;
}

static int prepare_segment(struct journal_shard *s)
{
    if (s->file != NULL && journal_sync_has_failed(s->sync, s->file)) {
        close_segment(s);
    }
    if (s->segment != NULL) {
        uint64_t size = atomic_load_explicit(&s->segment->size, memory_order_relaxed);
        if (size == SEGMENT_HEADER_SIZE || size + s->batch.len <= s->journal->segment_bytes) {
            return 0;
        }
    }
    if (!reserve_bytes(s->journal, SEGMENT_HEADER_SIZE)) {
        return -ENOSPC;
    }
    int err = open_segment(s, s->next - s->batch_count, !s->is_lane_known);
    if (err != 0) {
        return_bytes(s->journal, SEGMENT_HEADER_SIZE);
    }
    return err;
}

/*
 * A full disk leaves a segment that can be trusted once the half-written bytes are cut off; with
 * records in it it is closed all the same, since on a small disk it may be what fills it, and only
 * a closed one is freed. After any other error nobody knows what the disk holds: the segment is
 * never written again.
 */
static void undo_write(struct journal_shard *s, int err)
{
    uint64_t good = atomic_load_explicit(&s->segment->size, memory_order_relaxed);
    bool is_cut = s->journal->io->ftruncate(s->fd, (off_t)good) == 0;
    bool is_full = err == -ENOSPC || err == -EDQUOT;
    if (!is_cut || !is_full) {
        LOG_WARN("journal_segment_closed", log_uint("number", s->segment->number),
                 log_text("err", strerror(-err)));
        close_segment(s);
    } else if (good > SEGMENT_HEADER_SIZE) {
        close_segment(s);
    }
}

static int write_batch(struct journal_shard *s)
{
    if (!reserve_bytes(s->journal, s->batch.len)) {
        return -ENOSPC;
    }
    int err = prepare_segment(s);
    if (err == 0) {
        err = journal_io_write(s->journal->io, s->fd, s->batch.data, s->batch.len,
                               atomic_load_explicit(&s->segment->size, memory_order_relaxed));
        if (err != 0) {
            undo_write(s, err);
        }
    }
    if (err != 0) {
        return_bytes(s->journal, s->batch.len);
    }
    return err;
}

static void wake_reader(struct journal *j)
{
    if (!atomic_load(&j->is_reader_waiting) || !atomic_exchange(&j->is_reader_waiting, false)) {
        return;
    }
    int fd = atomic_load(&j->wake_fd);
    uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0 && errno != EAGAIN) {
        LOG_ERROR("journal_wake_failed", log_text("err", strerror(errno)));
    }
}

/*
 * `last` is stored and is_reader_waiting loaded after it, both sequentially consistent;
 * journal_prepare_wait() does it the other way round. So one of the two sees the other, always.
 */
static void publish(struct journal_shard *s)
{
    struct segment_state *segment = s->segment;
    uint64_t last = s->next - 1;
    uint64_t size = atomic_load_explicit(&segment->size, memory_order_relaxed) + s->batch.len;
    atomic_store_explicit(&segment->last_sequence, last, memory_order_release);
    atomic_store_explicit(&segment->size, size, memory_order_release);
    atomic_store(&s->lane->last, last);
    wake_reader(s->journal);
    if (s->sync != NULL) {
        journal_sync_ask(s->sync, s->file, last);
    }
    journal_count(s->records, s->batch_count);
    journal_count(s->written_bytes, s->batch.len);
}

int journal_commit(struct journal_shard *s)
{
    if (s->batch.len == 0) {
        return 0;
    }
    int err = write_batch(s);
    if (err == 0) {
        publish(s);
    } else {
        journal_count(s->commit_failures, 1);
    }
    note_errors(s, err, s->sync_error);
    journal_discard(s);
    return err;
}

/* ---- What was committed is confirmed ---- */

void journal_shard_set_wake(struct journal_shard *s, int fd)
{
    if (s->sync != NULL) {
        journal_sync_set_wake(s->sync, fd);
    } else if (s->journal->ack == ACK_BROKER) {
        journal_lock(s->journal);
        s->lane->wake_fd = fd;
        journal_unlock(s->journal);
    }
}

static bool confirm_synced(struct journal_shard *s, struct journal_verdict *out)
{
    if (s->file != NULL && journal_sync_has_failed(s->sync, s->file)) {
        LOG_WARN("journal_segment_closed", log_uint("number", s->segment->number),
                 log_text("err", "it could not be synced"));
        close_segment(s);
    }
    struct sync_verdict verdict;
    if (!journal_sync_next(s->sync, &verdict)) {
        return false;
    }
    note_errors(s, s->write_error, verdict.failed);
    *out = (struct journal_verdict){verdict.through, verdict.failed};
    return true;
}

bool journal_shard_confirm(struct journal_shard *s, struct journal_verdict *out)
{
    if (s->sync != NULL) {
        return confirm_synced(s, out);
    }
    uint64_t settled = s->journal->ack == ACK_BROKER ? atomic_load(&s->lane->settled) : 0;
    if (settled <= s->confirmed) {
        return false;
    }
    s->confirmed = settled;
    *out = (struct journal_verdict){settled, 0};
    return true;
}

int journal_shard_error(const struct journal_shard *s)
{
    return atomic_load_explicit(&s->last_error, memory_order_relaxed);
}

void journal_shard_probe(struct journal_shard *s)
{
    if (journal_shard_error(s) == 0 || s->batch.len > 0 ||
        !reserve_bytes(s->journal, SEGMENT_HEADER_SIZE)) {
        return;
    }
    int err = open_segment(s, s->next, false);
    if (err != 0) {
        return_bytes(s->journal, SEGMENT_HEADER_SIZE);
    } else if (s->sync != NULL) {
        journal_sync_probe(s->sync, s->file);
    }
    note_errors(s, err, s->sync_error);
}
