/* cmocka needs the four before it */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/ack_level.h"

static void levels_have_the_names_of_the_option(void **state)
{
    (void)state;
    assert_string_equal(ack_level_name(ACK_JOURNAL), "journal");
    assert_string_equal(ack_level_name(ACK_DISK), "disk");
    assert_string_equal(ack_level_name(ACK_BROKER), "broker");
}

static void broker_promises_no_more_than_the_topic_holds(void **state)
{
    (void)state;
    static const char weak[] = "a killed daemon; a lost machine only with a topic of replication "
                               ">= 3 and min.insync.replicas >= 2";
    static const char unknown[] =
        "a killed daemon; more is not known before Kafka describes the topic";
    static const char strong[] = "a killed daemon, a power loss, a lost machine";
    static const struct {
        struct ack_topic topic;
        const char *survives;
    } cases[] = {
        {{0, 0}, unknown}, {{3, 0}, unknown}, {{0, 2}, unknown}, {{1, 1}, weak},
        {{3, 1}, weak},    {{2, 2}, weak},    {{3, 2}, strong},  {{5, 3}, strong},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(ack_level_survives(ACK_BROKER, &cases[i].topic), cases[i].survives);
        assert_string_equal(ack_level_survives(ACK_JOURNAL, &cases[i].topic), "a killed daemon");
        assert_string_equal(ack_level_survives(ACK_DISK, &cases[i].topic),
                            "a killed daemon, a power loss");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_the_names_of_the_option),
        cmocka_unit_test(broker_promises_no_more_than_the_topic_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
