#include "ingest/journal.h"

#include "common/log.h"
#include "ingest/checkpoint.h"
#include "ingest/journal_folder.h"
#include "ingest/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- Shared with the other files of the journal ---- */

struct lane_state *journal_find_lane(struct journal *j, uint64_t id)
{
    struct lane_state *lane = j->lanes;
    while (lane != NULL && lane->id != id) {
        lane = lane->next;
    }
    return lane;
}

void journal_note_loss(struct journal *j, const char *name, const char *reason)
{
    atomic_fetch_add(&j->damaged, 1);
    journal_count(j->damaged_metric, 1);
    LOG_WARN("journal_segment_damaged", log_text("segment", name), log_text("reason", reason));
}

void journal_note_damage(struct journal *j, const char *name, int fd, uint64_t from, uint64_t to)
{
    atomic_fetch_add(&j->damaged, 1);
    journal_count(j->damaged_metric, 1);
    const struct journal_stretch bad = {name, fd, from, to};
    int err = journal_folder_set_aside_bytes(j->folder_fd, j->io, &bad, &j->damaged_held);
    LOG_WARN("journal_bytes_damaged", log_text("segment", name), log_uint("offset", from),
             log_uint("bytes", to - from),
             log_text("kept", err == 0         ? "yes"
                              : err == -EDQUOT ? "damaged/ is full"
                                               : strerror(-err)));
}

void journal_free_segment(struct segment_state *segment)
{
    free(segment);
}

static void unlink_segment(struct journal *j, struct segment_state *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    if (unlinkat(j->folder_fd, name, 0) == 0 || errno == ENOENT) {
        atomic_fetch_sub(&j->bytes, atomic_load(&segment->size) + segment->excess);
    } else {
        LOG_ERROR("journal_unlink_failed", log_text("segment", name),
                  log_text("err", strerror(errno)));
    }
    segment->is_freed = true;
    if (segment->cursor_count == 0) {
        journal_free_segment(segment);
    }
}

static bool is_settled(const struct lane_state *lane, const struct segment_state *segment)
{
    uint64_t settled = atomic_load(&lane->settled);
    return atomic_load(&segment->is_closed) &&
           (atomic_load(&segment->last_sequence) <= settled ||
            (!lane->is_current && atomic_load(&lane->last) <= settled));
}

void journal_free_settled(struct journal *j, struct lane_state *lane)
{
    for (;;) {
        journal_lock(j);
        struct segment_state *segment = lane->first_segment;
        if (segment == NULL || !is_settled(lane, segment)) {
            journal_unlock(j);
            return;
        }
        lane->first_segment = segment->next;
        journal_unlock(j);
        j->is_dirty = true;
        unlink_segment(j, segment); /* not under the lock: workers may want it */
    }
}

/* ---- What the reader confirms ---- */

static void wake_writer(struct journal *j, const struct lane_state *lane)
{
    if (!lane->is_current || j->ack != ACK_BROKER) {
        return;
    }
    journal_lock(j); /* whoever takes the fd back may close it */
    if (lane->wake_fd >= 0) {
        (void)eventfd_write(lane->wake_fd, 1); /* full means that it is awake already */
    }
    journal_unlock(j);
}

void journal_settle(struct journal *j, uint64_t lane_id, uint64_t sequence)
{
    struct lane_state *lane = journal_find_lane(j, lane_id);
    if (lane == NULL) {
        return;
    }
    uint64_t last = atomic_load(&lane->last);
    uint64_t settled = sequence < last ? sequence : last;
    if (settled > atomic_load(&lane->settled)) {
        atomic_store(&lane->settled, settled);
        j->is_dirty = true;
        wake_writer(j, lane);
    }
    journal_free_settled(j, lane);
}

int journal_lane_set_partitions(struct journal *j, uint64_t lane_id, int partition_count)
{
    struct lane_state *lane = journal_find_lane(j, lane_id);
    if (lane == NULL) {
        return -ENOENT;
    }
    int before = atomic_exchange(&lane->partition_count, partition_count);
    j->is_dirty = true;
    int err = journal_checkpoint(j);
    if (err != 0) {
        atomic_store(&lane->partition_count, before);
    }
    return err;
}

static size_t collect_entries(struct journal *j, struct checkpoint_entry *entries)
{
    size_t count = 0;
    journal_lock(j);
    for (struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        struct checkpoint_entry e = {.lane = lane->id,
                                     .settled = atomic_load(&lane->settled),
                                     .partition_count =
                                         (uint32_t)atomic_load(&lane->partition_count)};
        lane->is_leaving =
            !lane->is_current && lane->first_segment == NULL && lane->cursor_count == 0;
        if (e.settled > 0 || e.partition_count > 0) {
            entries[count++] = e;
        }
    }
    journal_unlock(j);
    return count;
}

/*
 * A drained lane is named by one checkpoint more than it has segments: that checkpoint's sync of
 * the folder makes their removal last, so a power loss cannot bring them back without what was
 * settled.
 */
static void forget_leaving(struct journal *j)
{
    journal_lock(j);
    for (struct lane_state **at = &j->lanes; *at != NULL;) {
        struct lane_state *lane = *at;
        if (!lane->is_leaving) {
            at = &lane->next;
            continue;
        }
        *at = lane->next;
        free(lane);
        j->is_dirty = true;
    }
    journal_unlock(j);
}

static size_t count_lanes(const struct journal *j)
{
    size_t count = 0;
    for (const struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        count++;
    }
    return count;
}

int journal_checkpoint(struct journal *j)
{
    if (!j->is_dirty) {
        return 0;
    }
    struct checkpoint_entry *entries = calloc(count_lanes(j) + 1, sizeof *entries);
    if (entries == NULL) {
        return -ENOMEM;
    }
    size_t count = collect_entries(j, entries);
    int err = checkpoint_write(j->folder_fd, j->io, entries, count);
    free(entries);
    if (err != 0) {
        return err;
    }
    j->is_dirty = false;
    forget_leaving(j);
    return 0;
}

/* ---- Figures ---- */

static uint64_t count_waiting(const struct lane_state *lane)
{
    uint64_t settled = atomic_load(&lane->settled); /* first: it never passes last */
    uint64_t last = atomic_load(&lane->last);
    return last > settled ? last - settled : 0;
}

size_t journal_lanes(struct journal *j, struct journal_lane *out, size_t max)
{
    size_t count = 0;
    journal_lock(j);
    for (struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        if (!lane->is_current && count_waiting(lane) == 0) {
            continue;
        }
        if (count < max) {
            out[count] =
                (struct journal_lane){.lane = lane->id,
                                      .current = lane->is_current,
                                      .first = atomic_load(&lane->settled) + 1,
                                      .last = atomic_load(&lane->last),
                                      .partition_count = atomic_load(&lane->partition_count)};
        }
        count++;
    }
    journal_unlock(j);
    return count;
}

static void add_lane(struct journal_status *out, const struct lane_state *lane)
{
    uint64_t waiting = count_waiting(lane);
    out->waiting += waiting;
    if (waiting > 0 && lane->first_segment != NULL &&
        (out->oldest_ms == 0 || lane->first_segment->created_ms < out->oldest_ms)) {
        out->oldest_ms = lane->first_segment->created_ms;
    }
}

void journal_status(struct journal *j, struct journal_status *out)
{
    *out = (struct journal_status){.bytes = atomic_load(&j->bytes),
                                   .max_bytes = j->max_bytes,
                                   .damaged = atomic_load(&j->damaged)};
    journal_lock(j);
    for (const struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        add_lane(out, lane);
    }
    journal_unlock(j);
    for (unsigned i = 0; i < j->shard_count; i++) {
        const struct journal_shard *s = &j->shards[i];
        out->last_error = out->last_error != 0 ? out->last_error : atomic_load(&s->last_error);
        out->written += s->written_bytes == NULL ? 0 : metric_read(s->written_bytes);
    }
}

static double gauge_bytes(void *arg)
{
    struct journal *j = arg;
    return (double)atomic_load(&j->bytes);
}

static double gauge_waiting(void *arg)
{
    struct journal_status status;
    journal_status(arg, &status);
    return (double)status.waiting;
}

static int add_shard_metrics(struct metrics *m, struct journal_shard *s)
{
    s->records = metrics_counter(m, "playreport_journal_records_total", "",
                                 "Records written to the journal.");
    s->written_bytes = metrics_counter(m, "playreport_journal_written_bytes_total", "",
                                       "Bytes of records written to the journal.");
    s->commit_failures = metrics_counter(m, "playreport_journal_commit_failures_total", "",
                                         "Batches that could not be written to the journal.");
    s->syncs = metrics_counter(m, "playreport_journal_syncs_total", "",
                               "Syncs of the journal that reports waited for (ack=disk).");
    s->sync_failures = metrics_counter(m, "playreport_journal_sync_failures_total", "",
                                       "Of those, the ones that failed.");
    bool is_whole = s->records != NULL && s->written_bytes != NULL && s->commit_failures != NULL &&
                    s->syncs != NULL && s->sync_failures != NULL;
    return is_whole ? 0 : -ENOMEM;
}

static int add_metrics(struct journal *j, struct metrics *m)
{
    int err = 0;
    for (unsigned i = 0; i < j->shard_count && err == 0; i++) {
        err = add_shard_metrics(m, &j->shards[i]);
    }
    j->damaged_metric = metrics_counter(m, "playreport_journal_damaged_total", "",
                                        "Records or stretches of the journal set aside.");
    if (err != 0 || j->damaged_metric == NULL) {
        return -ENOMEM;
    }
    return 0;
}

/* Last of all, when nothing can fail any more: a gauge cannot be taken back. */
static int add_gauges(struct journal *j, struct metrics *m)
{
    int err = metrics_gauge(m, "playreport_journal_bytes", "",
                            "Bytes of all segments of the journal.", gauge_bytes, j);
    return err != 0 ? err
                    : metrics_gauge(m, "playreport_journal_waiting_records", "",
                                    "Records not yet settled.", gauge_waiting, j);
}

/* ---- Opening and closing ---- */

static void free_lane(struct lane_state *lane)
{
    struct segment_state *next = NULL;
    for (struct segment_state *segment = lane->first_segment; segment != NULL; segment = next) {
        next = segment->next;
        journal_free_segment(segment);
    }
    free(lane);
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd); /* synced where it matters */
    }
}

static void free_journal(struct journal *j)
{
    for (unsigned i = 0; i < j->shard_count; i++) {
        if (j->shards[i].sync == NULL) {
            close_fd(j->shards[i].fd);
        }
        journal_sync_stop(j->shards[i].sync);
        buffer_fini(&j->shards[i].batch);
    }
    struct lane_state *next = NULL;
    for (struct lane_state *lane = j->lanes; lane != NULL; lane = next) {
        next = lane->next;
        free_lane(lane);
    }
    close_fd(j->lock_fd);
    close_fd(j->folder_fd);
    (void)pthread_mutex_destroy(&j->lock); /* nobody holds it any more */
    free(j->shards);
    free(j);
}

static struct journal_shard *new_shards(struct journal *j, unsigned count)
{
    size_t size = count * sizeof(struct journal_shard);
    struct journal_shard *shards = aligned_alloc(JOURNAL_CACHE_LINE, size);
    if (shards == NULL) {
        return NULL;
    }
    memset(shards, 0, size);
    for (unsigned i = 0; i < count; i++) {
        shards[i].journal = j;
        shards[i].index = i;
        shards[i].fd = -1;
        buffer_init(&shards[i].batch);
    }
    return shards;
}

static uint64_t choose_segment_bytes(const struct journal_options *options)
{
    uint64_t most = options->max_bytes / 2 / options->shard_count;
    return options->segment_bytes < most ? options->segment_bytes : most;
}

static struct journal *new_journal(const struct journal_options *options)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return NULL;
    }
    j->folder_fd = -1;
    j->lock_fd = -1;
    j->io = options->io == NULL ? journal_io_real() : options->io;
    j->ack = options->ack;
    j->max_bytes = options->max_bytes;
    j->segment_bytes = choose_segment_bytes(options);
    atomic_init(&j->wake_fd, -1);
    j->shards = new_shards(j, options->shard_count);
    if (j->shards == NULL || pthread_mutex_init(&j->lock, NULL) != 0) {
        free(j->shards);
        free(j);
        return NULL;
    }
    j->shard_count = options->shard_count;
    return j;
}

static void sign(struct journal *j)
{
    uint64_t *lanes = calloc(j->shard_count, sizeof *lanes);
    for (unsigned i = 0; i < j->shard_count && lanes != NULL; i++) {
        lanes[i] = j->shards[i].lane->id;
    }
    journal_folder_sign(j->lock_fd, lanes, lanes == NULL ? 0 : j->shard_count);
    free(lanes);
}

static int begin_shards(struct journal *j, const char *dir, struct error *err)
{
    for (unsigned i = 0; i < j->shard_count; i++) {
        int result = journal_shard_begin(&j->shards[i]);
        if (result != 0) {
            error_set(err, "cannot start a lane of the journal in %s: %s", dir, strerror(-result));
            return result;
        }
    }
    sign(j);
    return 0;
}

static int open_parts(struct journal *j, const struct journal_options *options, struct error *err)
{
    int result = journal_folder_open(options->dir, &j->folder_fd, &j->lock_fd, err);
    if (result != 0) {
        return result;
    }
    if (options->metrics != NULL && add_metrics(j, options->metrics) != 0) {
        error_set(err, "no memory for the journal's metrics");
        return -ENOMEM;
    }
    uint64_t files;
    journal_folder_damaged(j->folder_fd, &files, &j->damaged_held);
    result = journal_recover(j, err);
    if (result == 0) {
        result = begin_shards(j, options->dir, err);
    }
    if (result != 0) {
        return result;
    }
    int reserved = checkpoint_reserve(j->folder_fd);
    if (reserved != 0) {
        LOG_WARN("journal_reserve_failed", log_text("err", strerror(-reserved)));
    }
    if (options->metrics != NULL && add_gauges(j, options->metrics) != 0) {
        error_set(err, "no memory for the journal's metrics");
        return -ENOMEM;
    }
    return 0;
}

int journal_open(struct journal **out, const struct journal_options *options, struct error *err)
{
    assert(options->shard_count > 0);
    struct journal *j = new_journal(options);
    if (j == NULL) {
        error_set(err, "no memory for the journal");
        return -ENOMEM;
    }
    int result = open_parts(j, options, err);
    if (result != 0) {
        free_journal(j);
        return result;
    }
    *out = j;
    return 0;
}

static void sync_segment(struct journal *j, const struct segment_state *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_format_name(name, segment->lane, segment->number);
    int fd = openat(j->folder_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || j->io->fdatasync(fd) != 0) {
        LOG_ERROR("journal_sync_failed", log_text("segment", name),
                  log_text("err", strerror(errno)));
    }
    close_fd(fd);
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    for (const struct lane_state *lane = j->lanes; lane != NULL; lane = lane->next) {
        const struct segment_state *segment = lane->is_current ? lane->first_segment : NULL;
        for (; segment != NULL; segment = segment->next) {
            sync_segment(j, segment);
        }
    }
    int err = journal_checkpoint(j);
    if (err != 0) {
        LOG_ERROR("journal_checkpoint_failed", log_text("err", strerror(-err)));
    }
    free_journal(j);
}

int journal_secret(struct journal *j, unsigned char out[JOURNAL_SECRET_SIZE])
{
    return journal_folder_secret(j->folder_fd, out);
}
