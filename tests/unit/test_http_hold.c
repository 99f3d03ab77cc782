/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/http_fixture.h"

static void held_replies_go_out_in_order_with_the_others(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client a = connect_to(f), b = connect_to(f);
    say(&a, GET("/?0") GET("/hold?1") GET("/?2") GET("/hold?3") GET("/?4"));
    say(&b, GET("/?b"));
    expect(&a, OK("1", "0"));
    expect(&b, OK("1", "b"));
    expect_nothing(&a);
    http_server_release(f->server, 1, 7);
    expect(&a, OK("3", "1:7") OK("1", "2"));
    expect_nothing(&a);
    http_server_release(f->server, 2, 8);
    expect(&a, OK("3", "3:8") OK("1", "4"));
    say(&a, GET("/?5"));
    expect(&a, OK("1", "5"));
    leave(&a);
    leave(&b);
}

/* Replies were once put behind the later holds of their connection when they were released. */
static void a_release_does_not_put_a_reply_behind_later_ones(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/hold?1") GET("/hold?2") GET("/hold?3") GET("/?4"));
    until_requests(f, 4);
    for (uint64_t ticket = 1; ticket < 3; ticket++) {
        char want[256];
        (void)snprintf(want, sizeof want, OK("3", "%d:0"), (int)ticket);
        http_server_release(f->server, ticket, 0);
        expect(&c, want);
        expect_nothing(&c);
    }
    http_server_release(f->server, 3, 5);
    expect(&c, OK("3", "3:5") OK("1", "4"));
    leave(&c);
}

static void holds_of_one_release_keep_their_order(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client a = connect_to(f), b = connect_to(f);
    say(&a, GET("/hold?1") GET("/?2") GET("/hold?3"));
    until_requests(f, 3);
    say(&b, GET("/hold?4") "HEAD /hold?5 HTTP/1.1\r\n" HX "\r\n" GET("/hold?6"));
    until_requests(f, 6);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&a, OK("3", "1:0") OK("1", "2") OK("3", "3:0"));
    expect(&b, OK("3", "4:0") OK("3", "") OK("3", "6:0"));
    leave(&a);
    leave(&b);
}

/* The queue of holds is closed up and grows while some of them stay in it. */
static void holds_stay_whole_while_their_queue_moves(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    enum { WINDOW = 300, COUNT = 3000 };
    for (int i = 0; i < COUNT; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, GET("/hold?%d-%.*s"), i, i % 20, "abcdefghijklmnopqrst");
        say(&c, text);
        until_requests(f, (unsigned)i + 1);
        if (i < WINDOW) {
            continue;
        }
        int want = i - WINDOW;
        int len = snprintf(text, sizeof text, "%d-%.*s:1", want, want % 20, "abcdefghijklmnopqrst");
        char answer[512];
        (void)snprintf(answer, sizeof answer, OK("%d", "%s"), len, text);
        http_server_release(f->server, (uint64_t)want + 1, 1);
        expect(&c, answer);
    }
    leave(&c);
}

static void a_held_request_that_closes_is_answered_last(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/hold?1") "GET /hold?2 HTTP/1.1\r\n" HX "Connection: close\r\n\r\n" GET("/?3"));
    until_requests(f, 2);
    http_server_release(f->server, 1, 0);
    expect(&c, OK("3", "1:0"));
    expect_nothing(&c);
    http_server_release(f->server, 2, 0);
    expect(&c, OK_CLOSE("3", "2:0"));
    expect_end(&c);
    assert_int_equal(f->request_count, 2);
    leave(&c);
    until_idle(f);
}

static void holds_of_many_connections_are_released_together(void **state)
{
    struct fixture *f = *state;
    start(f);
    enum { COUNT = 100 };
    struct client c[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            if (round == 0) {
                c[i] = connect_to(f);
            }
            say(&c[i], GET("/hold?x"));
        }
        until_requests(f, (unsigned)(round + 1) * COUNT);
        http_server_release(f->server, f->next_ticket, round);
        for (int i = 0; i < COUNT; i++) {
            char want[256];
            (void)snprintf(want, sizeof want, OK("3", "x:%d"), round);
            expect(&c[i], want);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        leave(&c[i]);
    }
}

static void a_release_before_any_hold_does_nothing(void **state)
{
    struct fixture *f = *state;
    start(f);
    http_server_release(f->server, UINT64_MAX, 0);
    assert_int_equal(f->release_count, 0);
}

static void a_held_reply_may_close(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/?0") GET("/hold?1") GET("/hold?2"));
    expect(&c, OK("1", "0"));
    http_server_release(f->server, f->next_ticket, 9);
    expect(&c, OK_CLOSE("3", "1:9"));
    expect_end(&c);
    leave(&c);
    until_idle(f);
}

static void requests_past_the_bound_of_holds_wait_and_go_on(void **state)
{
    struct fixture *f = *state;
    f->options.held_max = 100;
    start(f);
    struct client a = connect_to(f), b = connect_to(f);
    say(&a, GET("/hold?1") GET("/hold?2") GET("/hold?3") GET("/hold?4") GET("/hold?5") GET("/?6"));
    until_requests(f, 4);
    say(&b, GET("/?b"));
    expect_nothing(&b);
    assert_int_equal(f->request_count, 4);
    for (int i = 0; i < 10; i++) { /* nothing more is sent: what waits is with the server */
        http_server_release(f->server, f->next_ticket, 0);
        unsigned before = f->release_count;
        http_server_release(f->server, f->next_ticket, 0);
        assert_int_equal(f->release_count, before);
        turn(f);
    }
    expect(&a,
           OK("3", "1:0") OK("3", "2:0") OK("3", "3:0") OK("3", "4:0") OK("3", "5:0") OK("1", "6"));
    expect(&b, OK("1", "b"));
    leave(&a);
    leave(&b);
}

#define LONG                                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FULL "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

/* Who waits for nothing is answered at once; who has replies held waits behind them anyway. */
static void past_the_bound_who_waits_for_nothing_is_told(void **state)
{
    struct fixture *f = *state;
    f->options.held_max = 100;
    f->options.is_full_told = f->asks = true;
    start(f);
    struct client a = connect_to(f), b = connect_to(f), c = connect_to(f);
    say(&a, GET("/hold?1"));
    until_requests(f, 1);
    say(&b, GET("/hold?2") GET("/hold?3") GET("/hold?4") GET("/hold?5") GET("/?6"));
    until_requests(f, 4);
    say(&c, GET("/hold?7") GET("/?8"));
    expect(&c, FULL OK("1", "8"));
    say(&c, GET("/hold?9"));
    expect(&c, FULL);
    expect_nothing(&b);
    assert_int_equal(f->request_count, 7);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&a, OK("3", "1:0"));
    until_requests(f, 9);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&b, OK("3", "2:0") OK("3", "3:0") OK("3", "4:0") OK("3", "5:0") OK("1", "6"));
    say(&c, GET("/hold?7"));
    until_requests(f, 10);
    http_server_release(f->server, f->next_ticket, 0);
    expect(&c, OK("3", "7:0"));
    leave(&a);
    leave(&b);
    leave(&c);
}

/* Its own replies are out, those of others still fill the room. */
static void who_has_waited_is_told_once_its_own_replies_are_out(void **state)
{
    struct fixture *f = *state;
    f->options.held_max = 100;
    f->options.is_full_told = f->asks = true;
    start(f);
    struct client a = connect_to(f), b = connect_to(f);
    say(&a, GET("/hold?1"));
    until_requests(f, 1);
    say(&b, GET("/hold?" LONG) GET("/?2"));
    until_requests(f, 2);
    say(&a, GET("/hold?3") GET("/?4"));
    expect_nothing(&a);
    assert_int_equal(f->request_count, 2);
    http_server_release(f->server, 1, 0);
    expect(&a, OK("3", "1:0") FULL OK("1", "4"));
    expect_nothing(&b);
    assert_int_equal(f->request_count, 4);
    leave(&a);
    leave(&b);
}

static void room_is_made_when_a_release_comes_in_the_same_turn(void **state)
{
    struct fixture *f = *state;
    f->options.held_max = 1;
    f->releases = true;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/?0") GET("/hold?1") GET("/hold?2") GET("/?3"));
    expect(&c, OK("1", "0") OK("3", "1:0") OK("3", "2:0") OK("1", "3"));
    leave(&c);
}

static void requests_that_wait_are_served_after_a_half_close(void **state)
{
    struct fixture *f = *state;
    f->options.held_max = 1;
    start(f);
    struct client c = connect_to(f);
    say(&c, GET("/hold?1") GET("/hold?2"));
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    until_requests(f, 1);
    expect_nothing(&c);
    f->releases = true;
    expect(&c, OK("3", "1:0") OK("3", "2:0"));
    expect_end(&c);
    leave(&c);
}

static void a_client_may_vanish_with_replies_held(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client gone = connect_to(f), stays = connect_to(f);
    say(&gone, GET("/hold?1") GET("/hold?2") GET("/?3"));
    say(&stays, GET("/hold?4"));
    until_requests(f, 4);
    leave_with_reset(&gone);
    turn(f);
    expect_metric(f, "playreport_http_connections{server=\"test\"} 1\n");
    http_server_release(f->server, f->next_ticket, 0);
    assert_int_equal(f->release_count, 1);
    expect(&stays, OK("3", "4:0"));
    leave(&stays);
}

static void a_client_may_vanish_between_release_and_flush(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client gone = connect_to(f);
    say(&gone, GET("/hold?1"));
    until_requests(f, 1);
    http_server_release(f->server, f->next_ticket, 0);
    leave_with_reset(&gone);
    until_idle(f);
}

static void a_server_is_freed_with_everything_outstanding(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct client gone = connect_to(f), held = connect_to(f), slow = connect_to(f);
    say(&gone, GET("/hold?1"));
    say(&held, GET("/hold?2") "GET /part");
    until_requests(f, 2);
    leave_with_reset(&gone);
    say(&slow, GET("/big") GET("/big") GET("/big"));
    turn(f);
    http_server_release(f->server, 1, 0);
    say(&slow, GET("/big"));
    pass(f);
    http_server_free(f->server);
    f->server = NULL;
    hear(&held);
    assert_true(is_over(&held));
    leave(&held);
    leave(&slow);
    http_server_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(held_replies_go_out_in_order_with_the_others),
        server_test(a_release_does_not_put_a_reply_behind_later_ones),
        server_test(holds_of_one_release_keep_their_order),
        server_test(holds_stay_whole_while_their_queue_moves),
        server_test(a_held_request_that_closes_is_answered_last),
        server_test(holds_of_many_connections_are_released_together),
        server_test(a_release_before_any_hold_does_nothing),
        server_test(a_held_reply_may_close),
        server_test(requests_past_the_bound_of_holds_wait_and_go_on),
        server_test(past_the_bound_who_waits_for_nothing_is_told),
        server_test(who_has_waited_is_told_once_its_own_replies_are_out),
        server_test(room_is_made_when_a_release_comes_in_the_same_turn),
        server_test(requests_that_wait_are_served_after_a_half_close),
        server_test(a_client_may_vanish_with_replies_held),
        server_test(a_client_may_vanish_between_release_and_flush),
        server_test(a_server_is_freed_with_everything_outstanding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
