/* The names of options: found as users write them, and guessed at when there is none. */
#ifndef COMMON_CONFIG_NAMES_H
#define COMMON_CONFIG_NAMES_H

#include "common/buffer.h"
#include "common/config.h"

/* The row of that name, upper case and dashes counting as lower case and underscores; or NULL. */
const struct config_option *config_names_find(const struct config_spec *spec, struct slice name);

/* Appends `; did you mean "x"?` when a name of the table, or a librdkafka property, is near. */
void config_names_suggest(const struct config_spec *spec, struct slice name, struct buffer *out);

#endif
