#include "tests/broker/try/options.h"

#include "tests/broker/try/protocol.h"

#include <getopt.h>
#include <stdio.h>

static void print_help(void)
{
    printf("usage: playreport-try-broker [OPTION]...\n"
           "A Kafka for trying out and for fault injection: all in memory, 5 MiB a partition at\n"
           "most, gone when it ends. Orders are read from standard input, one a line; each is\n"
           "answered by 'ok' or 'error WHY'.\n\n"
           "  --port N             listen on 127.0.0.1:N, 1 to 65535 (default: any free one);\n"
           "                       with --brokers the next ones follow\n"
           "  --brokers N          1 to %d (default 1)\n"
           "  --topic NAME:COUNT   a topic of COUNT partitions, 1 to %d; may be given %d times\n"
           "                       (default: video.player.reports.v1:12 and\n"
           "                       video.player.reports.v1.dlq:12)\n"
           "  --listen-file FILE   write the address to FILE when ready, remove FILE at the end\n"
           "  --exit-on-eof        end when standard input does\n"
           "  --help\n\n"
           "Clients: fetch.wait.max.ms=10, as an empty fetch sleeps it in full; "
           "session.timeout.ms=6000,\n"
           "as a rebalance takes a second less. The first join of a group takes 3 s.\n\n"
           "Orders:\n%s\n",
           OPTIONS_BROKERS_MAX, PROTOCOL_PARTITIONS_MAX, OPTIONS_TOPICS_MAX, protocol_help());
}

static enum options_result read_number(const char *name, long max, long *out)
{
    if (protocol_parse_number(optarg, 1, max, out))
        return OPTIONS_RUN;
    fprintf(stderr, "playreport-try-broker: --%s must be from 1 to %ld, not '%s'\n", name, max,
            optarg);
    return OPTIONS_BAD;
}

static enum options_result add_topic(struct options *out)
{
    if (out->topic_count == OPTIONS_TOPICS_MAX) {
        fprintf(stderr, "playreport-try-broker: --topic can be given from 0 to %d times\n",
                OPTIONS_TOPICS_MAX);
        return OPTIONS_BAD;
    }
    out->topics[out->topic_count++] = optarg;
    return OPTIONS_RUN;
}

static enum options_result take(struct options *out, int option)
{
    enum options_result result = OPTIONS_RUN;
    long value = 0;

    switch (option) {
    case 'p':
        result = read_number("port", UINT16_MAX, &value);
        out->port = (uint16_t)value;
        return result;
    case 'b':
        result = read_number("brokers", OPTIONS_BROKERS_MAX, &value);
        out->broker_count = (int)value;
        return result;
    case 't':
        return add_topic(out);
    case 'l':
        out->listen_file = optarg;
        return OPTIONS_RUN;
    case 'e':
        out->exit_on_eof = true;
        return OPTIONS_RUN;
    case 'h':
        print_help();
        return OPTIONS_HELP;
    default:
        fprintf(stderr, "playreport-try-broker: see --help\n");
        return OPTIONS_BAD;
    }
}

static enum options_result check(struct options *out, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr, "playreport-try-broker: unexpected '%s'; see --help\n", argv[optind]);
        return OPTIONS_BAD;
    }
    if (out->port != 0 && out->port + out->broker_count - 1 > UINT16_MAX) {
        fprintf(stderr, "playreport-try-broker: --port must be from 1 to %u with %u brokers\n",
                (unsigned)(UINT16_MAX - out->broker_count + 1), (unsigned)out->broker_count);
        return OPTIONS_BAD;
    }
    if (out->topic_count == 0) {
        out->topics[out->topic_count++] = "video.player.reports.v1:12";
        out->topics[out->topic_count++] = "video.player.reports.v1.dlq:12";
    }
    return OPTIONS_RUN;
}

enum options_result options_parse(struct options *out, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"brokers", required_argument, NULL, 'b'},
        {"topic", required_argument, NULL, 't'},
        {"listen-file", required_argument, NULL, 'l'},
        {"exit-on-eof", no_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;

    *out = (struct options){.broker_count = 1};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        enum options_result result = take(out, option);

        if (result != OPTIONS_RUN)
            return result;
    }
    return check(out, argc, argv);
}
