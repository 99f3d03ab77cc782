/* What --help prints. */
#ifndef COMMON_CONFIG_HELP_H
#define COMMON_CONFIG_HELP_H

#include "common/buffer.h"
#include "common/config.h"

/* Appends the summary and the table of options, wrapped at 100 columns. */
void config_help_render(const struct config_spec *spec, struct buffer *out);

#endif
