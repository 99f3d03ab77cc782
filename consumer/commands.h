/* The subcommands of playreport-consumer. Main thread. */
#ifndef CONSUMER_COMMANDS_H
#define CONSUMER_COMMANDS_H

#include "consumer/options.h"

/* Each returns the exit code of the process: 0, 1, or 2 for a question that cannot be answered. */
int command_run(const struct consumer_start *began);
int command_report(const struct consumer_options *o);
int command_replay(const struct consumer_options *o, const struct config *config);
int command_tail(const struct consumer_options *o, const struct config *config);
int command_backup(const struct consumer_options *o);
int command_forget(const struct consumer_options *o);
int command_check(const struct consumer_options *o);

#endif
