/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/kafka_conf.h"

#include "kafka_fixture.h"

#include <errno.h>
#include <string.h>

static void assert_set(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256] = "";
    size_t size = sizeof text;
    assert_int_equal(rd_kafka_conf_get(conf, name, text, &size), RD_KAFKA_CONF_OK);
    if (strcmp(text, value) != 0) {
        fail_msg("%s is %s, not %s", name, text, value);
    }
}

static rd_kafka_conf_t *make(enum kafka_role role, const char *group, const char *pair)
{
    const char *pairs[] = {"bootstrap.servers=127.0.0.1:1", pair, NULL};
    struct config *config = kafka_config(pairs);
    struct error err = {""};
    rd_kafka_conf_t *conf = NULL;
    if (kafka_conf_make(&conf, role, "client", group, config, &err) != 0) {
        fail_msg("%s", err.text);
    }
    config_free(config);
    return conf;
}

static void producers_promise_what_the_contract_says(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf = make(KAFKA_PRODUCER, NULL, NULL);
    assert_set(conf, "bootstrap.servers", "127.0.0.1:1");
    assert_set(conf, "client.id", "client");
    assert_set(conf, "enable.idempotence", "true");
    assert_set(conf, "acks", "-1");
    assert_set(conf, "message.timeout.ms", "0");
    assert_set(conf, "max.in.flight.requests.per.connection", "1");
    assert_set(conf, "enable.gapless.guarantee", "true");
    assert_set(conf, "compression.type", "zstd");
    assert_set(conf, "socket.nagle.disable", "true");
    assert_set(conf, "linger.ms", "5");
    assert_set(conf, "statistics.interval.ms", "0");
    assert_set(conf, "log.connection.close", "false");
    assert_set(conf, "allow.auto.create.topics", "false");
    rd_kafka_conf_destroy(conf);
}

static void consumers_leave_offsets_to_the_store(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf = make(KAFKA_CONSUMER, "counters", NULL);
    assert_set(conf, "group.id", "counters");
    assert_set(conf, "enable.auto.commit", "false");
    assert_set(conf, "enable.auto.offset.store", "false");
    assert_set(conf, "auto.offset.reset", "error");
    assert_set(conf, "check.crcs", "true");
    assert_set(conf, "partition.assignment.strategy", "range");
    assert_set(conf, "session.timeout.ms", "10000");
    assert_set(conf, "fetch.wait.max.ms", "100");
    assert_set(conf, "queued.max.messages.kbytes", "65536");
    assert_set(conf, "enable.partition.eof", "false");
    rd_kafka_conf_destroy(conf);
}

static void both_roles_make_a_client(void **state)
{
    (void)state;
    char reason[256] = "";
    rd_kafka_t *rk =
        rd_kafka_new(RD_KAFKA_PRODUCER, make(KAFKA_PRODUCER, NULL, NULL), reason, sizeof reason);
    assert_string_equal(reason, "");
    assert_non_null(rk);
    rd_kafka_destroy(rk);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, make(KAFKA_CONSUMER, "g", NULL), reason, sizeof reason);
    assert_string_equal(reason, "");
    assert_non_null(rk);
    rd_kafka_destroy(rk);
}

static void the_user_outranks_what_promises_nothing(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf = make(KAFKA_PRODUCER, NULL, "compression.type=lz4");
    assert_set(conf, "compression.type", "lz4");
    rd_kafka_conf_destroy(conf);
    conf = make(KAFKA_CONSUMER, "g", "client.id=mine");
    assert_set(conf, "client.id", "mine");
    rd_kafka_conf_destroy(conf);
}

static void assert_refused(enum kafka_role role, const char *pair, const char *word)
{
    const char *pairs[] = {"bootstrap.servers=127.0.0.1:1", pair, NULL};
    struct config *config = kafka_config(pairs);
    struct error err = {""};
    rd_kafka_conf_t *conf = NULL;
    assert_int_equal(kafka_conf_make(&conf, role, "client", NULL, config, &err), -EINVAL);
    assert_null(conf);
    char name[64] = "";
    assert_int_equal(sscanf(pair, "%63[^=]", name), 1);
    if (strstr(err.text, name) == NULL || strstr(err.text, word) == NULL) {
        fail_msg("%s: \"%s\" does not name it, or lacks \"%s\"", pair, err.text, word);
    }
    config_free(config);
}

static void properties_that_carry_a_promise_are_refused(void **state)
{
    (void)state;
    const char *const pairs[] = {
        "acks=1",
        "request.required.acks=1",
        "enable.idempotence=false",
        "message.timeout.ms=1000",
        "delivery.timeout.ms=1000",
        "retries=1",
        "message.send.max.retries=1",
        "max.in.flight=5",
        "max.in.flight.requests.per.connection=5",
        "enable.gapless.guarantee=false",
        "queuing.strategy=lifo",
        "transactional.id=t",
        "delivery.report.only.error=true",
        "enable.auto.commit=true",
        "auto.commit.enable=true",
        "enable.auto.offset.store=true",
        "auto.offset.reset=latest",
        "check.crcs=false",
        "partition.assignment.strategy=cooperative-sticky",
        "allow.auto.create.topics=true",
        "group.id=g",
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_refused(KAFKA_PRODUCER, pairs[i], "may not be changed: ");
        assert_refused(KAFKA_CONSUMER, pairs[i], "may not be changed: ");
    }
}

static void unknown_names_and_bad_values_are_refused(void **state)
{
    (void)state;
    assert_refused(KAFKA_PRODUCER, "no.such.thing=1", "no such property");
    assert_refused(KAFKA_PRODUCER, "socket.timeout.ms=soon", "socket.timeout.ms");
    assert_refused(KAFKA_CONSUMER, "security.protocol=smoke", "security.protocol");
}

static void a_missing_broker_is_a_sentence(void **state)
{
    (void)state;
    const char *const none[] = {"compression.type=lz4", NULL};
    const char *const empty[] = {"metadata.broker.list=", NULL};
    const char *const *const cases[] = {none, empty};
    for (size_t i = 0; i < 2; i++) {
        struct config *config = kafka_config(cases[i]);
        struct error err = {""};
        rd_kafka_conf_t *conf = NULL;
        assert_int_equal(kafka_conf_make(&conf, KAFKA_PRODUCER, "client", NULL, config, &err),
                         -EINVAL);
        assert_non_null(strstr(err.text, "kafka.bootstrap.servers is not set"));
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(producers_promise_what_the_contract_says),
        cmocka_unit_test(consumers_leave_offsets_to_the_store),
        cmocka_unit_test(both_roles_make_a_client),
        cmocka_unit_test(the_user_outranks_what_promises_nothing),
        cmocka_unit_test(properties_that_carry_a_promise_are_refused),
        cmocka_unit_test(unknown_names_and_bad_values_are_refused),
        cmocka_unit_test(a_missing_broker_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
