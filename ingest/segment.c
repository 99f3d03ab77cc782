#include "ingest/segment.h"

#include "ingest/bytes.h"
#include "ingest/crc32c.h"

#include <inttypes.h>
#include <stdio.h>

static const char magic[8] = {'P', 'R', 'J', 'O', 'U', 'R', 'N', 'L'};

enum header_offset {
    HEADER_VERSION = 8,
    HEADER_SIZE = 12,
    HEADER_LANE = 16,
    HEADER_NUMBER = 24,
    HEADER_SHARD = 28,
    HEADER_FIRST = 32,
    HEADER_CREATED = 40,
    HEADER_CRC = 60
};

enum record_offset {
    RECORD_LEN = 0,
    RECORD_CRC = 4,
    RECORD_SEQUENCE = 8,
    RECORD_TS = 16,
    RECORD_TYPE = 24,
    RECORD_KEY_LEN = 26,
    RECORD_RESERVED = 28
};

enum record_type { TYPE_REPORT = 1 };

void segment_format_name(char out[SEGMENT_NAME_SIZE], uint64_t lane, uint32_t number)
{
    (void)snprintf(out, SEGMENT_NAME_SIZE, "%016" PRIx64 "-%08" PRIx32 ".journal", lane,
                   number); /* always fits */
}

static bool parse_hex(const char *text, size_t digits, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = value;
    return true;
}

bool segment_parse_name(const char *name, uint64_t *lane, uint32_t *number)
{
    uint64_t lane_value, number_value;
    if (strlen(name) != SEGMENT_NAME_SIZE - 1 || !parse_hex(name, 16, &lane_value) ||
        name[16] != '-' || !parse_hex(name + 17, 8, &number_value) ||
        strcmp(name + 25, ".journal") != 0 || lane_value == 0) {
        return false;
    }
    *lane = lane_value;
    *number = (uint32_t)number_value;
    return true;
}

void segment_put_header(char out[SEGMENT_HEADER_SIZE], const struct segment_header *h)
{
    memset(out, 0, SEGMENT_HEADER_SIZE);
    memcpy(out, magic, sizeof magic);
    bytes_put_u32(out + HEADER_VERSION, SEGMENT_VERSION);
    bytes_put_u32(out + HEADER_SIZE, SEGMENT_HEADER_SIZE);
    bytes_put_u64(out + HEADER_LANE, h->lane);
    bytes_put_u32(out + HEADER_NUMBER, h->number);
    bytes_put_u32(out + HEADER_SHARD, h->shard);
    bytes_put_u64(out + HEADER_FIRST, h->first_sequence);
    bytes_put_u64(out + HEADER_CREATED, h->created_ms);
    bytes_put_u32(out + HEADER_CRC, crc32c(0, out, HEADER_CRC));
}

enum segment_header_result segment_get_header(const char *data, size_t len,
                                              struct segment_header *out)
{
    if (len < SEGMENT_HEADER_SIZE || memcmp(data, magic, sizeof magic) != 0 ||
        bytes_get_u32(data + HEADER_CRC) != crc32c(0, data, HEADER_CRC)) {
        return SEGMENT_HEADER_DAMAGED;
    }
    if (bytes_get_u32(data + HEADER_VERSION) > SEGMENT_VERSION) {
        return SEGMENT_HEADER_NEWER;
    }
    out->lane = bytes_get_u64(data + HEADER_LANE);
    out->number = bytes_get_u32(data + HEADER_NUMBER);
    out->shard = bytes_get_u32(data + HEADER_SHARD);
    out->first_sequence = bytes_get_u64(data + HEADER_FIRST);
    out->created_ms = bytes_get_u64(data + HEADER_CREATED);
    return SEGMENT_HEADER_OK;
}

uint32_t segment_crc_seed(uint64_t lane)
{
    char bytes[8];
    bytes_put_u64(bytes, lane);
    return crc32c(0, bytes, sizeof bytes);
}

static uint32_t record_crc(uint32_t seed, const char *record, size_t payload_len)
{
    uint32_t crc = crc32c(seed, record + RECORD_LEN, RECORD_CRC - RECORD_LEN);
    return crc32c(crc, record + RECORD_SEQUENCE,
                  SEGMENT_RECORD_HEADER_SIZE - RECORD_SEQUENCE + payload_len);
}

size_t segment_payload_size(const struct journal_record *r)
{
    return r->key.len + r->value.len;
}

static char *put_bytes(char *out, struct slice s)
{
    if (s.len > 0) {
        memcpy(out, s.data, s.len);
    }
    return out + s.len;
}

size_t segment_put_record(char *out, uint32_t crc_seed, const struct journal_record *r)
{
    size_t payload_len = segment_payload_size(r);
    bytes_put_u32(out + RECORD_LEN, (uint32_t)payload_len);
    bytes_put_u64(out + RECORD_SEQUENCE, r->sequence);
    bytes_put_u64(out + RECORD_TS, r->ts_ms);
    bytes_put_u16(out + RECORD_TYPE, TYPE_REPORT);
    bytes_put_u16(out + RECORD_KEY_LEN, (uint16_t)r->key.len);
    bytes_put_u32(out + RECORD_RESERVED, 0);
    char *at = put_bytes(out + SEGMENT_RECORD_HEADER_SIZE, r->key);
    (void)put_bytes(at, r->value); /* where it ends is known */
    bytes_put_u32(out + RECORD_CRC, record_crc(crc_seed, out, payload_len));
    return SEGMENT_RECORD_HEADER_SIZE + payload_len;
}

static bool is_plausible(const char *data, uint64_t after)
{
    size_t payload_len = bytes_get_u32(data + RECORD_LEN);
    return payload_len <= SEGMENT_PAYLOAD_MAX &&
           payload_len >= bytes_get_u16(data + RECORD_KEY_LEN) &&
           bytes_get_u16(data + RECORD_TYPE) == TYPE_REPORT &&
           bytes_get_u32(data + RECORD_RESERVED) == 0 &&
           bytes_get_u64(data + RECORD_SEQUENCE) > after;
}

enum segment_record_result segment_get_record(const char *data, size_t len, uint32_t crc_seed,
                                              uint64_t after, struct journal_record *out,
                                              size_t *size)
{
    if (len < SEGMENT_RECORD_HEADER_SIZE) {
        return SEGMENT_RECORD_SHORT;
    }
    if (!is_plausible(data, after)) {
        return SEGMENT_RECORD_BAD;
    }
    size_t payload_len = bytes_get_u32(data + RECORD_LEN);
    if (payload_len > len - SEGMENT_RECORD_HEADER_SIZE) {
        return SEGMENT_RECORD_SHORT;
    }
    if (bytes_get_u32(data + RECORD_CRC) != record_crc(crc_seed, data, payload_len)) {
        return SEGMENT_RECORD_BAD;
    }
    const char *at = data + SEGMENT_RECORD_HEADER_SIZE;
    const char *end = at + payload_len;
    *out = (struct journal_record){.sequence = bytes_get_u64(data + RECORD_SEQUENCE),
                                   .ts_ms = bytes_get_u64(data + RECORD_TS)};
    out->key = slice_make(at, bytes_get_u16(data + RECORD_KEY_LEN));
    out->value = slice_make(at + out->key.len, (size_t)(end - at) - out->key.len);
    *size = SEGMENT_RECORD_HEADER_SIZE + payload_len;
    return SEGMENT_RECORD_OK;
}
