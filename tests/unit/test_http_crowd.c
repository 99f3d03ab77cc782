/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/http_fixture.h"

static void on_drain(struct http_conn *c, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    on_request(c, req, arg);
    if (slice_is(req->path, "/drain")) {
        http_server_drain(f->server);
    }
}

/* Both are ready in one turn; the first has the second closed. */
static void who_was_closed_is_not_looked_after(void **state)
{
    struct fixture *f = *state;
    f->handler.on_request = on_drain;
    start(f);
    struct client first = connect_to(f), second = connect_to(f);
    say(&second, GET("/?2"));
    expect(&second, OK("1", "2"));
    say(&first, GET("/?1"));
    expect(&first, OK("1", "1"));
    say(&first, GET("/drain?3"));
    leave(&second);
    turn(f);
    expect(&first, OK("1", "3"));
    expect_end(&first);
    leave(&first);
    until_idle(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(who_was_closed_is_not_looked_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
