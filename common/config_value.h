/* The values of options: text read into a row's place, ranges and amounts told to people. */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

#include "common/buffer.h"
#include "common/config.h"

/*
 * Reads text as the option's type and stores it in the options struct at values. Text is stored as
 * it is and must outlive values. Returns false, and stores nothing, when it is malformed or out of
 * range.
 */
bool config_value_store(const struct config_option *o, const char *text, void *values);

/* Appends what the option takes, to stand after "must be": "a whole number from 1 to 8". */
void config_value_describe(const struct config_option *o, struct buffer *out);

/* Appends the short form for a table: "1 to 8", "journal|disk", "on|off", "text". */
void config_value_range(const struct config_option *o, struct buffer *out);

#endif
