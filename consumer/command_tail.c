#include "common/clock.h"
#include "consumer/commands.h"
#include "consumer/tail.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool has_signal(void *arg)
{
    const int *fd = arg;
    struct signalfd_siginfo info;
    return read(*fd, &info, sizeof info) == (ssize_t)sizeof info;
}

/* SIGINT and SIGTERM are read from the file that is returned; a closed pipe is an error of writing.
 * Returns -errno on failure. */
static int take_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0) {
        return -errno;
    }
    int fd = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Reads what the flags say. Returns 0 or -EINVAL. */
static int read_flags(const struct consumer_options *o, struct tail_options *out,
                      struct tail_filter *filter, struct error *err)
{
    const struct tail_filter_lists lists = {o->tail.site, o->tail.photo_id, o->tail.source,
                                            o->tail.kind, o->tail.event};
    if (!tail_from_read(slice_of(o->tail.from), o->tail.follow, (int64_t)clock_wall_ms(),
                        &out->from)) {
        error_set(err,
                  "from: '%s' is no time; give a date (2026-01-31), an ISO time, ms since 1970, an "
                  "age (-15m, -24h, -7d), now, all or offset:N",
                  o->tail.from);
        return -EINVAL;
    }
    return tail_filter_read(filter, &lists, err);
}

int command_tail(const struct consumer_options *o, const struct config *config)
{
    enum { EXIT_BAD_QUESTION = 2 };
    struct error err = {""};
    struct tail_filter filter;
    int signals = take_signals();
    struct tail_options options = {.config = config,
                                   .topic = o->topic,
                                   .partition = o->tail.partition,
                                   .filter = &filter,
                                   .follow = o->tail.follow,
                                   .patience_ms = o->patience_ms,
                                   .out = stdout,
                                   .notes = stderr,
                                   .is_ended = has_signal,
                                   .arg = &signals};
    int failed = signals < 0 ? signals : read_flags(o, &options, &filter, &err);
    bool is_bad_question = failed == -EINVAL;
    failed = failed != 0 ? failed : tail_run(&options, &err);
    if (failed != 0) {
        (void)fprintf(stderr, "tail: %s\n", err.text[0] != '\0' ? err.text : strerror(-failed));
    }
    if (signals >= 0) {
        (void)close(signals);
    }
    return failed == 0 ? EXIT_SUCCESS : is_bad_question ? EXIT_BAD_QUESTION : EXIT_FAILURE;
}
