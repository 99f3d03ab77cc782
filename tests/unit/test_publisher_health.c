/* cmocka needs these four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ingest/publisher_health.h"

#include "common/log.h"

#include <string.h>

static void a_connection_not_made_yet_is_a_fault(void **state)
{
    (void)state;
    struct health h;
    char text[HEALTH_TEXT_SIZE];
    assert_int_equal(health_init(&h), 0);
    assert_true(health_read(&h, text));
    assert_non_null(strstr(text, "not connected"));
    health_clear(&h, HEALTH_CONNECTION);
    assert_false(health_read(&h, text));
    assert_string_equal(text, "");
    health_fini(&h);
}

static void the_gravest_fault_is_told_first(void **state)
{
    (void)state;
    struct health h;
    char text[HEALTH_TEXT_SIZE];
    assert_int_equal(health_init(&h), 0);
    health_fail(&h, HEALTH_CONNECTION, "away", 1000);
    health_fail(&h, HEALTH_REFUSED, "too large", 1000);
    health_fail(&h, HEALTH_TOPIC, "missing", 1000);
    assert_true(health_read(&h, text));
    assert_string_equal(text, "too large");
    health_clear(&h, HEALTH_REFUSED);
    assert_true(health_read(&h, text));
    assert_string_equal(text, "missing");
    assert_false(health_has(&h, HEALTH_REFUSED));
    assert_true(health_has(&h, HEALTH_CONNECTION));
    health_fini(&h);
}

static void a_long_reason_is_cut_and_ends(void **state)
{
    (void)state;
    struct health h;
    char text[HEALTH_TEXT_SIZE], reason[2 * HEALTH_TEXT_SIZE];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    assert_int_equal(health_init(&h), 0);
    health_fail(&h, HEALTH_JOURNAL, reason, 1000);
    assert_true(health_read(&h, text));
    assert_int_equal(strlen(text), HEALTH_TEXT_SIZE - 1);
    health_fini(&h);
}

static void the_log_is_told_when_it_changes_and_then_once_a_minute(void **state)
{
    (void)state;
    struct health h;
    assert_int_equal(health_init(&h), 0);
    health_fail(&h, HEALTH_CONNECTION, "away", 1000);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 1000);
    health_fail(&h, HEALTH_CONNECTION, "away", 50000);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 1000);
    health_fail(&h, HEALTH_CONNECTION, "away", 61000);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 61000);
    health_fail(&h, HEALTH_CONNECTION, "refused", 62000);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 61000);
    health_fail(&h, HEALTH_CONNECTION, "away", 71000);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 71000);
    health_clear(&h, HEALTH_CONNECTION);
    health_fail(&h, HEALTH_CONNECTION, "away", 71001);
    assert_int_equal(h.logged_ms[HEALTH_CONNECTION], 71001);
    health_fini(&h);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_not_made_yet_is_a_fault),
        cmocka_unit_test(the_gravest_fault_is_told_first),
        cmocka_unit_test(a_long_reason_is_cut_and_ends),
        cmocka_unit_test(the_log_is_told_when_it_changes_and_then_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
