/* Our slices as librdkafka's fields of a record. */
#ifndef COMMON_KAFKA_BYTES_H
#define COMMON_KAFKA_BYTES_H

#include "common/slice.h"

#include <librdkafka/rdkafka.h>

/*
 * A key or value for rd_kafka_produceva() with RD_KAFKA_MSG_F_COPY: librdkafka copies the bytes,
 * but takes a pointer that is not const.
 */
static inline rd_kafka_vu_t kafka_bytes(rd_kafka_vtype_t type, struct slice bytes)
{
    union {
        const char *in;
        void *out;
    } pointer = {.in = bytes.data};
    return (rd_kafka_vu_t){.vtype = type, .u.mem = {pointer.out, bytes.len}};
}

#endif
