/*
 * The queue between HTTP and Kafka, on disk: append-only segments, one shard a worker. Policy lives
 * here (lanes, limits, recovery, checkpoint); the bytes are ingest/segment.h's.
 *
 * A lane is one shard between two starts: journal_open() draws a random 64-bit lane id for each
 * shard; sequences start at 1 in each lane. (lane, sequence) names an event for ever and is never
 * used twice, also not after a failed write: sequences may have gaps, they never fall.
 */
#ifndef INGEST_JOURNAL_H
#define INGEST_JOURNAL_H

#include "common/error.h"
#include "ingest/ack_level.h"
#include "ingest/journal_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;
struct journal_shard;
struct journal_cursor;
struct journal_io;
struct metrics;

enum { JOURNAL_SECRET_SIZE = 32 };

struct journal_options {
    const char *dir;    /* made if absent; its parent must be there */
    uint64_t max_bytes; /* of all segments together; recomputed from the files at start */
    /*
     * A segment is closed when it would pass this; one batch may be larger. At most max_bytes / (2
     * * shard_count): segments being written are not freed, and must not fill the journal for ever.
     */
    uint64_t segment_bytes;
    unsigned shard_count;
    enum ack_level ack;      /* with ACK_DISK each shard has a thread that syncs */
    struct metrics *metrics; /* may be NULL; outlives j, and is not rendered while j is closed */
    const struct journal_io *io; /* NULL = the system's calls; outlives j */
};

/*
 * Opens the folder, takes its lock, recovers what earlier starts left (never appends to it) and
 * makes a fresh lane per shard; their first segments are synced, and so is the folder. Neither
 * damage nor a full disk stops it: bad bytes go to the folder's damaged/ (at most 256 MiB, beside
 * max_bytes), and a lane that finds no room begins with the first commit that does. Returns 0 or
 * -errno with a sentence: -EBUSY if another process holds the folder. Main thread.
 */
int journal_open(struct journal **out, const struct journal_options *options, struct error *err);

/* Syncs, writes the checkpoint and frees. After every user of it has stopped. NULL is a no-op. */
void journal_close(struct journal *j);

/*
 * The folder's secret, for hashing viewers: drawn once, the same at every start. On disk before
 * this returns. Returns 0 or -errno. Main thread.
 */
int journal_secret(struct journal *j, unsigned char out[JOURNAL_SECRET_SIZE]);

/* ---- Writing: each shard belongs to one worker's thread. ---- */

struct journal_shard *journal_shard_at(struct journal *j, unsigned i);
uint64_t journal_shard_lane(const struct journal_shard *s);

/* The sequence that the next append gets: it stands inside the encoded event. */
uint64_t journal_shard_next(const struct journal_shard *s);

/*
 * Adds a record to the turn's batch; key and value stay the caller's. Returns 0, or -ENOSPC when
 * max_bytes would be passed, -ENOMEM, -EMSGSIZE for more than 64 KiB. Nothing is written yet, and
 * on a failure no sequence is used up and what was appended before stays.
 */
int journal_append(struct journal_shard *s, uint64_t ts_ms, struct slice key, struct slice value);

/* Drops the turn's batch: none of it will be written. */
void journal_discard(struct journal_shard *s);

/*
 * Writes the batch with one write(). Only after 0 may its reports be acknowledged; -errno (-ENOSPC,
 * -EIO,
 * ...) says that none of it counts as held: the batch is gone, its half-written bytes are cut away
 * or their segment closed, and the next commit tries anew. An empty batch is 0.
 */
int journal_commit(struct journal_shard *s);

/*
 * fd, an eventfd, is written 8 bytes when journal_shard_confirm() may have something new; -1 =
 * none, and from then on it is not used. Never with ACK_JOURNAL, where the commit confirms. Any
 * thread.
 */
void journal_shard_set_wake(struct journal_shard *s, int fd);

struct journal_verdict {
    uint64_t through; /* of all since the verdict before, up to this sequence */
    int failed;       /* 0 = held as ACK_DISK or ACK_BROKER promise; -errno = nobody knows */
};

/*
 * The next verdict on what was committed, in the order of the sequences; false when there is none
 * now. A failure closes the segment that it was of for ever: the next commit takes a new one.
 */
bool journal_shard_confirm(struct journal_shard *s, struct journal_verdict *out);

/* ---- Reading: the publisher's thread alone. ---- */

/* fd, an eventfd, is written 8 bytes when a commit finds the reader waiting; -1 = none. Any thread.
 */
void journal_set_wake(struct journal *j, int fd);

/*
 * Says that the reader is about to sleep: the next commit writes to the wake fd, once. Returns
 * false when a current lane holds something that came after the journal_read() of it that returned
 * 0: then do not sleep, read. A reader that stopped reading for other reasons (its window is full)
 * need not ask. Frees the segments that were closed since their records were settled.
 */
bool journal_prepare_wait(struct journal *j);

struct journal_lane {
    uint64_t lane;
    bool current;        /* of this start; false: left by an earlier one, to be drained */
    uint64_t first;      /* lowest sequence not known to be settled */
    uint64_t last;       /* highest sequence written; below first when all are settled */
    int partition_count; /* under which its unsettled records were sent; 0 = none yet */
};

/* Copies up to max lanes that still hold records or are current. Returns how many there are. Any
 * thread. */
size_t journal_lanes(struct journal *j, struct journal_lane *out, size_t max);

/*
 * Opens a cursor on a lane at its lowest unsettled record; it holds 256 KiB. A lane is not
 * forgotten while it has one. Returns 0, -ENOENT when there is no such lane, or -ENOMEM.
 */
int journal_cursor_open(struct journal_cursor **out, struct journal *j, uint64_t lane);

/* Before journal_close(). NULL is a no-op. */
void journal_cursor_close(struct journal_cursor *c);

/*
 * Reads the next records into records (max of them), which point into the cursor's memory until the
 * next read. Returns how many, 0 when there is nothing more now, -errno when the disk fails (the
 * next call tries again). Sequences rise and may have gaps. Damaged stretches are skipped: set
 * aside in the folder's damaged/, counted, logged. When the end of an old lane turns out damaged
 * its `last` falls to the last record that could be read.
 */
int journal_read(struct journal_cursor *c, struct journal_record *records, size_t max);

/* Goes back to the lane's lowest unsettled record; the records read before are gone. */
void journal_cursor_rewind(struct journal_cursor *c);

/*
 * Sets the partition count of a lane, on disk before it returns: before the first record of the
 * lane is sent, and again only when none is unsettled. Returns 0 or -errno, then the old count
 * stands; -ENOENT when there is no such lane.
 */
int journal_lane_set_partitions(struct journal *j, uint64_t lane, int partition_count);

/*
 * Every record of the lane up to and with sequence is settled: frees the segments that hold no
 * others. An unknown lane and a sequence below what is settled are ignored.
 */
void journal_settle(struct journal *j, uint64_t lane, uint64_t sequence);

/*
 * Writes what is settled to disk (temporary file, fdatasync, rename, folder sync); costs nothing
 * when nothing changed. Returns 0 or -errno, then the next call tries again.
 */
int journal_checkpoint(struct journal *j);

/*
 * Tries the disk after a failure with a new segment that holds nothing, so that an end of it is
 * seen even when nobody sends reports to a daemon that says it is not ready. Does nothing while all
 * is well, or while something is appended.
 */
void journal_shard_probe(struct journal_shard *s);

/* 0, or -errno of the last commit that wrote something, or of the last sync. */
int journal_shard_error(const struct journal_shard *s);

/* ---- Figures, any thread. ---- */

struct journal_status {
    uint64_t bytes; /* of all segments */
    uint64_t max_bytes;
    /* Records not settled: per lane last - first + 1, summed. Gaps (failed commits) make it too
     * high. */
    uint64_t waiting;
    uint64_t oldest_ms; /* receive time of the oldest unsettled record's segment start, 0 if none */
    uint64_t damaged;   /* records or stretches set aside since start */
    uint64_t written;   /* bytes of records since start; 0 without metrics */
    /* 0, or -errno of a shard's last commit that wrote something, or of its last sync. */
    int last_error;
};
void journal_status(struct journal *j, struct journal_status *out);

#endif
