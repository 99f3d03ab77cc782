#include "tests/broker/try/orders.h"

#include "tests/broker/try/protocol.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What was read and is not yet carried out. */
struct input {
    struct rd_kafka_mock_cluster_s *cluster;
    char line[ORDERS_LINE_MAX];
    size_t len;
    bool skipping; /* inside a line that is too long */
};

/* Returns false when the order was to quit. */
static bool carry_out(struct input *in)
{
    char why[256];

    switch (protocol_run(in->cluster, in->line, why, sizeof(why))) {
    case PROTOCOL_OK:
        printf("ok\n");
        return true;
    case PROTOCOL_ERROR:
        printf("error %s\n", why);
        return true;
    case PROTOCOL_HELP:
        printf("%s\nok\n", protocol_help());
        return true;
    case PROTOCOL_QUIT:
        printf("ok\n");
        return false;
    }
    return true;
}

static bool take_byte(struct input *in, char byte)
{
    bool more = true;

    if (byte != '\n') {
        in->skipping = in->skipping || in->len == sizeof(in->line) - 1;
        if (!in->skipping)
            in->line[in->len++] = byte;
        return true;
    }
    in->line[in->len] = '\0';
    if (in->skipping)
        printf("error line too long\n");
    else
        more = carry_out(in);
    in->skipping = false;
    in->len = 0;
    return more;
}

/* Returns false when it is time to end. Sets *eof at the end of the input. */
static bool take_input(struct input *in, bool *eof)
{
    char bytes[512];
    ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));
    bool more = true;

    if (len < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    *eof = len <= 0;
    for (ssize_t i = 0; i < len && more; i++)
        more = take_byte(in, bytes[i]);
    (void)fflush(stdout); /* nobody may be listening */
    return more;
}

int orders_open_signals(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTTIN, SIG_IGN); /* in the background of a terminal stdin reads as ended */
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

void orders_serve(struct rd_kafka_mock_cluster_s *cluster, int signal_fd, bool exit_on_eof)
{
    struct input in = {.cluster = cluster};
    struct pollfd fds[] = {
        {.fd = signal_fd, .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    bool eof = false;

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents != 0)
            return;
        if (fds[1].revents != 0 && !take_input(&in, &eof))
            return;
        if (eof && exit_on_eof)
            return;
        if (eof)
            fds[1].fd = -1; /* poll passes over it: the broker lives on */
    }
}
