/* Log lines in logfmt on standard error, one line an event: level=warn event=publish_retry ... */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* A key and its value. Values are quoted and escaped as logfmt needs; keys are literals of ours. */
struct log_field {
    const char *key;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_UINT } type;
    struct slice text;
    int64_t integer;
    uint64_t natural;
};

static inline struct log_field log_text(const char *key, const char *value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_TEXT, .text = slice_of(value)};
}

static inline struct log_field log_slice(const char *key, struct slice value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_TEXT, .text = value};
}

static inline struct log_field log_int(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_INT, .integer = value};
}

static inline struct log_field log_uint(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_UINT, .natural = value};
}

/* Sets the least level that is written; LOG_LEVEL_INFO at start. Any thread. */
void log_set_level(enum log_level level);

/* Finds the level named debug, info, warn or error. Returns false if there is none of that name. */
bool log_level_named(struct slice name, enum log_level *out);

/* Writes one line with one write(); lines past 4 KiB are cut. Any thread. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);

/* LOG_WARN("publish_retry", log_text("topic", t), log_int("attempt", 3)); at least one field. */
#define LOG_AT(level, event, ...)                                                                  \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                           \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define LOG_INFO(event, ...) LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_WARN(event, ...) LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
