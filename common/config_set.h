/* Settings on their way from a source into the daemon's options, and the faults found with them. */
#ifndef COMMON_CONFIG_SET_H
#define COMMON_CONFIG_SET_H

#include "common/buffer.h"
#include "common/config.h"

/* Lives in the caller's storage while a configuration is read. */
struct config_reading {
    const struct config_spec *spec;
    struct config *config; /* takes the texts and the kafka.* pairs */
    struct buffer faults;  /* a line each */
};

/* An empty configuration, or NULL; config_free() frees it. */
struct config *config_new(void);

/*
 * Sets one option or kafka.* property; value is copied. origin is how the user knows the place
 * ("--workers", "PLAYREPORT_WORKERS"). An unknown name or a bad value becomes a fault.
 */
void config_set(struct config_reading *r, const char *origin, struct slice name, const char *value);

/* Adds the line "origin: sentence" to the faults. */
void config_set_fault(struct config_reading *r, const char *origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
