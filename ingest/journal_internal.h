/* What the files of the journal share; nobody else includes it. */
#ifndef INGEST_JOURNAL_INTERNAL_H
#define INGEST_JOURNAL_INTERNAL_H

#include "common/buffer.h"
#include "common/metrics.h"
#include "ingest/journal.h"
#include "ingest/journal_io.h"
#include "ingest/journal_sync.h"
#include "ingest/segment.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

enum { JOURNAL_CACHE_LINE = 64 };

/* Made by a shard or by recovery, freed by the reader's thread. */
struct segment_state {
    uint64_t lane;
    uint64_t first_sequence; /* no record of it is below; 0 = not known */
    uint64_t created_ms;
    uint32_t number;
    _Atomic uint64_t size;          /* up to where records may be read */
    _Atomic uint64_t last_sequence; /* no record of it is above */
    _Atomic bool is_closed;         /* size and last_sequence will not change again */
    uint64_t excess;                /* bytes of the file after size; set before is_closed */
    uint64_t examined;              /* reader: damage before it was counted */
    unsigned cursor_count;          /* reader */
    bool is_freed;                  /* reader: off the list, the last cursor frees it */
    struct segment_state *next;     /* under the lock */
};

struct lane_state {
    uint64_t id;
    bool is_current;
    _Atomic uint64_t last;
    _Atomic uint64_t settled;
    _Atomic int partition_count;
    int wake_fd;           /* under the lock: written when `settled` rises; -1 = none */
    uint64_t read_through; /* reader: `last` when the lane was read empty */
    unsigned cursor_count; /* reader */
    bool is_leaving;       /* reader: the checkpoint being written is the last to name it */
    struct segment_state *first_segment; /* under the lock */
    struct lane_state *next;             /* under the lock; changed by the reader only */
};

struct journal_shard {
    alignas(JOURNAL_CACHE_LINE) struct journal *journal; /* threads do not share a line */
    struct lane_state *lane;
    struct segment_state *segment; /* being written; NULL when the last was closed for ever */
    int fd;                        /* of segment; the sync's with ACK_DISK */
    struct journal_sync *sync;     /* with ACK_DISK, else NULL */
    struct sync_file *file;        /* of segment, with ACK_DISK */
    uint32_t index;
    uint32_t next_number;
    uint32_t crc_seed;
    bool is_lane_known; /* its first segment is on disk */
    uint64_t next;      /* sequence */
    uint64_t batch_count;
    struct buffer batch; /* framed records */
    uint64_t confirmed;  /* with ACK_BROKER: what the last verdict went up to */
    int write_error;     /* -errno of the last commit, 0 when it was good */
    int sync_error;      /* of the last verdict */
    _Atomic int last_error;
    struct metric *records, *written_bytes, *commit_failures; /* NULL without metrics */
    struct metric *syncs, *sync_failures;
};

struct journal {
    int folder_fd;
    int lock_fd;
    const struct journal_io *io;
    enum ack_level ack;
    uint64_t max_bytes;
    uint64_t segment_bytes;
    _Atomic uint64_t bytes;
    _Atomic uint64_t damaged;
    uint64_t damaged_held; /* bytes in damaged/; main thread at start, then the reader's */
    struct metric
        *damaged_metric; /* NULL without metrics; main thread at start, then the reader's */
    _Atomic bool is_reader_waiting;
    _Atomic int wake_fd;
    bool is_dirty; /* reader: the checkpoint on disk is behind */
    pthread_mutex_t lock;
    struct lane_state *lanes; /* under the lock; changed by the reader only */
    struct journal_shard *shards;
    unsigned shard_count;
};

static inline void journal_lock(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock); /* a plain mutex, held for moments */
}

static inline void journal_unlock(struct journal *j)
{
    (void)pthread_mutex_unlock(&j->lock); /* held by the caller */
}

static inline void journal_count(struct metric *cell, uint64_t n)
{
    if (cell != NULL) {
        metric_add(cell, n);
    }
}

/* journal.c. Reader's thread, or main thread while there is none. */
struct lane_state *journal_find_lane(struct journal *j, uint64_t id);
void journal_free_settled(struct journal *j, struct lane_state *lane);
void journal_free_segment(struct segment_state *segment);
void journal_note_damage(struct journal *j, const char *name, int fd, uint64_t from, uint64_t to);
void journal_note_loss(struct journal *j, const char *name, const char *reason);

/* journal_write.c: draws a lane for the shard and makes its first segment, synced. 0 or -errno. */
int journal_shard_begin(struct journal_shard *s);

/* journal_recover.c: takes in what earlier starts left. 0 or -errno with a sentence. */
int journal_recover(struct journal *j, struct error *err);

#endif
