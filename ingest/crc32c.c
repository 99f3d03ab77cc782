#include "ingest/crc32c.h"

#include <isa-l/crc.h>

#include <limits.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    /* isa-l reads only, but its prototype was never told; nor does it invert at the ends. */
    unsigned char *at = (unsigned char *)(uintptr_t)data;
    uint32_t state = ~crc;
    while (len > INT_MAX) {
        state = crc32_iscsi(at, INT_MAX, state);
        at += INT_MAX;
        len -= INT_MAX;
    }
    return ~crc32_iscsi(at, (int)len, state);
}
