/* The try-out broker: librdkafka's mock cluster as a process of its own, taking orders on stdin. */
#include "tests/broker/try/fixed_port.h"
#include "tests/broker/try/listen_file.h"
#include "tests/broker/try/options.h"
#include "tests/broker/try/orders.h"
#include "tests/broker/try/protocol.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

/* The cluster hangs on a client that does nothing else. */
static rd_kafka_t *new_client(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk = NULL;

    rd_kafka_conf_set_log_cb(conf, NULL);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        fprintf(stderr, "playreport-try-broker: %s\n", why);
    }
    return rk;
}

static int create_topics(rd_kafka_mock_cluster_t *cluster, const struct options *options)
{
    for (size_t i = 0; i < options->topic_count; i++) {
        char why[256], name[512];
        char *colon = NULL;

        (void)snprintf(name, sizeof(name), "%s", options->topics[i]);
        colon = strrchr(name, ':');
        if (colon != NULL)
            *colon = '\0';
        if (protocol_create_topic(cluster, name, colon == NULL ? "" : colon + 1, why,
                                  sizeof(why)) != PROTOCOL_OK) {
            fprintf(stderr, "playreport-try-broker: --topic %s: %s\n", options->topics[i], why);
            return EXIT_USAGE;
        }
    }
    return EXIT_SUCCESS;
}

static int serve(rd_kafka_mock_cluster_t *cluster, const struct options *options, int signal_fd)
{
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(cluster);
    int result = create_topics(cluster, options);

    if (result != EXIT_SUCCESS)
        return result;
    if (!listen_file_write(options->listen_file, bootstrap))
        return EXIT_FAILURE;
    fprintf(stderr, "playreport-try-broker: everything is in memory, at most 5 MiB a partition, "
                    "and gone when it ends: for trying and fault injection only\n");
    printf("bootstrap=%s\n", bootstrap);
    (void)fflush(stdout); /* nobody may be listening */
    orders_serve(cluster, signal_fd, options->exit_on_eof);
    listen_file_remove(options->listen_file);
    return EXIT_SUCCESS;
}

static int run(const struct options *options, int signal_fd)
{
    rd_kafka_mock_cluster_t *cluster = NULL;
    rd_kafka_t *rk = new_client();
    int result = EXIT_FAILURE;

    if (rk == NULL)
        return result;
    cluster = rd_kafka_mock_cluster_new(rk, options->broker_count);
    if (cluster == NULL) {
        fprintf(stderr, "playreport-try-broker: cannot listen on 127.0.0.1\n");
    } else {
        result = serve(cluster, options, signal_fd);
        rd_kafka_mock_cluster_destroy(cluster);
    }
    rd_kafka_destroy(rk);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    enum options_result parsed = options_parse(&options, argc, argv);
    int signal_fd = -1, taken = 0, result = EXIT_FAILURE;

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    signal_fd = orders_open_signals();
    if (signal_fd < 0) {
        perror("playreport-try-broker: signalfd");
        return EXIT_FAILURE;
    }
    taken = options.port == 0 ? 0 : fixed_port_claim(options.port, options.broker_count);
    if (taken == 0)
        result = run(&options, signal_fd);
    else
        fprintf(stderr, "playreport-try-broker: port %d is taken\n", taken);
    (void)close(signal_fd); /* nothing was written to it */
    return result;
}
