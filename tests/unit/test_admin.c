/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/admin.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/unit/http_client.h"

#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>

#define PAGE(status, type, len, body)                                                              \
    "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nContent-Length: " len                        \
    "\r\nCache-Control: no-store\r\n\r\n" body

struct fixture {
    struct event_base *base;
    struct metrics *metrics;
    struct admin *admin;
    bool ready;
};

static void on_health(struct buffer *json, void *arg)
{
    struct fixture *f = arg;
    buffer_append_text(json, f->ready ? "{\"ack\":\"disk\"}" : "{\"ack\":\"none\"}");
}

static bool on_ready(struct buffer *json, void *arg)
{
    struct fixture *f = arg;
    buffer_append_text(json, f->ready ? "{\"ready\":true}" : "{\"ready\":false}");
    return f->ready;
}

static int open_on(struct fixture *f, struct admin **out, const char *address, struct error *err)
{
    const struct admin_handler handler = {.on_health = on_health, .on_ready = on_ready, .arg = f};
    return admin_open(out, f->base, address, &handler, f->metrics, err);
}

static int set_up(void **state)
{
    log_set_level(LOG_LEVEL_ERROR);
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->base = event_base_new();
    f->metrics = metrics_new();
    assert_non_null(f->base);
    assert_non_null(f->metrics);
    struct error err = {""};
    assert_int_equal(open_on(f, &f->admin, "127.0.0.1:0", &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    admin_close(f->admin);
    metrics_free(f->metrics);
    event_base_free(f->base);
    free(f);
    return 0;
}

static void turn(void *arg)
{
    struct fixture *f = arg;
    (void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    admin_flush(f->admin);
}

static struct client connect_to(struct fixture *f)
{
    assert_int_not_equal(admin_port(f->admin), 0);
    return client_connect(admin_port(f->admin), turn, f);
}

static void readiness_is_in_the_status_and_health_is_not(void **state)
{
    struct fixture *f = *state;
    struct client c = connect_to(f);
    say(&c, GET("/readyz") GET("/healthz"));
    expect(&c, PAGE("503 Service Unavailable", "application/json", "15", "{\"ready\":false}"));
    expect(&c, PAGE("200 OK", "application/json", "14", "{\"ack\":\"none\"}"));
    f->ready = true;
    say(&c, GET("/readyz?verbose") GET("/healthz"));
    expect(&c, PAGE("200 OK", "application/json", "14", "{\"ready\":true}"));
    expect(&c, PAGE("200 OK", "application/json", "14", "{\"ack\":\"disk\"}"));
    leave(&c);
}

static void metrics_are_prometheus_text(void **state)
{
    struct fixture *f = *state;
    struct metric *m = metrics_counter(f->metrics, "playreport_seen_total", "", "Seen.");
    assert_non_null(m);
    metric_add(m, 42);
    struct client c = connect_to(f);
    say(&c, "GET /metrics HTTP/1.1\r\n" HX "Connection: close\r\n\r\n");
    until_heard(&c, SIZE_MAX);
    assert_true(c.eof);
    buffer_append_char(&c.got, '\0');
    static const char *const PARTS[] = {
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
        "# TYPE playreport_seen_total counter\n",
        "\nplayreport_seen_total 42\n",
        "\nplayreport_http_connections{server=\"admin\"} 1\n",
    };
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (strstr(c.got.data, PARTS[i]) == NULL) {
            fail_different(&c, PARTS[i]);
        }
    }
    leave(&c);
}

static void head_is_answered_without_a_body(void **state)
{
    struct fixture *f = *state;
    struct client c = connect_to(f);
    say(&c, "HEAD /readyz HTTP/1.1\r\n" HX "\r\n" GET("/healthz"));
    expect(&c, PAGE("503 Service Unavailable", "application/json", "15", ""));
    expect(&c, PAGE("200 OK", "application/json", "14", "{\"ack\":\"none\"}"));
    leave(&c);
}

static void other_pages_and_methods_are_refused(void **state)
{
    struct fixture *f = *state;
    struct client c = connect_to(f);
    say(&c, GET("/") GET("/healthz/") GET("/api/analytics/report/event"));
    for (int i = 0; i < 3; i++) {
        expect(&c, PAGE("404 Not Found", "text/plain; charset=utf-8", "41",
                        "there are /healthz, /readyz and /metrics\n"));
    }
    say(&c, "POST /readyz HTTP/1.1\r\n" HX "Content-Length: 2\r\n\r\nhi" GET("/healthz"));
    expect(&c, "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 34\r\nCache-Control: no-store\r\nAllow: GET, HEAD\r\n\r\n"
               "only GET and HEAD are served here\n");
    expect(&c, PAGE("200 OK", "application/json", "14", "{\"ack\":\"none\"}"));
    leave(&c);
}

static void opening_fails_with_a_sentence(void **state)
{
    struct fixture *f = *state;
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", admin_port(f->admin));
    struct fixture other = {.base = f->base, .metrics = metrics_new()};
    struct admin *none = NULL;
    struct error err = {""};
    assert_int_equal(open_on(&other, &none, taken, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, taken));
    assert_int_equal(open_on(&other, &none, "nowhere", &err), -EINVAL);
    assert_non_null(strstr(err.text, "nowhere"));
    assert_null(none);
    admin_close(NULL);
    metrics_free(other.metrics);
}

#define admin_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        admin_test(readiness_is_in_the_status_and_health_is_not),
        admin_test(metrics_are_prometheus_text),
        admin_test(head_is_answered_without_a_body),
        admin_test(other_pages_and_methods_are_refused),
        admin_test(opening_fails_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
