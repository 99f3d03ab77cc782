/* What the tests of Kafka's side share: settings, and librdkafka's own mock of a cluster. */
#ifndef TESTS_UNIT_KAFKA_FIXTURE_H
#define TESTS_UNIT_KAFKA_FIXTURE_H

#include "common/config.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdio.h>
#include <stdlib.h>

enum { KAFKA_PAIRS_MAX = 8, KAFKA_WAIT_MS = 15000 };

static const int16_t KAFKA_PRODUCE = 0; /* the protocol's number of the request */

/* The settings that these kafka.* give: "name=value", NULL last. */
static inline struct config *kafka_config(const char *const *pairs)
{
    char flags[KAFKA_PAIRS_MAX][256];
    char program[] = "test";
    char *argv[KAFKA_PAIRS_MAX + 2] = {program};
    int argc = 1;
    for (size_t i = 0; pairs[i] != NULL; i++) {
        assert_true(i < KAFKA_PAIRS_MAX);
        snprintf(flags[i], sizeof flags[i], "--kafka.%s", pairs[i]);
        argv[argc++] = flags[i];
    }
    char *envp[] = {NULL};
    struct config_spec spec = {.program = "test", .summary = ""};
    struct config *config = NULL;
    assert_int_equal(config_read(&config, &spec, argc, argv, envp), CONFIG_RUN);
    return config;
}

struct cluster {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
};

/* partitions = 0: without the topic. */
static inline void cluster_start(struct cluster *c, const char *topic, int partitions)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof reason),
                     RD_KAFKA_CONF_OK);
    c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(c->rk);
    c->mock = rd_kafka_mock_cluster_new(c->rk, 1);
    assert_non_null(c->mock);
    if (partitions > 0) {
        assert_int_equal(rd_kafka_mock_topic_create(c->mock, topic, partitions, 1), 0);
    }
}

static inline void cluster_stop(struct cluster *c)
{
    rd_kafka_mock_cluster_destroy(c->mock);
    rd_kafka_destroy(c->rk);
}

static inline struct config *cluster_config(const struct cluster *c, const char *more)
{
    char servers[200];
    snprintf(servers, sizeof servers, "bootstrap.servers=%s",
             rd_kafka_mock_cluster_bootstraps(c->mock));
    const char *pairs[] = {servers, more, NULL};
    return kafka_config(pairs);
}

/* The next count produce requests are answered with err. */
static inline void cluster_refuse(struct cluster *c, rd_kafka_resp_err_t err, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors(c->mock, KAFKA_PRODUCE, 1, err);
    }
}

#endif
