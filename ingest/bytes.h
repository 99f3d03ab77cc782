/* Integers as they stand on disk: little endian, at any address. */
#ifndef INGEST_BYTES_H
#define INGEST_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void bytes_put_u16(char *out, uint16_t value)
{
    value = htole16(value);
    memcpy(out, &value, sizeof value);
}

static inline void bytes_put_u32(char *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof value);
}

static inline void bytes_put_u64(char *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}

static inline uint16_t bytes_get_u16(const char *data)
{
    uint16_t value;
    memcpy(&value, data, sizeof value);
    return le16toh(value);
}

static inline uint32_t bytes_get_u32(const char *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return le32toh(value);
}

static inline uint64_t bytes_get_u64(const char *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return le64toh(value);
}

#endif
