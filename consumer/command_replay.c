#include "consumer/commands.h"
#include "consumer/replay.h"

#include <stdlib.h>
#include <string.h>

int command_replay(const struct consumer_options *o, const struct config *config)
{
    const struct replay_options options = {.config = config,
                                           .topic = o->topic,
                                           .group = o->group,
                                           .dry_run = o->dry_run,
                                           .skip_refused = o->skip_refused,
                                           .patience_ms = o->patience_ms,
                                           .out = stdout};
    struct error err = {""};
    int failed = replay_run(&options, &err);
    if (failed != 0) {
        (void)fprintf(stderr, "replay: %s\n", err.text[0] != '\0' ? err.text : strerror(-failed));
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
