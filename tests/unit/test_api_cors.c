/* cmocka needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/api_fixture.h"

#define EVENT "/api/analytics/report/event"
#define LISTED "https://a.example"
#define ALLOW "\r\nAccess-Control-Allow-Origin: "
#define PART                                                                                       \
    "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nphoto\r\n--x--\r\n"

/* A request, without the end of its first line and its Host. */
struct ask {
    const char *line, *rest, *status;
};

static const struct ask ASKS[] = {
    {"GET " EVENT "?photo_id=1&event=a", "\r\n", "200 OK"},
    {"GET " EVENT "?photo_id=1&event=a&callback=f", "\r\n", "200 OK"},
    {"GET " EVENT "?photo_id=x", "\r\n", "200 OK"},
    {"GET " EVENT "?photo_id=1&event=a&callback=1", "\r\n", "200 OK"},
    {"GET " EVENT ".gif?photo_id=1&event=a", "\r\n", "200 OK"},
    {"GET " EVENT ".gif", "\r\n", "200 OK"},
    {"POST /api/analytics/report/batch",
     "Content-Type: application/json\r\nContent-Length: "
     "28\r\n\r\n[{\"photo_id\":1,\"event\":\"a\"}]",
     "200 OK"},
    {"POST /api/analytics/report/batch",
     "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", "200 OK"},
    {"GET /api/echo?a=b", "\r\n", "200 OK"},
    {"GET "
     "/api/"
     "concatenate?a=%2Fapi%2Fecho&b=%2Fapi%2Fanalytics%2Freport%2Fevent%3Fphoto_id%3D1%26event%3Da",
     "\r\n", "200 OK"},
    {"GET /api/site/get?format=json", "\r\n", "200 OK"},
    {"GET /api/nothing", "\r\n", "200 OK"},
    {"GET /crossdomain.xml", "\r\n", "200 OK"},
    {"GET /api/crossdomain.xml", "\r\n", "200 OK"},
    {"GET /readyz", "\r\n", "200 OK"},
    {"GET /nothing", "\r\n", "404 Not Found"},
    {"OPTIONS " EVENT, "\r\n", "204 No Content"},
    {"OPTIONS *", "\r\n", "204 No Content"},
    {"POST " EVENT, "Content-Type: image/png\r\nContent-Length: 1\r\n\r\na", "415 "},
    {"POST " EVENT,
     "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 77\r\n\r\n" PART, "415 "},
    {"POST /api/echo", "Content-Encoding: br\r\nContent-Length: 1\r\n\r\na", "415 "},
    {"POST " EVENT, "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", "400 Bad Request"},
    {"PUT " EVENT, "\r\n", "405 Method Not Allowed"},
    {"POST " EVENT, "Content-Length: 1048577\r\n\r\n", "413 "},
    {"POST " EVENT, "Transfer-Encoding: chunked\r\n\r\nx", "400 "},
    {"POST " EVENT, "Expect: 100-continue\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n",
     "415 "},
    {"GET " EVENT, "A : b\r\n\r\n", "400 "},
    {"GET " EVENT, "Expect: more\r\n\r\n", "417 "},
};

/* Asks with that line of Origin, or none, on a connection of its own. */
static void ask(struct fixture *f, const struct ask *a, const char *origin)
{
    char text[1024];
    struct client c = connect_to(f);
    (void)snprintf(text, sizeof text, "%s HTTP/1.1\r\n" HX "%s%s", a->line, origin, a->rest);
    say(&c, text);
    expect_answer(f, &c, a->status, "\r\nX-Content-Type-Options: nosniff\r\n");
    leave(&c);
}

/* The answer says so once, and no credentials. */
static void expect_allowed(const struct fixture *f, const char *origin)
{
    const char *allow = strstr(f->answer, ALLOW);
    if (origin == NULL) {
        assert_null(allow);
    } else {
        assert_non_null(allow);
        allow += sizeof ALLOW - 1;
        assert_memory_equal(allow, origin, strlen(origin));
        assert_memory_equal(allow + strlen(origin), "\r\n", 2);
        assert_null(strstr(allow, ALLOW));
    }
    assert_null(strcasestr(f->answer, "Credentials"));
}

static void a_listed_origin_may_read_every_answer_and_all_of_them_vary(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line, *allowed;
    } ORIGINS[] = {
        {"Origin: " LISTED "\r\n", LISTED},
        {"origin:\t" LISTED " \r\n", LISTED},
        {"Origin: https://b.example\r\n", NULL},
        {"Origin: " LISTED "/\r\n", NULL},
        {"Origin: null\r\n", NULL},
        {"", NULL},
    };
    f->rules_options.cors_origins = "https://c.example, " LISTED;
    start(f);
    for (size_t i = 0; i < sizeof ASKS / sizeof ASKS[0]; i++) {
        for (size_t k = 0; k < sizeof ORIGINS / sizeof ORIGINS[0]; k++) {
            ask(f, &ASKS[i], ORIGINS[k].line);
            assert_in_answer(f, "\r\nVary: Origin\r\n");
            expect_allowed(f, ORIGINS[k].allowed);
            assert_int_equal(strstr(f->answer, "Access-Control-Allow-Methods") != NULL,
                             ORIGINS[k].allowed != NULL && ASKS[i].line[0] == 'O');
        }
    }
}

static void with_a_star_every_answer_may_be_read_and_none_varies(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof ASKS / sizeof ASKS[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            ask(f, &ASKS[i], k == 0 ? "" : "Origin: " LISTED "\r\n");
            expect_allowed(f, "*");
            assert_null(strstr(f->answer, "Vary"));
        }
    }
}

/* On one connection: what one request may is nothing that the next one may. */
static void each_request_is_answered_for_its_own_origin(void **state)
{
    struct fixture *f = *state;
    f->rules_options.cors_origins = LISTED " https://c.example";
    start(f);
    static const char *const ORIGINS[] = {LISTED, "https://b.example", "https://c.example", LISTED};
    struct client c = connect_to(f);
    for (size_t i = 0; i < 4; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "GET " EVENT "?photo_id=1&event=a HTTP/1.1\r\n" HX "Origin: %s\r\n\r\n"
                       "GET /none HTTP/1.1\r\n" HX "Origin: %s\r\n\r\n",
                       ORIGINS[i], ORIGINS[3 - i]);
        say(&c, text);
    }
    for (size_t i = 0; i < 4; i++) {
        expect_answer(f, &c, "200 OK", "\r\nVary: Origin\r\n");
        expect_allowed(f, i == 1 ? NULL : ORIGINS[i]);
        expect_answer(f, &c, "404 Not Found", "\r\nVary: Origin\r\n");
        expect_allowed(f, i == 2 ? NULL : ORIGINS[3 - i]);
    }
    leave(&c);
}

static void a_report_that_waited_is_answered_for_its_origin_whatever_comes_of_it(void **state)
{
    struct fixture *f = *state;
    static const struct ask UNCONFIRMED = {"GET " EVENT "?photo_id=1&event=a", "\r\n", "503 "};
    f->rules_options.cors_origins = LISTED;
    start(f);
    f->outcome = ACKS_UNCONFIRMED;
    ask(f, &UNCONFIRMED, "Origin: " LISTED "\r\n");
    expect_allowed(f, LISTED);
    ask(f, &UNCONFIRMED, "Origin: https://b.example\r\n");
    expect_allowed(f, NULL);
    assert_in_answer(f, "\r\nVary: Origin\r\n");
    f->outcome = 0;
    fault = EIO;
    ask(f, &UNCONFIRMED, "Origin: " LISTED "\r\n");
    expect_allowed(f, LISTED);
    assert_in_answer(f, "\r\nRetry-After: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        api_test(a_listed_origin_may_read_every_answer_and_all_of_them_vary),
        api_test(with_a_star_every_answer_may_be_read_and_none_varies),
        api_test(each_request_is_answered_for_its_own_origin),
        api_test(a_report_that_waited_is_answered_for_its_origin_whatever_comes_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
