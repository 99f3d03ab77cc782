/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/kafka_topic.h"

#include "common/kafka_conf.h"
#include "common/log.h"

#include "kafka_fixture.h"

#include <string.h>

enum { ANSWER_MS = 5000 };

struct fixture {
    struct cluster cluster;
    rd_kafka_t *rk; /* made with our settings */
};

static int set_up(void **state)
{
    log_set_level(LOG_LEVEL_ERROR);
    struct fixture *f = calloc(1, sizeof *f);
    cluster_start(&f->cluster, "reports", 7);
    struct config *config = cluster_config(&f->cluster, NULL);
    struct error err = {""};
    rd_kafka_conf_t *conf = NULL;
    assert_int_equal(kafka_conf_make(&conf, KAFKA_PRODUCER, "test", NULL, config, &err), 0);
    config_free(config);
    char reason[256];
    f->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(f->rk);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rd_kafka_destroy(f->rk);
    cluster_stop(&f->cluster);
    free(f);
    return 0;
}

static void find_tells_the_partitions(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    int partitions = 0;
    assert_int_equal(kafka_topic_find(f->rk, "reports", ANSWER_MS, &partitions, &err),
                     KAFKA_TOPIC_THERE);
    assert_int_equal(partitions, 7);
}

/* The mock makes what it is asked for, so it has to be told to deny it. */
static void find_tells_a_topic_that_is_missing(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    int partitions = -5;
    rd_kafka_mock_topic_set_error(f->cluster.mock, "reports",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(kafka_topic_find(f->rk, "reports", ANSWER_MS, &partitions, &err),
                     KAFKA_TOPIC_MISSING);
    assert_int_equal(partitions, -5);
    assert_non_null(strstr(err.text, "topic reports does not exist"));
}

static void a_topic_that_the_broker_withholds_is_away(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    int partitions = -5;
    rd_kafka_mock_topic_set_error(f->cluster.mock, "reports",
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(kafka_topic_find(f->rk, "reports", ANSWER_MS, &partitions, &err),
                     KAFKA_TOPIC_AWAY);
    assert_int_equal(partitions, -5);
    assert_non_null(strstr(err.text, "uthoriz"));
}

static void find_does_not_wait_longer_than_told(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    int partitions = 0;
    assert_int_equal(rd_kafka_mock_broker_set_down(f->cluster.mock, 1), 0);
    assert_int_equal(kafka_topic_find(f->rk, "reports", 50, &partitions, &err), KAFKA_TOPIC_AWAY);
    assert_non_null(strstr(err.text, "no answer"));
}

/* The mock makes no topics: what is seen here is that a refusal is a sentence. */
static void create_tells_why_it_could_not(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    struct kafka_topic_wish wish = {"fresh", 3, -1, 1000};
    assert_int_equal(kafka_topic_create(f->rk, &wish, 500, &err), KAFKA_TOPIC_AWAY);
    assert_non_null(strstr(err.text, "fresh"));
    wish.partitions = 0;
    err.text[0] = '\0';
    assert_int_equal(kafka_topic_create(f->rk, &wish, 500, &err), KAFKA_TOPIC_AWAY);
    assert_non_null(strstr(err.text, "fresh"));
}

static void a_broker_that_describes_nothing_is_let_be(void **state)
{
    struct fixture *f = *state;
    struct error err = {""};
    int partitions = 0;
    kafka_topic_warn(f->rk, "reports", 300);
    assert_int_equal(kafka_topic_retention_ms(f->rk, "reports", 300), -1);
    kafka_topic_warn(f->rk, "", 300);
    struct kafka_topic_traits traits = {-1, -1, -1};
    kafka_topic_ask_traits(f->rk, "reports", ANSWER_MS, &traits);
    assert_int_equal(traits.replication, 1);
    assert_int_equal(traits.min_insync, 0);
    assert_int_equal(traits.message_max_bytes, 0);
    assert_int_equal(kafka_topic_find(f->rk, "reports", ANSWER_MS, &partitions, &err),
                     KAFKA_TOPIC_THERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(find_tells_the_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(find_tells_a_topic_that_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_that_the_broker_withholds_is_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(find_does_not_wait_longer_than_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create_tells_why_it_could_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broker_that_describes_nothing_is_let_be, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
