/* CRC-32C (Castagnoli) of bytes, with the processor's help where it has any. */
#ifndef INGEST_CRC32C_H
#define INGEST_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * Extends crc (0 to begin) by len bytes: crc32c(crc32c(0, a), b) is that of a and b together.
 * The check value, over "123456789", is e3069283. Pure; any thread.
 */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
