/*
 * The bytes of a journal segment: names, headers and records, written and read without any I/O.
 *
 * File name: <lane, 16 hex digits>-<number, 8 hex digits>.journal; all integers are little endian.
 *
 *   Header, 64 bytes:                        Record, 32 bytes and its payload:
 *    0  8  magic "PRJOURNL"                   0  4  payload length, 0 to 65,536
 *    8  4  version, 1                         4  4  CRC-32C
 *   12  4  size of this header, 64            8  8  sequence, rising within the lane
 *   16  8  lane                              16  8  ts, ms since 1970 UTC
 *   24  4  number, rising within the lane    24  2  type
 *   28  4  shard index                       26  2  key length
 *   32  8  first sequence that may follow    28  4  reserved, 0
 *   40  8  created, ms since 1970 UTC        32     payload
 *   48 12  reserved, 0
 *   60  4  CRC-32C of bytes 0 to 59
 *
 * The CRC of a record goes over the lane (8 bytes), the payload length and everything after the CRC
 * field. The lane is in it although it is not written again: a record is good in its own lane
 * alone, so neither stale blocks of another file nor bytes that a player sent inside a string can
 * pass for one.
 *
 * The only type is 1, a report; its payload is key and value.
 *
 * The version is raised whenever an older reader would misread or drop something: a new type, a
 * changed field, a used reserved byte. Every version keeps magic and version where they are, and
 * the header's CRC in bytes 60 to 63 over those before it, so that an older program knows a newer
 * segment from a damaged one.
 */
#ifndef INGEST_SEGMENT_H
#define INGEST_SEGMENT_H

#include "ingest/journal_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEADER_SIZE = 64,
    SEGMENT_RECORD_HEADER_SIZE = 32,
    SEGMENT_PAYLOAD_MAX = 64 * 1024,
    SEGMENT_RECORD_MAX = SEGMENT_RECORD_HEADER_SIZE + SEGMENT_PAYLOAD_MAX,
    SEGMENT_NAME_SIZE = 16 + 1 + 8 + 8 + 1 /* with the NUL */
};

struct segment_header {
    uint64_t lane;
    uint32_t number;
    uint32_t shard;
    uint64_t first_sequence;
    uint64_t created_ms;
};

void segment_format_name(char out[SEGMENT_NAME_SIZE], uint64_t lane, uint32_t number);

/* Returns false when name is no segment's. */
bool segment_parse_name(const char *name, uint64_t *lane, uint32_t *number);

void segment_put_header(char out[SEGMENT_HEADER_SIZE], const struct segment_header *h);

enum segment_header_result {
    SEGMENT_HEADER_OK,
    SEGMENT_HEADER_DAMAGED, /* go by the file's name; its records may be good */
    SEGMENT_HEADER_NEWER /* whole, of a version this program cannot read: leave its records alone */
};

enum segment_header_result segment_get_header(const char *data, size_t len,
                                              struct segment_header *out);

/* What the CRC of every record in the lane begins with. */
uint32_t segment_crc_seed(uint64_t lane);

/* The payload of r in bytes; r may only be written when it is at most SEGMENT_PAYLOAD_MAX. */
size_t segment_payload_size(const struct journal_record *r);

/*
 * Writes r to out, which has room for SEGMENT_RECORD_HEADER_SIZE and its payload. The key is at
 * most UINT16_MAX bytes. Returns the bytes written.
 */
size_t segment_put_record(char *out, uint32_t crc_seed, const struct journal_record *r);

enum segment_record_result {
    SEGMENT_RECORD_OK,
    SEGMENT_RECORD_SHORT, /* nothing speaks against it, but it goes on past the bytes at hand */
    SEGMENT_RECORD_BAD
};

/*
 * Reads the record that begins at data, of which len bytes are at hand; its sequence must be above
 * after. On OK key and value of out point into data and *size is the whole record's.
 */
enum segment_record_result segment_get_record(const char *data, size_t len, uint32_t crc_seed,
                                              uint64_t after, struct journal_record *out,
                                              size_t *size);

#endif
