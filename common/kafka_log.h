/* The limit on librdkafka's log lines: one a second of each facility, the others are counted. */
#ifndef COMMON_KAFKA_LOG_H
#define COMMON_KAFKA_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KAFKA_LOG_FACILITIES = 24, /* those that come after share the last one's limit */
    KAFKA_LOG_NAME_SIZE = 16,
    KAFKA_LOG_EVERY_MS = 1000
};

/* What became of a facility's lines. */
struct kafka_log_facility {
    char name[KAFKA_LOG_NAME_SIZE];
    uint64_t next_ms;    /* before it lines are held back */
    uint64_t suppressed; /* since the last line that went out */
};

/* Zeroed at start. Lives in the caller's storage; the caller locks it. */
struct kafka_log_limit {
    struct kafka_log_facility facilities[KAFKA_LOG_FACILITIES];
    size_t count;
};

/*
 * Whether a line of this facility may go out now; *suppressed then is how many were held back since
 * the last one. now_ms is the monotonic clock's.
 */
bool kafka_log_admit(struct kafka_log_limit *l, const char *facility, uint64_t now_ms,
                     uint64_t *suppressed);

#endif
