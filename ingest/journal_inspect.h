/*
 * What a journal's folder holds, for who looks on: reads only, takes no lock, and works beside the
 * daemon. Every segment is read from end to end.
 */
#ifndef INGEST_JOURNAL_INSPECT_H
#define INGEST_JOURNAL_INSPECT_H

#include "common/error.h"
#include "ingest/segment.h"

#include <sys/types.h>

enum inspected_state {
    INSPECTED_WRITING,    /* the last one of a current lane */
    INSPECTED_WAITING,    /* holds records that are not settled */
    INSPECTED_SETTLED,    /* soon to be freed */
    INSPECTED_EMPTY,      /* holds no record */
    INSPECTED_NEWER,      /* of a newer version; not read */
    INSPECTED_UNREADABLE, /* could not be opened */
    INSPECTED_GONE        /* freed by the daemon since the folder was listed */
};

struct inspected_segment {
    char name[SEGMENT_NAME_SIZE];
    uint64_t lane;
    uint32_t number;
    enum inspected_state state;
    uint64_t first, last; /* sequences of its records; 0 = none */
    uint64_t record_count;
    uint64_t bytes;
    uint64_t damaged_bytes; /* that hold no record */
};

struct inspected_lane {
    uint64_t lane;
    bool is_newest;           /* of the last start of a daemon; false: of an earlier one */
    uint64_t settled;         /* by the checkpoint on disk */
    uint64_t last;            /* highest sequence; settled when no record is above */
    uint32_t partition_count; /* 0 = nothing was sent yet */
};

enum inspected_checkpoint {
    INSPECTED_CHECKPOINT_GOOD,
    INSPECTED_CHECKPOINT_MISSING,
    INSPECTED_CHECKPOINT_BAD /* damaged, or of a newer version: taken as missing */
};

struct journal_inspect {
    int folder_fd;
    struct inspected_segment *segments; /* by lane and number */
    size_t segment_count;
    struct inspected_lane *lanes;
    size_t lane_count;
    enum inspected_checkpoint checkpoint;
    pid_t holder;     /* the daemon that has it open, 0 = none seen: see journal_folder.h */
    uint64_t bytes;   /* of all segments */
    uint64_t waiting; /* records: per lane last less settled, summed, as the daemon's metric */
    uint64_t aside_files, aside_bytes; /* in damaged/ */
};

/*
 * Fills *out, which is closed with journal_inspect_close(). A daemon's checkpoint is up to 1 s
 * behind it. Returns 0 or -errno with a sentence.
 */
int journal_inspect_open(struct journal_inspect *out, const char *dir, struct error *err);
void journal_inspect_close(struct journal_inspect *in);

struct inspected_record {
    uint64_t lane;
    const struct journal_record *record;
    bool is_settled;
};

/* false = no more. */
typedef bool journal_inspect_record_fn(const struct inspected_record *r, void *arg);

/*
 * Walks the records of one lane, or with lane 0 of all, in the order of lanes and sequences.
 * Segments that the daemon has freed since are passed over. Returns 0 or -ENOMEM.
 */
int journal_inspect_records(const struct journal_inspect *in, uint64_t lane,
                            journal_inspect_record_fn *on_record, void *arg);

#endif
