/* Any bytes as a segment file: the reader must end, and return only what stands there with a good
 * CRC. */
#include "ingest/journal_io.h"
#include "ingest/segment_reader.h"
#include "tests/fuzz/fuzz.h"

/* A record is good when writing it again gives the very bytes it was read from. */
static void check_record(const struct segment_reader *r, const struct journal_record *record,
                         const uint8_t *data)
{
    size_t size = SEGMENT_RECORD_HEADER_SIZE + segment_payload_size(record);
    uint64_t end = r->base + r->at;
    char *again = malloc(SEGMENT_RECORD_MAX);
    require(again != NULL);
    require(size <= SEGMENT_RECORD_MAX && size <= end - SEGMENT_HEADER_SIZE);
    require(segment_put_record(again, r->crc_seed, record) == size);
    require(memcmp(again, data + end - size, size) == 0);
    free(again);
}

/* Every byte after the header is either in a record or in a stretch that was told as damaged. */
static void walk(struct segment_reader *r, const uint8_t *data, size_t size)
{
    uint64_t covered = SEGMENT_HEADER_SIZE, sequence = 0;
    struct journal_record record;
    for (;;) {
        switch (segment_reader_next(r, &record)) {
        case SEGMENT_STEP_RECORD:
            require(record.sequence > sequence);
            sequence = record.sequence;
            check_record(r, &record, data);
            covered += SEGMENT_RECORD_HEADER_SIZE + segment_payload_size(&record);
            break;
        case SEGMENT_STEP_DAMAGE:
            require(r->bad_from == covered && r->bad_to > r->bad_from);
            covered = r->bad_to;
            break;
        case SEGMENT_STEP_FILL:
            require(segment_reader_fill(r) == 0);
            break;
        case SEGMENT_STEP_END:
            require(size < SEGMENT_HEADER_SIZE || covered == size);
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_header h;
    struct segment_reader r;
    if (segment_get_header((const char *)data, size, &h) != SEGMENT_HEADER_OK) {
        h.lane = 1; /* as if the file's name said so */
    }
    struct fuzz_file file = fuzz_file(fuzz_input(data, size));
    require(segment_reader_init(&r, journal_io_real()) == 0);
    segment_reader_begin(&r, file.fd, h.lane, 0);
    r.limit = size;
    walk(&r, data, size);
    segment_reader_fini(&r);
    (void)close(file.fd); /* it is in memory only */
    return 0;
}
