#include "ingest/segment_reader.h"

#include "ingest/journal_io.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int segment_reader_init(struct segment_reader *r, const struct journal_io *io)
{
    *r = (struct segment_reader){.io = io, .fd = -1, .window = malloc(SEGMENT_READER_WINDOW)};
    return r->window == NULL ? -ENOMEM : 0;
}

void segment_reader_fini(struct segment_reader *r)
{
    free(r->window);
    *r = (struct segment_reader){.fd = -1};
}

void segment_reader_begin(struct segment_reader *r, int fd, uint64_t lane, uint64_t after)
{
    *r = (struct segment_reader){.io = r->io,
                                 .window = r->window,
                                 .fd = fd,
                                 .base = SEGMENT_HEADER_SIZE,
                                 .limit = SEGMENT_HEADER_SIZE,
                                 .after = after,
                                 .crc_seed = segment_crc_seed(lane)};
}

static bool end_damage(struct segment_reader *r)
{
    if (!r->is_lost) {
        return false;
    }
    r->is_lost = false;
    r->bad_to = r->base + r->at;
    return true;
}

static void skip_byte(struct segment_reader *r)
{
    if (!r->is_lost) {
        r->is_lost = true;
        r->bad_from = r->base + r->at;
    }
    r->at++;
}

enum segment_step segment_reader_next(struct segment_reader *r, struct journal_record *out)
{
    for (;;) {
        uint64_t place = r->base + r->at;
        if (place >= r->limit) {
            return end_damage(r) ? SEGMENT_STEP_DAMAGE : SEGMENT_STEP_END;
        }
        size_t len = r->len - r->at;
        size_t size = 0;
        enum segment_record_result result =
            segment_get_record(r->window + r->at, len, r->crc_seed, r->after, out, &size);
        if (result == SEGMENT_RECORD_SHORT && place + len < r->limit) {
            return SEGMENT_STEP_FILL;
        }
        if (result != SEGMENT_RECORD_OK) {
            skip_byte(r);
        } else if (end_damage(r)) {
            return SEGMENT_STEP_DAMAGE; /* the record is met again at the next step */
        } else {
            r->at += size;
            r->after = out->sequence;
            return SEGMENT_STEP_RECORD;
        }
    }
}

/* The disk's errors, and what file systems say of their own damage. */
static bool is_unreadable(int err)
{
    return err == EIO || err == EREMOTEIO || err == ENODATA || err == EBADMSG || err == EUCLEAN;
}

/* Where a read cannot succeed as a whole, it goes on block by block. */
static ssize_t read_at(const struct segment_reader *r, size_t len, size_t want)
{
    uint64_t from = r->base + len;
    ssize_t n = r->io->pread(r->fd, r->window + len, want, (off_t)from);
    size_t block = SEGMENT_READER_BLOCK - (size_t)(from % SEGMENT_READER_BLOCK);
    if (n < 0 && is_unreadable(errno) && block < want) {
        n = r->io->pread(r->fd, r->window + len, block, (off_t)from);
    }
    return n;
}

/*
 * Puts zeros, which are no record, where nothing can be read. One block at a time, so that every
 * good one is found; after eight in a row the steps grow: a disk that is gone must come to an end.
 */
static size_t pass_over(struct segment_reader *r, size_t len, size_t want)
{
    unsigned doublings = r->blocks_lost < 8 ? 0 : r->blocks_lost - 7;
    size_t step = (size_t)SEGMENT_READER_BLOCK << (doublings < 5 ? doublings : 5);
    size_t skip = step - (size_t)((r->base + len) % SEGMENT_READER_BLOCK);
    skip = skip < want ? skip : want;
    memset(r->window + len, 0, skip);
    r->blocks_lost++;
    r->tries = 0;
    return skip;
}

int segment_reader_fill(struct segment_reader *r)
{
    size_t rest = r->len - r->at;
    if (rest > 0 && r->at > 0) {
        memmove(r->window, r->window + r->at, rest);
    }
    r->base += r->at;
    r->at = 0;
    r->len = rest;
    uint64_t end = r->base + rest;
    size_t want = SEGMENT_READER_WINDOW - rest;
    if (r->limit - end < want) {
        want = (size_t)(r->limit - end);
    }
    ssize_t n = read_at(r, rest, want);
    if (n < 0) {
        int err = is_unreadable(errno) ? -EIO : -errno;
        if (err != -EIO || ++r->tries < SEGMENT_READER_TRIES) {
            return err;
        }
        r->len += pass_over(r, rest, want);
        return 0;
    }
    if (n == 0) {
        r->limit = end;
    }
    r->tries = r->blocks_lost = 0;
    r->len += (size_t)n;
    return 0;
}
