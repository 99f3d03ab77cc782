/*
 * The journal's lanes as the publisher reads them: which are open, what comes next on each, and
 * under which partition count it is sent. The publisher's thread alone.
 */
#ifndef INGEST_PUBLISHER_LANES_H
#define INGEST_PUBLISHER_LANES_H

#include "ingest/journal.h"
#include "ingest/publisher_window.h"

enum {
    LANES_READ_MAX = 128, /* records a read */
    LANES_OLD_MAX =
        8, /* lanes of earlier starts that are open at once: each cursor holds 256 KiB */
    LANES_REASON_SIZE = 160
};

struct lane {
    uint64_t id;
    bool is_current;
    int partition_count;  /* as in the journal; 0 = nothing was sent yet */
    uint64_t sent;        /* highest sequence that was or may have been handed to Kafka */
    uint64_t told;        /* highest sequence the journal was told to be settled */
    uint64_t retry_at_ms; /* not to be read before */
    uint64_t
        careful_through; /* up to here records go one in a batch: a batch of them was refused */
    uint64_t dead;       /* the record that was refused alone; 0 = none */
    char dead_reason[LANES_REASON_SIZE];
    struct window_lane window;
    struct journal_cursor *cursor;
    size_t next, count; /* in records */
    struct journal_record records[LANES_READ_MAX];
};

struct lanes {
    struct journal *journal;
    struct lane **items; /* open ones */
    size_t count;
    size_t capacity;
    struct journal_lane *listed; /* the journal's answer */
    size_t listed_count;
    size_t listed_capacity;
    bool has_old; /* lanes of earlier starts are listed, open or not */
};

enum lane_result {
    LANE_RECORD, /* *record is the next; lane_take() it once it is handed on */
    LANE_EMPTY,  /* nothing more now */
    LANE_DEAD,   /* *record was refused alone: lane_bury() it once it is a dead letter */
    LANE_PAUSED, /* the partition count changed: waits until all that was sent is settled */
    LANE_FAILED  /* the disk; *failed is -errno */
};

void lanes_init(struct lanes *ls, struct journal *journal);

/* Closes all cursors. */
void lanes_fini(struct lanes *ls);

/* Opens the lanes that are new, closes the drained ones. 0, or -errno: what could be opened is. */
int lanes_refresh(struct lanes *ls);

/* The open lane of that id, or NULL. */
struct lane *lanes_find(const struct lanes *ls, uint64_t id);

/* Tells the journal what the window has settled since. Returns whether anything was. */
bool lanes_settle(struct lanes *ls);

/* All lanes go back to their lowest unsettled record; the window has been cleared. */
void lanes_rewind(struct lanes *ls);

/*
 * Takes what Kafka refused since. alone: each record was a batch of its own, so the lowest of a
 * lane is dead (those above it are refused again in their turn); else each is to be sent so, and
 * what stands before it. Returns whether there was any.
 */
bool lanes_take_refused(struct lanes *ls, bool alone, const char *reason);

/* Whether a lane has records yet that are to be sent one in a batch. */
bool lanes_need_care(const struct lanes *ls);

/* Whether a lane has a record that is dead and not buried yet. */
bool lanes_have_dead(const struct lanes *ls);

/* The record that lane_next() gave can not be sent at all. */
void lane_kill(struct lane *l, const char *reason);

/*
 * Gives the next record of a lane to be sent now that the topic has topic_partitions partitions;
 * from then on l->partition_count is what it is to be sent under. The record lives until the next
 * call.
 */
enum lane_result lane_next(struct lanes *ls, struct lane *l, int topic_partitions,
                           const struct journal_record **record, int *failed);

/* Steps past that record. Returns whether it was sent, or may have been, before. */
bool lane_take(struct lane *l);

/* Steps past a dead one: it is settled. All before it are. */
void lane_bury(struct lane *l);

#endif
