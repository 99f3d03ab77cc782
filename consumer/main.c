/* playreport-consumer: the topic's events into numbers per photo_id and source. */
#include "common/log.h"
#include "consumer/commands.h"

#include <stdlib.h>

enum { EXIT_USAGE = 2 };

int main(int argc, char **argv, char **envp)
{
    struct consumer_options options = {0};
    enum consumer_command command = CONSUMER_RUN;
    struct config *config = NULL;
    switch (consumer_options_read(&config, &options, &command, argc, argv, envp)) {
    case CONFIG_DONE:
        return EXIT_SUCCESS;
    case CONFIG_BAD_USAGE:
        return EXIT_USAGE;
    case CONFIG_RUN:
        break;
    }
    log_set_level((enum log_level)options.log_level);
    int status = EXIT_FAILURE;
    switch (command) {
    case CONSUMER_RUN:
        status = command_run(&(struct consumer_start){argc, argv, envp, &options, config});
        break;
    case CONSUMER_REPORT:
        status = command_report(&options);
        break;
    case CONSUMER_REPLAY:
        status = command_replay(&options, config);
        break;
    case CONSUMER_TAIL:
        status = command_tail(&options, config);
        break;
    case CONSUMER_BACKUP:
        status = command_backup(&options);
        break;
    case CONSUMER_FORGET:
        status = command_forget(&options);
        break;
    case CONSUMER_CHECK:
        status = command_check(&options);
        break;
    }
    config_free(config);
    return status;
}
