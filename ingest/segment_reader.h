/*
 * Walks the records of one segment file through a window of bounded size, finding its way again
 * after damage. It judges nothing: what to do about damage is the caller's. Blocks that the disk
 * does not give are damage too, once they have been asked for often enough.
 */
#ifndef INGEST_SEGMENT_READER_H
#define INGEST_SEGMENT_READER_H

#include "ingest/segment.h"

struct journal_io;

enum {
    SEGMENT_READER_WINDOW = 256 * 1024,
    SEGMENT_READER_BLOCK = 4096,
    SEGMENT_READER_TRIES = 20 /* calls of segment_reader_fill(), for one place */
};

/* Lives in the caller's storage. One thread. */
struct segment_reader {
    const struct journal_io *io;
    char *window;
    size_t len;    /* of what stands in the window */
    size_t at;     /* of what comes next in it */
    uint64_t base; /* the window's place in the file */
    uint64_t
        limit; /* where the readable bytes of the file end; the caller may raise it at any time */
    uint64_t after;    /* records must have a sequence above it; the last that was returned */
    uint64_t bad_from; /* on SEGMENT_STEP_DAMAGE: the stretch that holds no record */
    uint64_t bad_to;
    uint32_t crc_seed;
    int fd;                      /* the caller's */
    unsigned tries, blocks_lost; /* at the place that cannot be read, and right before it */
    bool is_lost;                /* inside a stretch that began at bad_from */
};

/* Takes memory for the window; io outlives r. Returns 0 or -ENOMEM. */
int segment_reader_init(struct segment_reader *r, const struct journal_io *io);
void segment_reader_fini(struct segment_reader *r);

/* Turns to the records of a file of the lane; sequences must be above after. The caller then sets
 * limit. */
void segment_reader_begin(struct segment_reader *r, int fd, uint64_t lane, uint64_t after);

enum segment_step {
    SEGMENT_STEP_RECORD, /* *out is filled, and points into the window */
    SEGMENT_STEP_DAMAGE, /* bad_from to bad_to was passed over */
    SEGMENT_STEP_FILL,   /* segment_reader_fill() must bring more; it takes earlier records away */
    SEGMENT_STEP_END     /* nothing more before limit */
};

/* Goes one step on. At limit a record that is not whole is damage. */
enum segment_step segment_reader_next(struct segment_reader *r, struct journal_record *out);

/*
 * Moves the window on and reads; lowers limit when the file ends before it. Returns 0 or -errno,
 * after which it may be tried again: after -EIO no more than SEGMENT_READER_TRIES times, then the
 * place is passed over.
 */
int segment_reader_fill(struct segment_reader *r);

#endif
